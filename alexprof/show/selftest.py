"""What a machine can tell from noise, to text: `alexprof selftest`."""

from __future__ import annotations

import math
from collections.abc import Iterator

from alexprof.measure.values import PROCESS_CV, Known
from alexprof.runs.selftest import Needed, SelfTest
from alexprof.show import numbers
from alexprof.show.comparison import draw
from alexprof.show.document import Block, Column, Document, Lead, Note, Row, Section, Table, Warn
from alexprof.show.fit import clean
from alexprof.show.options import ReportOptions

CHANCE = 0.05
"""So often is the same called different by a verdict at 95 %."""
BUSY = 0.05
"""Processes differ by less on a machine that does nothing else."""


def render_selftest(
    found: SelfTest, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders a selftest; arguments as for `render_comparison`."""
    return draw(found, _document, style, options or ReportOptions())


def _document(found: SelfTest, options: ReportOptions) -> Document:
    del options
    host = found.machine.host
    return Document(
        name=clean(found.name),
        status="complete",
        facts=(
            f"{clean(found.workload)}, batch {found.batch_size}, {clean(found.phase)}",
            f"{found.pairs} pairs of processes",
            f"{found.steps} steps of each of 2 names in each",
            f"{clean(host.processor)}, {host.cores} cores",
            f"TensorFlow {clean(found.machine.software.tensorflow)}",
        ),
        sections=(
            Section("What can be told here?", "with a chance of 95 %", tuple(_told(found))),
            Section("How much does the same vary?", "% of the mean", tuple(_varies(found))),
            Section("Are verdicts right?", "A against A", tuple(_called(found))),
        ),
        footer=_footer(found),
    )


def _footer(found: SelfTest) -> str:
    cv = max(found.process_cv.value, PROCESS_CV)
    return (
        "compare and gate of single runs in this logdir now allow at least "
        f"{numbers.percent_unit(cv)} for what processes differ by."
    )


def _told(found: SelfTest) -> Iterator[Block]:
    first = found.needed[0]
    what = numbers.percent_unit(first.difference)
    yield Lead(
        f"A difference of {what} takes {_about(first.steps)} steps of each variant in turns, or "
        f"{_about(first.pairs)} pairs of processes."
    )
    columns = (
        Column("difference", "%", align="name"),
        Column("steps", "in turns", align="right"),
        Column("from … to", align="right", drop=2),
        Column("pairs", "of processes", align="right"),
        Column("from … to", align="right", drop=1),
    )
    yield Table(columns, tuple(map(_row, found.needed)))
    yield Note(
        f"{found.steps} steps in turns find {_size(found.smallest_by_steps)}, {found.pairs} pairs "
        f"{_size(found.smallest_by_pairs)}. From … to: as far as the spreads below are known."
    )


def _size(difference: float) -> str:
    return numbers.percent_unit(difference) if difference < 1 else "nothing below a factor of 2"


def _about(count: int) -> str:
    """Two figures, upwards: an estimate says no more."""
    scale: int = 10 ** max(0, len(str(count)) - 2)
    return str(math.ceil(count / scale) * scale)


def _row(one: Needed) -> Row:
    cells = (
        numbers.percent(one.difference),
        _about(one.steps),
        _range(one.steps_ci95),
        _about(one.pairs),
        _range(one.pairs_ci95),
    )
    return Row(cells)


def _range(ends: tuple[int, int] | None) -> str:
    return numbers.MISSING if ends is None else f"{_about(ends[0])} to {_about(ends[1])}"


def _varies(found: SelfTest) -> Iterator[Block]:
    process = found.process_cv
    yield Lead(
        f"A step takes {numbers.time(found.step_s)} and varies by "
        f"{numbers.percent_unit(found.step_cv.value)}, a process’s mean by "
        f"{numbers.percent_unit(process.value)}."
    )
    rows = (
        ("a step, in its process", found.step_cv),
        ("a step, as far as turns leave it", found.turn_cv),
        ("a process’s mean", process),
    )
    columns = (
        Column("std of", align="name"),
        Column("%"),
        Column("95 % interval", align="right", drop=1),
    )
    yield Table(columns, tuple(Row((name, *_percent(one))) for name, one in rows))
    if found.alike is not None:
        span = found.alike.ci95
        ends = f" ({numbers.plain(span[0])} to {numbers.plain(span[1])})" if span else ""
        yield Note(
            f"Neighbouring steps are alike by {numbers.plain(found.alike.value)}{ends}: 0 is not "
            "at all, 1 the same."
        )
    yield Note(f"{2 * found.pairs} processes say this roughly: more --pairs know it better.")
    if process.value > BUSY:
        yield Warn(
            "That is much: other programs took time, or a clock changes. Run it again while the "
            "machine does nothing else."
        )


def _percent(one: Known) -> tuple[str, str]:
    if one.ci95 is None:
        return numbers.percent(one.value), numbers.MISSING
    low, high = map(numbers.percent, one.ci95)
    return numbers.percent(one.value), f"{low} to {high}"


def _called(found: SelfTest) -> Iterator[Block]:
    differ = found.between in ("slower", "faster")
    chance = _chance_of(found.alarms_within, found.asked_within)
    if differ or chance < CHANCE:
        yield Lead("Not always: the same was called different.")
    else:
        few = " more often than by chance" if found.alarms_within else ""
        yield Lead(f"Yes: the same was not called different{few}.")
    sizes = f"the largest difference that one saw is {numbers.percent_unit(found.largest_within)}"
    several = found.alarms_within or "none"
    yield Note(
        f"Within processes: of {found.asked_within}, {several} called its two names different; "
        f"{sizes}. By chance one in twenty does."
    )
    if chance < CHANCE:
        yield Warn(
            "So many are not chance: two graphs that are the same can differ here by where their "
            "memory lies. Trust small differences of variants from several processes alone."
        )
    yield Note(f"Between processes: {_between(found)}.")
    if differ:
        yield Warn("That comes in one selftest of twenty; if it comes again, something drifts.")


def _between(found: SelfTest) -> str:
    said = {"same": "the same", "unclear": "no difference seen"}.get(
        found.between, f"B is called {found.between}"
    )
    if found.between_ci95 is None:
        return said
    low, high = (numbers.percent(end - 1) for end in found.between_ci95)
    return f"{said} (95{numbers.NBSP}% interval {numbers.unit(f'{low} to {high}', '%')})"


def _chance_of(alarms: int, asked: int) -> float:
    """Chance of so many false alarms or more, each of them at 5 %."""
    fewer = (math.comb(asked, k) * CHANCE**k * (1 - CHANCE) ** (asked - k) for k in range(alarms))
    return 1 - sum(fewer)
