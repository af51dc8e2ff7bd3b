"""What changed? Two sides' phases, then their layers, kinds and ops, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexprof.analysis.changes import QUIET, Change, Level, OneSided, RunComparison, SideRecord
from alexprof.analysis.pairs import TimeChange
from alexprof.measure.between_runs import MORE_RUNS
from alexprof.record.values import Interval
from alexprof.show import numbers
from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Column,
    Lead,
    Mark,
    Note,
    Piece,
    Row,
    Section,
    Table,
    Warn,
)
from alexprof.show.sections.waterfall import round_ticks
from alexprof.show.text import clean
from alexprof.show.view import UNNAMED
from alexprof.show.words import in_sentence, plural, sentence_case

LAYERS_SHOWN, FEW_SHOWN, KINDS_SHOWN = 10, 4, 5
"""Layers if something changed, if nothing did; kinds."""
_WIDEST = 3.0
"""The axis takes intervals up to so many times as wide as the middle one."""

Key = tuple[str, str, str]
"""Variant of A, variant of B, phase."""


def comparable_section(found: RunComparison) -> Section:
    """Answers whether the sides can be compared at all."""
    blocks: list[Block] = [Lead(_comparable(found))]
    blocks += [Warn(f"{clean(text)}.") for text in found.why_not]
    blocks += [Note(f"{clean(text)}.") for text in found.notes]
    if said := same_results(found):
        blocks.append(Note(said))
    return Section("Can they be compared?", "", tuple(blocks))


def changed_sections(found: RunComparison, other: SideRecord, top: int) -> Iterator[Section]:
    """Answers what changed on one of the other sides: by phase, then inside each phase.

    Args:
        found: The comparison.
        other: Which side.
        top: How many ops to list for each phase.
    """
    mine = [one for one in found.differences if one.b == other.name]
    alone = [one for one in (*found.gone, *found.new) if one.b == other.name]
    keys = list(dict.fromkeys([*map(key_of, mine), *map(key_of, alone)]))
    keys.sort(key=lambda key: rank(key, found.a))
    whole = [one for key in keys for one in mine if one.level == "phase" and key_of(one) == key]
    several = f" in {clean(other.name)}" if len(found.others) > 1 else ""
    phases = tuple(phase_blocks(whole, found.a))
    unit = _unit(whole, ())
    yield Section(f"What changed{several}?", f"{unit.name}, no profiler attached", phases)
    for key in keys:
        inside = [one for one in mine if one.level != "phase" and key_of(one) == key]
        gone_or_new = [one for one in alone if key_of(one) == key]
        if inside or gone_or_new:
            step = [one for one in whole if key_of(one) == key]
            blocks = tuple(_inside(step, inside, gone_or_new, top))
            aside = f"{label(key, found.a)}; shares, on the scale of timed steps"
            yield Section(f"Where{several}?", aside, blocks)


def reading(one: Change | TimeChange) -> str:
    """A verdict in words: "slower", "faster", "the same", "no difference seen", "can't tell"."""
    if one.verdict == "same":
        return "the same"
    if one.verdict != "unclear":
        return one.verdict
    if one.ci95 is None or one.needed in (QUIET, MORE_RUNS):
        return "can’t tell"
    if one.ci95[0] <= 1 <= one.ci95[1]:
        return "no difference seen"
    return "may be chance" if one.p_value is not None and one.p_value > 0.05 else "can’t tell"


def label(key: Key, a: SideRecord) -> str:
    """A phase and variant in sentences: "forward, with LRN"; the phase alone for no name."""
    variant, other, phase = key
    said = clean(in_sentence(a.phases.get(phase, phase)))
    names = [clean(a.variants.get(one, one.replace("_", " "))) for one in (variant, other)]
    if variant != other:
        return f"{said}, {names[0]} → {names[1]}"
    return said if names[0] == UNNAMED else f"{said}, {names[0]}"


def percent_interval(ratio_ci95: Interval | None) -> str:
    """The interval of a ratio as a change in percent: "−1.20 to 3.40"."""
    if ratio_ci95 is None:
        return numbers.MISSING
    low, high = ratio_ci95
    return f"{numbers.percent(low - 1)} to {numbers.percent(high - 1)}"


def _comparable(found: RunComparison) -> str:
    if not found.comparable:
        return "No. What differs below may not be the program’s doing."
    if all(other.runs == found.a.runs for other in found.others):
        return "Yes: variants of one run, which differ on purpose."
    return "Yes: the same work on the same machine."


def same_results(found: RunComparison) -> str:
    """Whether both compute the same; "" where that is among what spoils the comparison."""
    reason = found.same_results_reason or "no reason is recorded"
    every = "all" if len(found.others) > 1 else "both"
    if found.same_results is None:
        return f"Whether {every} compute the same is not known: {clean(reason)}."
    if found.same_results:
        return f"{every.capitalize()} compute the same: {clean(reason)}."
    if any(one.same is False and not one.on_purpose for one in found.results):
        return ""
    return f"They compute something else {clean(reason)}."


def phase_blocks(whole: Sequence[Change], a: SideRecord) -> Iterator[Block]:
    """The verdict of each phase, the table of them, and what verdicts would take."""
    if not whole:
        yield Lead("No phase was timed on both sides.")
        return
    for one in whole:
        yield Lead(_sentence(one, a))
    yield change_table([(label(key_of(one), a), one) for one in whole], (), "phase")
    yield from _needed(whole, a)


def _needed(whole: Sequence[Change], a: SideRecord) -> Iterator[Block]:
    """What verdicts would take, those that take the same together."""
    by_need: dict[str, list[str]] = {}
    for one in whole:
        if one.needed:
            by_need.setdefault(one.needed, []).append(label(key_of(one), a))
    for need, names in by_need.items():
        yield Note(f"{sentence_case('; '.join(names))}: a verdict would take {clean(need)}.")


def _sentence(one: Change, a: SideRecord) -> str:
    """Says: forward, with LRN: slower, +4.30 % (+10.2 ms; 95 % interval 2.10 to 6.50 %)."""
    name, said = sentence_case(label(key_of(one), a)), reading(one)
    span = ""
    if one.ci95 is not None:
        span = f"95{numbers.NBSP}% interval {numbers.unit(percent_interval(one.ci95), '%')}"
    if one.verdict in ("slower", "faster"):
        size = numbers.percent_unit(abs(one.ratio - 1))
        unit = numbers.spoken_unit(one.change_s, one.a_s)
        by = numbers.unit(unit.signed(one.change_s), unit.name)
        return f"{name}: {size} {said} ({by}; {span})."
    return f"{name}: {said} ({span})." if span else f"{name}: {said}."


def _inside(
    step: Sequence[Change], inside: Sequence[Change], alone: Sequence[OneSided], top: int
) -> Iterator[Block]:
    named = [(clean(one.name), one) for one in (*step, *_of("layer", inside))]
    rest = [one for one in alone if one.level == "layer"]
    some = any(map(is_called, (*step, *inside))) or rest
    yield change_table(named, rest, "layer", most=LAYERS_SHOWN if some else FEW_SHOWN)
    asked: tuple[tuple[Level, int], ...] = (("kind", KINDS_SHOWN), ("op", top))
    silent = []
    for level, most in asked:
        called = [one for one in _of(level, inside) if is_called(one)]
        others = [one for one in alone if one.level == level]
        if called or others:
            yield change_table([(clean(one.name), one) for one in called], others, level, most=most)
        if rest_of_level := len(list(_of(level, inside))) - len(called):
            silent.append(plural(rest_of_level, f"{'' if not called else 'other '}{level}"))
    if silent:
        yield Note(f"In {' and '.join(silent)}: no change that can be told from chance.")


def change_table(
    named: Sequence[tuple[str, Change]], alone: Sequence[OneSided], level: Level, most: int = 99
) -> Table:
    """Changes as a table, below the phase the largest first.

    Args:
        named: The changes, each by the name of its row.
        alone: What only one side has.
        level: What the rows are.
        most: How many to show.
    """
    unit = _unit([one for _, one in named], alone)
    rows = [(abs(one.change_s), one.level == "phase", _row(name, one, unit)) for name, one in named]
    rows += [(one.a_s or one.b_s or 0.0, False, _one_sided(one, unit)) for one in alone]
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
        Column("reading", align="right", drop=1),
        Column("", align="bar", drop=2),
    )
    changes = [one for _, one in named]
    return Table(columns, tuple(shown), _axis(changes, alone, unit))


def _unit(changes: Sequence[Change], alone: Sequence[OneSided]) -> numbers.Unit:
    """The unit of a table of changes: of both sides' times and their differences."""
    times_s = [time_s for one in changes for time_s in (one.a_s, one.b_s, one.change_s)]
    return numbers.table_unit([*times_s, *(one.a_s or one.b_s for one in alone)])


