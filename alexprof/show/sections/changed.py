"""What changed? Two sides' phases, then their layers, kinds and ops, each with its interval.

In short the verdict of each phase, and the layers of those that changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

from alexprof.analysis.changes import Change, GroupRecord, Level, RunComparison, Unmatched
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
    round_ticks,
)
from alexprof.show.text import clean, in_sentence, plural, sentence_case
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
    blocks += [Warn(f"{caveat_text(caveat)}.") for caveat in comparison.why_not]
    blocks += [Remark(f"{caveat_text(caveat)}.") for caveat in comparison.notes]
    if text := same_results(comparison):
        blocks.append(Remark(text))
    return Section("Can they be compared?", "", tuple(blocks))


def changed_sections(comparison: RunComparison, other: GroupRecord, top: int) -> Iterator[Section]:
    """Answers what changed in one of the other groups: by phase, then inside each phase."""
    changes = [change for change in comparison.differences if change.b == other.name]
    unmatched = [part for part in (*comparison.gone, *comparison.new) if part.b == other.name]
    keys = list(dict.fromkeys([*map(key_of, changes), *map(key_of, unmatched)]))
    keys.sort(key=lambda key: rank(key, comparison.a))
    phases = [
        change
        for key in keys
        for change in changes
        if change.level == "phase" and key_of(change) == key
    ]
    several = f" in {clean(other.name)}" if len(comparison.others) > 1 else ""
    unit = _unit(phases, ())
    how = "traced steps" if comparison.a.traced else "no profiler attached"
    yield Section(
        f"What changed{several}?",
        f"{unit.name}, {how}",
        tuple(phase_blocks(phases, comparison.a)),
    )
    for key in keys:
        parts = [change for change in changes if change.level != "phase" and key_of(change) == key]
        gone_or_new = [part for part in unmatched if key_of(part) == key]
        if parts or gone_or_new:
            step = [change for change in phases if key_of(change) == key]
            blocks = tuple(_inside(step, parts, gone_or_new, top))
            scale = "of traced steps" if comparison.a.traced else "on the scale of timed steps"
            aside = f"{label(key, comparison.a)}; shares, {scale}"
            yield Section(f"Where{several}?", aside, blocks)


def brief_section(comparison: RunComparison) -> Section:
    """The short form of a comparison; it stops after the reasons where nothing can be told."""
    return Section("", "", tuple(_brief_blocks(comparison)))


def _brief_blocks(comparison: RunComparison) -> Iterator[Block]:
    if not comparison.comparable:
        yield Lead("They can’t be compared: a difference may not be the program’s doing.")
        yield from (Warn(f"{caveat_text(caveat)}.") for caveat in comparison.why_not)
        return
    for other in comparison.others:
        yield from _brief_changes(comparison, other)
    if text := same_results(comparison):
        yield Remark(text)
    yield from (Remark(f"{caveat_text(caveat)}.") for caveat in comparison.notes[:_NOTES_SHOWN])


def _brief_changes(comparison: RunComparison, other: GroupRecord) -> Iterator[Block]:
    changes = [change for change in comparison.differences if change.b == other.name]
    phases = [change for change in changes if change.level == "phase"]
    phases.sort(key=lambda change: rank(key_of(change), comparison.a))
    blocks = phase_blocks(phases, comparison.a)
    if len(comparison.others) > 1:
        for block in blocks:
            if isinstance(block, Lead):
                yield Lead(f"{clean(other.name)}: {block.text}")
            else:
                yield block
        return
    yield from blocks
    for phase in phases:
        layers = [
            (clean(change.name), change)
            for change in changes
            if change.level == "layer"
            and change.difference.significant
            and key_of(change) == key_of(phase)
        ]
        if phase.difference.significant and layers:
            table = change_table(layers, (), "layer", most=FEW_SHOWN)
            title = f"Layers that changed, {label(key_of(phase), comparison.a)}"
            yield replace(table, title=title)


def label(key: Key, a: GroupRecord) -> str:
    """A phase and variant in sentences: "forward, with LRN"; the phase alone of what has one."""
    variant, b_variant, phase = key
    phase_label = clean(in_sentence(a.phases.get(phase, phase)))
    before, after = (
        clean(a.variants.get(name, name.replace("_", " "))) for name in (variant, b_variant)
    )
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


def change_text(difference: Difference) -> str:
    """How much it changed: "+10.2 ms; 95 % interval 2.10 to 6.50 %"."""
    unit = numbers.spoken_unit(difference.change_s, difference.before_s)
    change = numbers.unit(unit.signed(difference.change_s), unit.name)
    if difference.ratio_ci95 is None:
        return change
    return f"{change}; {interval_text(difference.ratio_ci95)}"


def _comparable(comparison: RunComparison) -> str:
    if not comparison.comparable:
        return "No. What differs below may not be the program’s doing."
    if all(other.runs == comparison.a.runs for other in comparison.others):
        return "Yes: variants of one run, which differ on purpose."
    if comparison.a.traced:
        return "Yes, traced steps, as far as traces say what ran."
    return "Yes: the same work on the same machine."


def same_results(comparison: RunComparison) -> str:
    """Whether both compute the same; "" where that is among what forbids the comparison."""
    every = "all" if len(comparison.others) > 1 else "both"
    answer = comparison.same_results
    if answer:
        worst = max(comparison.results, key=lambda change: change.difference or 0.0)
        if not worst.difference:
            return f"{every.capitalize()} compute the same: their results’ fingerprints are equal."
        return f"{every.capitalize()} compute the same: {result_text(worst)}."
    shown = [change for change in comparison.results if change.same is answer]
    texts = "; ".join(dict.fromkeys(map(result_text, shown))) or "no phase is in all of them"
    if answer is None:
        return f"Whether {every} compute the same is not known: {texts}."
    if all(change.on_purpose for change in shown):
        return f"They compute something else on purpose, as variants of one run: {texts}."
    return ""


def phase_blocks(phases: Sequence[Change], a: GroupRecord) -> Iterator[Block]:
    """The verdict of each phase, the table of them, and what verdicts would take."""
    if not phases:
        yield Lead(f"No phase was {'traced' if a.traced else 'timed'} on both sides.")
        return
    for change in phases:
        name = sentence_case(label(key_of(change), a))
        yield Lead(f"{name}: {_verdict_text(change.difference)}.")
    yield change_table([(label(key_of(change), a), change) for change in phases], (), "phase")
    needs = [(label(key_of(change), a), change.difference.needed) for change in phases]
    yield from needed_notes(needs, "a verdict would take")


def _verdict_text(difference: Difference) -> str:
    """Says: 4.30 % slower (+10.2 ms; 95 % interval 2.10 to 6.50 %)."""
    by_median = ", by medians" if difference.estimator == "median" else ""
    if difference.significant:
        size = numbers.percent_unit(abs(difference.ratio - 1))
        return f"{size} {VERDICTS[difference.verdict]}{by_median} ({change_text(difference)})"
    interval = difference.ratio_ci95
    span = f" ({interval_text(interval)})" if interval else ""
    return f"{verdict_phrase(difference)}{by_median}{span}"


def _inside(
    step: Sequence[Change], parts: Sequence[Change], unmatched: Sequence[Unmatched], top: int
) -> Iterator[Block]:
    by_level = {
        level: [change for change in parts if change.level == level]
        for level in ("layer", "kind", "op")
    }
    named = [(clean(change.name), change) for change in (*step, *by_level["layer"])]
    layers = [part for part in unmatched if part.level == "layer"]
    some = layers or any(change.difference.significant for change in (*step, *parts))
    yield change_table(named, layers, "layer", most=LAYERS_SHOWN if some else FEW_SHOWN)
    silent = []
    levels: tuple[tuple[Level, int], ...] = (("kind", KINDS_SHOWN), ("op", top))
    for level, most in levels:
        changed = [
            (clean(change.name), change)
            for change in by_level[level]
            if change.difference.significant
        ]
        one_only = [part for part in unmatched if part.level == level]
        if changed or one_only:
            yield change_table(changed, one_only, level, most=most)
        if others := len(by_level[level]) - len(changed):
            silent.append(plural(others, f"{'other ' if changed else ''}{level}"))
    if silent:
        yield Remark(f"In {' and '.join(silent)}: no change that can be told from chance.")


def change_table(
    named: Sequence[tuple[str, Change]],
    unmatched: Sequence[Unmatched],
    level: Level,
    most: int = 99,
) -> Table:
    """Changes as a table, each with its row's name; below the phase the largest first.

    `unmatched` is what only one group has, `most` how many rows there are room for.
    """
    changes = [change for _, change in named]
    unit = _unit(changes, unmatched)
    rows = [
        (abs(change.difference.change_s), change.level == "phase", _row(name, change, unit))
        for name, change in named
    ]
    rows += [(part.a_s or part.b_s or 0.0, False, _unmatched_row(part, unit)) for part in unmatched]
    if level != "phase":
        rows.sort(key=lambda row: (not row[1], -row[0]))
    left = len(rows) - most - (level == "layer")
    shown = [row for _, _, row in rows[: len(rows) - max(left, 0)]]
    if left > 0:
        shown.append(Row((f"{left} more",), "muted"))
    columns = (
        Column(level, align="name"),
        Column("A", unit.name, drop=4),
        Column("B", unit.name, drop=3),
        Column("change", unit.name),
        Column("95 % interval", align="right"),
        Column("verdict", align="right", drop=1),
        Column("", align="bar", drop=2),
    )
    return Table(columns, tuple(shown), _axis(changes, unmatched, unit))


def _unit(changes: Sequence[Change], unmatched: Sequence[Unmatched]) -> numbers.Unit:
    differences = [change.difference for change in changes]
    times_s = [
        time_s
        for difference in differences
        for time_s in (difference.before_s, difference.after_s, difference.change_s)
    ]
    return numbers.table_unit([*times_s, *(part.a_s or part.b_s for part in unmatched)])


def change_bar(difference: Difference, mark: Literal["whole", "part"]) -> Bar:
    """The change with its interval; open where it is not significant."""
    pieces = [Piece(0, 0, "zero")]
    if difference.ci95_s:
        pieces.append(Piece(*difference.ci95_s, "interval"))
    filled: dict[str, tuple[Mark, Mark]] = {
        "whole": ("whole", "whole, open"),
        "part": ("part", "part, open"),
    }
    change_s = difference.change_s
    pieces.append(Piece(change_s, change_s, filled[mark][not difference.significant]))
    return Bar(tuple(pieces))


def _row(name: str, change: Change, unit: numbers.Unit) -> Row:
    difference = change.difference
    cells = (
        name,
        unit.plain(difference.before_s),
        unit.plain(difference.after_s),
        unit.signed(difference.change_s),
        unit.interval(difference.ci95_s),
        verdict_word(difference),
        change_bar(difference, "whole" if change.level == "phase" else "part"),
    )
    plain = difference.significant or change.level == "phase"
    return Row(cells, "plain" if plain else "muted")


def _unmatched_row(part: Unmatched, unit: numbers.Unit) -> Row:
    gone = part.b_s is None
    change_s = -(part.a_s or 0.0) if gone else part.b_s or 0.0
    cells = (
        clean(part.name),
        unit.plain(part.a_s) if gone else "",
        "" if gone else unit.plain(part.b_s),
        unit.signed(change_s),
        "",
        "gone" if gone else "new",
        Bar((Piece(0, 0, "zero"), Piece(change_s, change_s, "part"))),
    )
    return Row(cells)


def _axis(changes: Sequence[Change], unmatched: Sequence[Unmatched], unit: numbers.Unit) -> Axis:
    """All changes, and the intervals that are not much wider than most."""
    ends = [0.0, *(change.difference.change_s for change in changes)]
    ends += [-(part.a_s or 0.0) or (part.b_s or 0.0) for part in unmatched]
    intervals = [change.difference.ci95_s for change in changes if change.difference.ci95_s]
    widths = sorted(high - low for low, high in intervals)
    most = _WIDEST * widths[len(widths) // 2] if widths else 0.0
    ends += [end for low, high in intervals if high - low <= most for end in (low, high)]
    low, high = min(ends), max(ends)
    if high <= low:
        low, high = -1 / unit.per_second, 1 / unit.per_second
    return Axis(low, high, round_ticks(low, high, about=3), unit.per_second)


def key_of(change: Change | Unmatched) -> Key:
    """Which step it belongs to."""
    return change.variant, change.b_variant, change.phase


def rank(key: Key, a: GroupRecord) -> tuple[int, int]:
    """Phases in A's order, in each of them variants in A's order."""
    variant, _, phase = key
    return list(a.phases).index(phase), list(a.variants).index(variant)
