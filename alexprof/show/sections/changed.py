"""What changed? Two sides' phases, then their layers, kinds and ops, each with its interval.

In short the verdict of each phase, and the layers of those that changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from alexprof.analysis.caveats import SPOILED
from alexprof.analysis.changes import Change, GroupRecord, Level, Part, RunComparison, Unmatched
from alexprof.record.values import Difference, Interval
from alexprof.show import numbers
from alexprof.show.comparison_texts import caveat_text, result_text
from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Column,
    Lead,
    Mark,
    Piece,
    Remark,
    Row,
    Section,
    Table,
    Warn,
)
from alexprof.show.text import in_sentence, plural, sentence_case
from alexprof.show.verdicts import VERDICTS, needed_notes, verdict_phrase, verdict_word
from alexprof.show.view import UNNAMED

LAYERS_SHOWN, FEW_SHOWN, KINDS_SHOWN = 10, 4, 5
"""Layers in full if something changed; else, and in short; kinds."""
_NOTES_SHOWN = 2
_WIDEST = 3.0
"""The axis takes intervals up to so many times as wide as the middle one."""

Key = tuple[str, str, str]
"""Variant of A, variant of B, phase."""


def comparable_section(comparison: RunComparison) -> Section:
    """Answers whether the groups can be compared at all."""
    blocks: list[Block] = [Lead(_comparable(comparison))]
    blocks += caveat_warnings(comparison)
    warnings, remarks = note_blocks(comparison)
    blocks += [*warnings, *remarks]
    if text := same_results(comparison):
        blocks.append(Remark(text))
    return Section("Can they be compared?", "", tuple(blocks))


def changed_sections(comparison: RunComparison, other: GroupRecord, top: int) -> Iterator[Section]:
    """Answers what changed in one of the other groups: by phase, then inside each phase."""
    a, parts = comparison.a, _parts(comparison, other)
    several = f" in {other.name}" if len(comparison.others) > 1 else ""
    phases = [part for part in parts if isinstance(part, Change) and part.level == "phase"]
    how = "traced steps" if a.traced else "no profiler attached"
    aside = f"{table_unit_of(phases).name}, {how}"
    yield Section(f"What changed{several}?", aside, tuple(_phase_blocks(phases, a)))
    for key in dict.fromkeys(map(key_of, parts)):
        inside = [part for part in parts if key_of(part) == key]
        if any(part.level != "phase" for part in inside):
            scale = "of traced steps" if a.traced else "on the scale of timed steps"
            aside = f"{label(key, a)}; shares, {scale}"
            yield Section(f"Where{several}?", aside, tuple(_inside(inside, a, top)))


def _parts(comparison: RunComparison, other: GroupRecord) -> list[Change | Unmatched]:
    """What another group was compared in: phases in A's order, each with its variants in A's."""
    phases, variants = list(comparison.a.phases), list(comparison.a.variants)
    everything: tuple[Change | Unmatched, ...]
    everything = (*comparison.differences, *comparison.gone, *comparison.new)
    return sorted(
        (part for part in everything if part.b == other.name),
        key=lambda part: (phases.index(part.phase), variants.index(part.variant)),
    )


def brief_section(comparison: RunComparison) -> Section:
    """The short form of a comparison; it stops after the reasons where nothing can be told."""
    return Section("", "", tuple(_brief_blocks(comparison)))


def _brief_blocks(comparison: RunComparison) -> Iterator[Block]:
    if not comparison.comparable:
        yield Lead("The runs can’t be compared: a difference might not come from the program.")
        yield from caveat_warnings(comparison)
        return
    warnings, remarks = note_blocks(comparison, lead_says_variants=False)
    for other in comparison.others:
        yield from _brief_changes(comparison, other)
    yield from warnings
    if text := same_results(comparison):
        yield Remark(text)
    yield from remarks[:_NOTES_SHOWN]


def _brief_changes(comparison: RunComparison, other: GroupRecord) -> Iterator[Block]:
    a, several = comparison.a, len(comparison.others) > 1
    changes = [part for part in _parts(comparison, other) if isinstance(part, Change)]
    phases = [change for change in changes if change.level == "phase"]
    for block in _phase_blocks(phases, a):
        if several and isinstance(block, Lead):
            yield Lead(f"{other.name}: {block.text}")
        else:
            yield block
    for phase in phases if not several else ():
        layers = [
            change
            for change in changes
            if change.level == "layer"
            and change.difference.significant
            and key_of(change) == key_of(phase)
        ]
        if phase.difference.significant and layers:
            title = f"Layers that changed, {label(key_of(phase), a)}"
            yield replace(_change_table(layers, "layer", a, most=FEW_SHOWN), title=title)


def label(key: Key, a: GroupRecord) -> str:
    """A phase and variant in sentences: "forward, with LRN"; the phase alone of what has one."""
    variant, b_variant, phase = key
    phase_label = in_sentence(a.phases.get(phase, phase))
    before, after = (a.variants.get(name, name.replace("_", " ")) for name in (variant, b_variant))
    if variant != b_variant:
        return f"{phase_label}, {before} → {after}"
    return phase_label if a.traced or before == UNNAMED else f"{phase_label}, {before}"


def percent_interval(ratio_ci95: Interval | None) -> str:
    """The interval of a ratio as a change in percent: "−1.20 to 3.40"."""
    if ratio_ci95 is None:
        return numbers.MISSING
    low, high = ratio_ci95
    return f"{numbers.percent(low - 1)} to {numbers.percent(high - 1)}"


def percent_change(difference: Difference) -> str:
    """How much it changed in percent: "+4.30"."""
    return numbers.signed((difference.ratio - 1) * 100)


def interval_text(ratio_ci95: Interval) -> str:
    """The interval, named: "95 % interval −1.20 to 3.40 %"."""
    return f"95{numbers.NBSP}% interval {numbers.unit(percent_interval(ratio_ci95), '%')}"


def _change_text(difference: Difference) -> str:
    """How much it changed: "+10.2 ms; 95 % interval 2.10 to 6.50 %"."""
    unit = numbers.spoken_unit(difference.change_s, difference.before_s)
    change = numbers.unit(unit.signed(difference.change_s), unit.name)
    if difference.ratio_ci95 is None:
        return change
    return f"{change}; {interval_text(difference.ratio_ci95)}"


def _comparable(comparison: RunComparison) -> str:
    if not comparison.comparable:
        return "No: the differences below might not come from the program."
    if of_one_run(comparison):
        return "Yes: variants of one run, which differ on purpose."
    if comparison.a.traced:
        return "Yes, by traced steps, as far as traces show what ran."
    return "Yes: the same work on the same machine."


def of_one_run(comparison: RunComparison) -> bool:
    """Whether all that is compared are variants of one run."""
    return all(other.runs == comparison.a.runs for other in comparison.others)


def phase_labels(comparison: RunComparison) -> dict[str, str]:
    """The label of each phase of any group; A's first."""
    groups = (*comparison.others, comparison.a)
    return {key: label for group in groups for key, label in group.phases.items()}