def _row(name: str, one: Change, unit: numbers.Unit) -> Row:
    mark = "whole" if one.level == "phase" else "part"
    filled: dict[str, tuple[Mark, Mark]] = {
        "whole": ("whole", "whole, open"),
        "part": ("part", "part, open"),
    }
    interval = one.change_ci95_s
    pieces = [Piece(0, 0, "zero")]
    pieces += [Piece(*interval, "interval")] if interval else []
    pieces.append(Piece(one.change_s, one.change_s, filled[mark][not is_called(one)]))
    cells = (
        name,
        unit.plain(one.a_s),
        unit.plain(one.b_s),
        unit.signed(one.change_s),
        unit.interval(interval),
        reading(one),
        Bar(tuple(pieces)),
    )
    return Row(cells, "plain" if is_called(one) or one.level == "phase" else "muted")


def _one_sided(one: OneSided, unit: numbers.Unit) -> Row:
    gone = one.b_s is None
    change_s = -(one.a_s or 0.0) if gone else one.b_s or 0.0
    cells = (
        clean(one.name),
        unit.plain(one.a_s) if gone else "",
        "" if gone else unit.plain(one.b_s),
        unit.signed(change_s),
        "",
        "gone" if gone else "new",
        Bar((Piece(0, 0, "zero"), Piece(change_s, change_s, "part"))),
    )
    return Row(cells)


