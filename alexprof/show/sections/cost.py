"""What does a step cost? The timed steps of every phase and variant, and their differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from alexprof.record.ablation import Ablation
from alexprof.record.values import Stretch, Timed, blocks_together
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Drawing, Lead, Note, Row, Section, Table, Warn
from alexprof.show.note_texts import note_text
from alexprof.show.sections.classic import classic_figures
from alexprof.show.sections.headline import headline
from alexprof.show.sections.interference import interference_warnings
from alexprof.show.sections.order import measured_order
from alexprof.show.sections.quality import quality
from alexprof.show.view import View, article, centre, includes_zero, measured, plural, sentence_case

STRETCHES_SHOWN = 4
_COLUMNS = (
    Column("", align="name"),
    Column("steps", align="right", drop=2),
    Column("mean"),
    Column("± 95 %"),
    Column("std", drop=3),
    Column("median"),
    Column("95 % interval", align="right"),
)


def cost_section(view: View) -> Section:
    """Answers what a step costs."""
    unit = _unit(view)
    return Section(
        "What does a step cost?",
        f"{unit.name}, no profiler attached",
        tuple(_blocks(view, unit)) or (_nothing(),),
        "cost",
    )


def _unit(view: View) -> numbers.Unit:
    """The unit of the table: of means, medians and differences of all phases."""
    times_s: list[float] = []
    for key in view.phases:
        for name in view.run.variants:
            if timed := view.timed(name, key):
                times_s += [timed.mean_s, timed.median_s]
        for one in view.ablations(key):
            times_s += [one.measured_s, one.measured_median_s]
    return numbers.table_unit(times_s)


def _nothing() -> Block:
    return Lead("No phase was timed.")


def _blocks(view: View, unit: numbers.Unit) -> Iterator[Block]:
    phases = view.phases
    if not phases:
        return
    yield from (Lead(text) for key in phases if (text := headline(view, key)))
    yield from (Lead(text) for key in phases if (text := _sentence(view, key)))
    if view.by_median:
        yield Note("Medians where steps were slow in a row: the means follow those steps.")
    rows = tuple(row for key in phases for row in _rows(view, key, unit))
    yield Table(_COLUMNS, rows)
    if note := _footnote(view):
        yield Note(note)
    yield from quality(view)
    yield from (Warn(text) for text in _warnings(view))
    if lines := measured_order(view):
        yield Drawing("In the order measured; a cell is the mean of a block of steps", lines)
    yield from classic_figures(view)


_MOST_SPOKEN = 5
"""Variants that are all named in a sentence; of more the first, the quickest and the slowest."""


def _sentence(view: View, key: str) -> str:
    """Says: a forward step takes 244 ms with LRN, 188 ms without (means)."""
    by_median = view.by_median
    timed = [(name, one) for name in view.run.variants if (one := view.timed(name, key))]
    if not timed:
        return ""
    others = len(timed) - 1
    if len(timed) > _MOST_SPOKEN:
        ends = sorted(timed[1:], key=lambda each: centre(each[1], by_median=by_median))
        timed = [timed[0], ends[0], ends[-1]]
    times_s = [centre(one, by_median=by_median) for _, one in timed]
    values = [numbers.time(time_s, max(times_s)) for time_s in times_s]
    if len(view.run.variants) == 1:
        said = values[0]
    else:
        labels = _spoken([name for name, _ in timed], view)
        each = [f"{value} {label}" for value, label in zip(values, labels, strict=True)]
        if len(each) <= others:
            each[1:] = [f"and between {each[1]} and {each[2]} in {others} variants"]
        said = ", ".join(each)
    phase = view.phase_label(key)
    kind = "medians" if by_median else "means"
    kind = kind[:-1] if len(timed) == 1 else kind
    unseen = ": no difference seen" if _no_difference(view, key) else ""
    return f"{sentence_case(article(phase))} {phase} step takes {said} ({kind}){unseen}."


def _spoken(variants: list[str], view: View) -> list[str]:
    """Labels as they follow a number: "with LRN", "without"; "(float32)" for a bare name."""
    labels = [
        view.variant_label(name) if name == variants[0] else view.other_label(name, variants[0])
        for name in variants
    ]
    if all(label.split(" ")[0] in ("with", "without", "in", "on") for label in labels):
        return labels
    return [f"({view.variant_label(name)})" for name in variants]


def _no_difference(view: View, key: str) -> bool:
    found = view.ablations(key)
    by_median = view.by_median
    return len(found) == 1 and includes_zero(measured(found[0], by_median=by_median)[1])


def _rows(view: View, key: str, unit: numbers.Unit) -> Iterator[Row]:
    yield Row((view.phase_label(key),), "group")
    for name in view.run.variants:
        timed = view.timed(name, key)
        if timed or view.phase(name, key) or not view.run.complete:
            yield Row((f"  {view.variant_label(name)}", *_figures(timed, unit)))
    found = view.ablations(key)
    for one in found:
        label = "difference" if len(found) == 1 else f"difference, {view.ablation_label(one)}"
        yield Row((f"  {label}", *_difference(one, unit)), "muted")


def _figures(timed: Timed | None, unit: numbers.Unit) -> tuple[str, ...]:
    if timed is None:
        return (numbers.MISSING,) * 6
    return (
        str(timed.steps),
        unit.plain(timed.mean_s),
        unit.half_width(timed.ci95_s),
        unit.plain(timed.std_s if timed.steps > 1 else None),
        unit.plain(timed.median_s),
        unit.interval(timed.median_ci95_s),
    )


def _difference(one: Ablation, unit: numbers.Unit) -> tuple[str, ...]:
    return (
        "",
        unit.signed(one.measured_s),
        unit.half_width(one.ci95_s),
        "",
        unit.signed(one.measured_median_s),
        unit.interval(one.median_ci95_s),
    )


def _block_sizes(timed: Timed) -> Iterator[int]:
    """Steps of the blocks that an interval comes from: neighbours are together in many."""
    together = blocks_together(len(timed.blocks))
    for start in range(0, len(timed.blocks) - together + 1, together):
        yield sum(block.steps for block in timed.blocks[start : start + together])


def _footnote(view: View) -> str:
    every = [view.timed(name, key) for key in view.phases for name in view.run.variants]
    timed = [one for one in every if one]
    said = []
    if any(one.ci95_s for one in timed):
        sizes = {size for one in timed for size in _block_sizes(one)}
        largest = plural(max(sizes, default=0), "step")
        blocks = f"blocks of {'' if len(sizes) == 1 else 'up to '}{largest}"
        said.append(f"± belongs to the mean, the interval to the median; both from {blocks}.")
    if any(one.ci95_s is None for one in timed):
        said.append("No interval (–) from fewer than two blocks of steps.")
    if None in every and not view.run.complete:
        said.append("– stands for what the run did not reach.")
    if burn_in := {one.burn_in for one in timed if one.burn_in}:
        fewest, most = min(burn_in), max(burn_in)
        count = plural(most, "warm-up step")
        said.append(f"{count if fewest == most else f'{fewest} to {count}'} left out.")
    if timed and not all(one.burn_in for one in timed):
        said.append("No warm-up: the first, cold step is in these figures.")
    if any(not one.fetch for one in timed):
        said.append("Results were not fetched to Python.")
    return " ".join(said)


def _warnings(view: View) -> Iterator[str]:
    if len(view.run.variants) > 1 and not _took_turns(view):
        yield "The variants ran one after the other: a drift of the machine is in their difference."
    hidden = {key: names for key in view.phases if (names := _hidden_by_slow_steps(view, key))}
    if hidden:
        every = all(len(hidden.get(key, ())) == len(view.ablations(key)) > 0 for key in view.phases)
        where = "" if every else f" ({_hidden(view, hidden)})"
        yield f"By the means, no difference seen{where}: slow steps widen them. Read the medians."
    found = [one for key in view.phases for one in view.stretches(key)]
    worst = sorted(found, key=lambda one: -one.ratio)[:STRETCHES_SHOWN]
    yield from (_stretch(view, one) for one in found if one in worst)
    if len(found) > len(worst):
        yield f"… and {len(found) - len(worst)} more, none of them slower"
    yield from interference_warnings(view)
    yield from _reasons(view)


def _took_turns(view: View) -> bool:
    return all(one.paired for one in view.run.ablations)


def _hidden_by_slow_steps(view: View, key: str) -> list[str]:
    """Of which ablations medians show what means do not, in a phase with slow stretches."""
    return [
        view.ablation_label(one)
        for one in view.ablations(key)
        if view.by_median
        and includes_zero(one.ci95_s)
        and one.median_ci95_s
        and not includes_zero(one.median_ci95_s)
    ]


def _hidden(view: View, hidden: Mapping[str, Sequence[str]]) -> str:
    """Says where: "forward", "forward without LRN and bias"."""
    said = []
    for key, names in hidden.items():
        every = len(names) == len(view.ablations(key))
        without = "" if every else f" without {' and without '.join(names)}"
        said.append(view.phase_label(key) + without)
    return ", ".join(said)


def _stretch(view: View, one: Stretch) -> str:
    several = " in the order run" if len(view.run.variants) > 1 else ""
    steps = f"steps {one.first_step}–{one.last_step}{several}"
    said = f"{view.phase_label(one.phase)}, {steps}: up to {numbers.times(one.ratio)} as long"
    total = len(view.run.variants)
    if total < 2:
        return said
    if len(one.variants) == total:
        return f"{said}, {'both' if total == 2 else 'all'} variants"
    return f"{said}, {' and '.join(map(view.variant_label, one.variants))} only"


def _reasons(view: View) -> Iterator[str]:
    """Why a phase was not timed, as far as the record says."""
    for key in view.phases:
        for name in view.run.variants:
            phase = view.phase(name, key)
            if phase and phase.timed is None and view.run.complete:
                where = f"{view.phase_label(key)}, {view.variant_label(name)}"
                why = " ".join(sentence_case(note_text(note)) for note in phase.notes)
                yield f"{where}: not timed. {why}".rstrip()