def caveat_warnings(comparison: RunComparison) -> list[Warn]:
    """Why groups can't be compared."""
    labels = phase_labels(comparison)
    return [Warn(f"{caveat_text(caveat, labels)}.") for caveat in comparison.why_not]


def note_blocks(
    comparison: RunComparison, *, lead_says_variants: bool = True
) -> tuple[list[Warn], list[Remark]]:
    """What else to know: of busy phases a warning; not what the lead says of variants anyway."""
    of_variants = lead_says_variants and of_one_run(comparison)
    labels = phase_labels(comparison)
    warnings, remarks = [], []
    for note in comparison.notes:
        text = f"{caveat_text(note, labels)}."
        if note.effect == "times" or note.code == "machine_busy":
            warnings.append(Warn(text))
        elif not (of_variants and note.code == "variants_of_one_run"):
            remarks.append(Remark(text))
    return warnings, remarks


def same_results(comparison: RunComparison) -> str:
    """Whether both compute the same; "" where that is among what forbids the comparison."""
    every = "all" if len(comparison.others) > 1 else "both"
    answer, labels = comparison.same_results, phase_labels(comparison)
    if answer:
        worst = max(comparison.results, key=lambda change: change.difference or 0.0)
        if not worst.difference:
            return f"{every.capitalize()} compute the same results: their fingerprints are equal."
        return f"{every.capitalize()} compute the same results: {result_text(worst, labels)}."
    shown = [change for change in comparison.results if change.same is answer]
    clauses = dict.fromkeys(result_text(change, labels) for change in shown)
    texts = "; ".join(clauses) or "no phase is in all runs"
    if answer is None:
        return f"It is not known whether {every} compute the same results: {texts}."
    if all(change.on_purpose for change in shown):
        return f"Their results differ: {texts}."
    return ""