def _axis(changes: Sequence[Change], alone: Sequence[OneSided], unit: numbers.Unit) -> Axis:
    """All changes, and the intervals that are not much wider than most."""
    ends = [0.0, *(one.change_s for one in changes)]
    ends += [-(one.a_s or 0.0) or (one.b_s or 0.0) for one in alone]
    intervals = [one.change_ci95_s for one in changes if one.change_ci95_s]
    widths = sorted(high - low for low, high in intervals)
    most = _WIDEST * widths[len(widths) // 2] if widths else 0.0
    ends += [end for one in intervals if one[1] - one[0] <= most for end in one]
    low, high = min(ends), max(ends)
    if high <= low:
        low, high = -1 / unit.per_second, 1 / unit.per_second
    return Axis(low, high, round_ticks(low, high, about=3), unit.per_second)


def _of(level: Level, changes: Sequence[Change]) -> Iterator[Change]:
    return (one for one in changes if one.level == level)


def is_called(one: Change) -> bool:
    """Whether a change is told from chance."""
    return one.verdict in ("slower", "faster")


def key_of(one: Change | OneSided) -> Key:
    """Which step it belongs to."""
    return one.variant, one.b_variant, one.phase


def rank(key: Key, a: SideRecord) -> tuple[int, int]:
    """Phases in A's order, in each of them variants in A's order."""
    variant, _, phase = key
    phases, variants = list(a.phases), list(a.variants)
    return phases.index(phase), variants.index(variant)
