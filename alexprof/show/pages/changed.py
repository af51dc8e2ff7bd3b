"""What changed? Two runs or variants beside each other, what spoils the comparison first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from alexprof.analysis.changes import Change, RunComparison, Unmatched
from alexprof.analysis.compare import compare
from alexprof.analysis.division import divide
from alexprof.analysis.selection import Group, Selection
from alexprof.errors import RunError, UsageError
from alexprof.show.comparison import BETWEEN_RUNS, FOOTER, one_phase
from alexprof.show.document import Block, Choice, Figure, Lead, Remark, Section, Table, Warn
from alexprof.show.figures.forest import forest
from alexprof.show.pages.compared import Compared, selections_of
from alexprof.show.pages.view import PageView
from alexprof.show.sections.changed import (
    Key,
    caveat_warnings,
    change_of,
    changed_sections,
    key_of,
    label,
    note_blocks,
    of_one_run,
    phase_text,
    same_results,
    table_unit_of,
)
from alexprof.show.text import plural

TITLE = "What changed?"
_DRAWN = 20
"""So many layers at most are drawn: the largest changes."""
_FIGURES = 4
"""Of more variants the tables have the rest."""

Part = Change | Unmatched


def changed_page(view: PageView) -> Section:
    """Makes the page."""
    try:
        compared = selections_of(view)
    except RunError as error:
        lead = Lead("The other run can’t be read.")
        others = _choice(view, view.choices.against)
        return Section(TITLE, "", (lead, Warn(f"{error}."), *others))
    choice = tuple(_choice(view, compared.against if compared else ""))
    if compared is None:
        return Section(TITLE, "", (Lead(_nothing_to_compare(view)), *choice))
    try:
        comparison = compare([Group((compared.a,)), Group((compared.b,))])
    except (RunError, UsageError) as error:
        lead = Lead(f"{compared.a.name} and {compared.b.name} can’t be compared.")
        return Section(TITLE, "", (lead, Warn(f"{error}."), *choice))
    aside = f"A {_name(compared.a, view)} → B {_name(compared.b, view)}"
    return Section(TITLE, aside, tuple(_blocks(view, compared, comparison, choice)))


def _nothing_to_compare(view: PageView) -> str:
    if view.others:
        return f"Choose a run to compare {view.name} with."
    return "There is nothing to compare with: the run has one variant, and the logdir no other run."


def _choice(view: PageView, against: str) -> Iterator[Choice]:
    """The variants of the run, then the other runs."""
    names = list(view.run.variants) if len(view.run.variants) > 1 else []
    options = [(name, view.variant_label(name)) for name in names]
    options += [(other.name, other.name) for other in view.others]
    if against and against not in dict(options):
        options.append((against, against))
    if not against and options:
        options.insert(0, ("", "choose …"))
    if options:
        yield Choice("against", "Compared with", tuple(options), against)


def _name(selection: Selection, view: PageView) -> str:
    run, variant = selection.run, selection.variant
    if variant is None:
        return selection.name
    text = run.variants[variant].label
    return text if run is view.run else f"{run.run}, {text}"


def _blocks(
    view: PageView, compared: Compared, comparison: RunComparison, choice: Sequence[Choice]
) -> Iterator[Block]:
    """What spoils the comparison, the verdicts, the chosen phase, then the report's tables."""
    warnings, remarks = note_blocks(comparison)
    if not comparison.comparable:
        yield Lead("They can’t be compared: a difference might not come from the program.")
        yield from caveat_warnings(comparison)
    yield from _verdicts(view, comparison)
    yield from warnings
    yield from choice
    here = comparison
    if view.key in comparison.a.phases:
        here = one_phase(comparison, view.key)
    yield from _figures(view, compared, here)
    whole, *_ = changed_sections(comparison, comparison.others[0], view.options.top)
    yield from (block for block in whole.texts if not isinstance(block, Lead))
    if text := same_results(comparison):
        yield Remark(text)
    yield from remarks
    _, *inside = changed_sections(here, here.others[0], view.options.top)
    for section in inside:
        for place, block in enumerate(section.texts):
            if place == 0 and isinstance(block, Table):
                yield replace(block, title=section.aside)
            else:
                yield block
    yield Remark(f"{FOOTER}{'' if of_one_run(comparison) else BETWEEN_RUNS}.")


def _verdicts(view: PageView, comparison: RunComparison) -> Iterator[Block]:
    """Of every phase, the chosen one first; where all is in doubt they are no answers."""
    phases = list(comparison.a.phases)
    changes = sorted(
        (change for change in comparison.differences if change.level == "phase"),
        key=lambda change: (change.phase != view.key, phases.index(change.phase)),
    )
    if not changes:
        what = "traced" if comparison.a.traced else "timed"
        text = f"No phase was {what} in both."
        yield Lead(text) if comparison.comparable else Remark(text)
    for change in changes:
        text = phase_text(change, comparison.a)
        leads = change.phase == view.key and comparison.comparable
        yield Lead(text) if leads else Remark(text)


def _figures(view: PageView, compared: Compared, comparison: RunComparison) -> Iterator[Figure]:
    """A phase, for each pair of variants; that of the variant looked at first."""
    parts: dict[Key, list[Part]] = {}
    everything: tuple[Part, ...]
    everything = (*comparison.differences, *comparison.gone, *comparison.new)
    for part in everything:
        if part.level in ("phase", "layer"):
            parts.setdefault(key_of(part), []).append(part)
    variants = list(comparison.a.variants)
    keys = sorted(
        parts, key=lambda key: (view.variant not in key[:2], variants.index(key[0]), key[1])
    )
    for place, key in enumerate(keys[:_FIGURES]):
        ordered = sorted(
            parts[key], key=lambda part: (part.level != "phase", -abs(change_of(part)))
        )
        figure = forest(
            ordered[: _DRAWN + 1],
            _kinds(compared, key),
            table_unit_of(ordered),
            title="Changes from A to B",
            aside=label(key, comparison.a),
        )
        more = len(ordered) - 1 - _DRAWN
        rest = f" {plural(more, 'more layer')} changed less." if more > 0 else ""
        name = f"{figure.name}-{place + 1}" if place else figure.name
        yield replace(figure, name=name, hint=f"{figure.hint}{rest}")


def _kinds(compared: Compared, key: Key) -> dict[str, str]:
    """The kind of each layer that is of one, in either."""
    kinds: dict[str, str] = {}
    for selection, variant in ((compared.a, key[0]), (compared.b, key[1])):
        division = divide(selection.run, variant, key[2])
        for layer in division.layers if division else ():
            kinds.setdefault(layer.name, layer.kind)
    return kinds