def _phase_blocks(phases: Sequence[Change], a: GroupRecord) -> Iterator[Block]:
    """The verdict of each phase, the table of them, and what verdicts would take."""
    if not phases:
        yield Lead(f"No phase was {'traced' if a.traced else 'timed'} on both sides.")
        return
    yield from (Lead(phase_text(change, a)) for change in phases)
    yield _change_table(phases, "phase", a)
    needs = [(label(key_of(change), a), change.difference.needed) for change in phases]
    yield from needed_notes(needs, "a verdict needs")


def phase_text(change: Change, a: GroupRecord) -> str:
    """The verdict on a phase."""
    return f"{sentence_case(label(key_of(change), a))}: {verdict_text(change.difference)}."


def verdict_text(difference: Difference, than: str = "") -> str:
    """Says: 4.30 % slower (+10.2 ms; 95 % interval 2.10 to 6.50 %)."""
    by_median = ", by medians" if difference.estimator == "median" else ""
    if difference.significant:
        size = numbers.percent_unit(abs(difference.ratio - 1))
        verdict = f"{size} {VERDICTS[difference.verdict]}{than}"
        return f"{verdict}{by_median} ({_change_text(difference)})"
    interval = difference.ratio_ci95
    span = f" ({interval_text(interval)})" if interval else ""
    return f"{verdict_phrase(difference)}{by_median}{span}"


def _inside(parts: Sequence[Change | Unmatched], a: GroupRecord, top: int) -> Iterator[Block]:
    layers = [part for part in parts if part.level in ("phase", "layer")]
    some = any(_is_news(part) for part in parts)
    yield _change_table(layers, "layer", a, most=LAYERS_SHOWN if some else FEW_SHOWN)
    silent = []
    levels: tuple[tuple[Level, int], ...] = (("kind", KINDS_SHOWN), ("op", top))
    for level, most in levels:
        of_level = [part for part in parts if part.level == level]
        news = [part for part in of_level if _is_news(part)]
        if news:
            yield _change_table(news, level, a, most=most)
        if others := len(of_level) - len(news):
            changed = any(isinstance(part, Change) for part in news)
            silent.append(plural(others, f"{'other ' if changed else ''}{level}"))
    if silent:
        yield Remark(_silent_text(parts, " and ".join(silent)))


def _silent_text(parts: Sequence[Change | Unmatched], silent: str) -> str:
    """Why nothing is said of kinds and ops: chance, or times that allow no verdict in the phase."""
    for part in parts:
        if isinstance(part, Change) and part.difference.reason in SPOILED:
            return f"{sentence_case(silent)}: {verdict_phrase(part.difference)}."
    return f"No significant change in {silent}."


def _is_news(part: Change | Unmatched) -> bool:
    return isinstance(part, Unmatched) or part.difference.significant


def change_of(part: Change | Unmatched) -> float:
    """By how much it changed, in seconds a step."""
    return part.difference.change_s if isinstance(part, Change) else part.change_s


def interval_of(part: Change | Unmatched) -> Interval | None:
    """The 95 % interval of that."""
    return part.difference.ci95_s if isinstance(part, Change) else part.change_ci95_s


def _change_table(
    parts: Sequence[Change | Unmatched], level: Level, a: GroupRecord, most: int = 99
) -> Table:
    """Changes as a table, at most so many; below the phase the largest first."""
    unit = table_unit_of(parts)
    if level != "phase":
        parts = sorted(parts, key=lambda part: (part.level != "phase", -abs(change_of(part))))
    most += level == "layer"
    rows = [_row(part, level, a, unit) for part in parts[:most]]
    if len(parts) > most:
        rows.append(Row((f"{len(parts) - most} more",), "muted"))
    columns = (
        Column(level, align="name"),
        Column("A", unit.name, drop=4),
        Column("B", unit.name, drop=3),
        Column("change", unit.name),
        Column("95 % interval", align="right"),
        Column("verdict", align="right", drop=1),
        Column("", align="bar", drop=2),
    )
    return Table(columns, tuple(rows), _axis(parts, unit))


def _row(part: Change | Unmatched, level: Level, a: GroupRecord, unit: numbers.Unit) -> Row:
    name = label(key_of(part), a) if level == "phase" else part.name
    if isinstance(part, Unmatched):
        change_s, interval = change_of(part), part.change_ci95_s
        whisker = (Piece(*interval, "interval"),) if interval else ()
        cells = (
            name,
            unit.plain(part.a_s) if part.a_s is not None else "",
            unit.plain(part.b_s) if part.b_s is not None else "",
            unit.signed(change_s),
            unit.interval(interval) if interval else "",
            "gone" if part.b_s is None else "new",
            Bar((Piece(0, 0, "zero"), *whisker, Piece(change_s, change_s, "part"))),
        )
        return Row(cells)
    difference = part.difference
    cells = (
        name,
        unit.plain(difference.before_s),
        unit.plain(difference.after_s),
        unit.signed(difference.change_s),
        unit.interval(difference.ci95_s),
        verdict_word(difference),
        change_bar(difference, "whole" if part.level == "phase" else "part"),
    )
    return Row(cells, "plain" if difference.significant or part.level == "phase" else "muted")


def table_unit_of(parts: Sequence[Change | Unmatched]) -> numbers.Unit:
    """The unit for some changes."""
    times_s: list[float | None] = []
    for part in parts:
        if isinstance(part, Change):
            difference = part.difference
            times_s += [difference.before_s, difference.after_s, difference.change_s]
        else:
            times_s.append(part.a_s or part.b_s)
    return numbers.table_unit(times_s)


def change_bar(difference: Difference, mark: Literal["whole", "part"]) -> Bar:
    """The change with its interval; open where it is not significant."""
    pieces = [Piece(0, 0, "zero")]
    if difference.ci95_s:
        pieces.append(Piece(*difference.ci95_s, "interval"))
    opened: dict[str, Mark] = {"whole": "whole, open", "part": "part, open"}
    change_s = difference.change_s
    filled: Mark = mark if difference.significant else opened[mark]
    return Bar((*pieces, Piece(change_s, change_s, filled)))


def _axis(parts: Sequence[Change | Unmatched], unit: numbers.Unit) -> Axis:
    """All changes, and the intervals that are not much wider than most."""
    ends = [0.0, *map(change_of, parts)]
    intervals = [interval for part in parts if (interval := interval_of(part))]
    widths = sorted(high - low for low, high in intervals)
    most = _WIDEST * widths[len(widths) // 2] if widths else 0.0
    ends += [end for low, high in intervals if high - low <= most for end in (low, high)]
    return Axis.over(ends, unit.per_second, about=3)


def key_of(part: Part) -> Key:
    """Which step it belongs to."""
    return part.variant, part.b_variant, part.phase
