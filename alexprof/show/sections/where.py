"""Where does it go? The traced step of a phase, divided among layers and ops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import accumulate

from alexprof.analysis.division import (
    UNASSIGNED,
    DividedStep,
    LayerTime,
    device_ops,
    divide,
    layers_together,
)
from alexprof.record.phase import Phase
from alexprof.show import numbers
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
)
from alexprof.show.sections.trace_tables import (
    copy_table,
    kernel_table,
    launch_table,
    op_table,
    times_of,
)
from alexprof.show.text import clean, plural
from alexprof.show.view import View

LAYERS_SHOWN = 20
_LEAST_SEEN = 0.01
"""A piece of a bar below this part of the longest bar can't be seen."""
_TYPES_SHOWN = 4
_PATH_LAYERS_SHOWN = 3
IDLE_ROW = "idle"
IDLE_REASONS = {
    "launching": "launching",
    "queued": "queued",
    "fetching": "fetching results",
    "python": "Python",
    "input": "input",
    "unknown": "unknown reason",
}
"""What the host did while the device was idle, by the record's words."""
_MARKS: dict[str, Mark] = {"forward": "forward", "backward": "backward", IDLE_ROW: "idle"}
_LEGEND: tuple[tuple[Mark, str], ...] = (
    ("forward", "forward"),
    ("backward", "backward"),
    ("pass", "other"),
)


def where_section(view: View, key: str) -> Section:
    """Answers where the step of a phase goes."""
    variant = view.variant
    phase = view.phase(variant, key)
    division = divide(view.run, variant, key)
    aside = [] if view.run.is_trace else [view.phase_label(key), *view.needed_label(variant)]
    if view.run.is_trace and view.several_phases:
        aside = [view.phase_label(key)]
    if phase is not None and division is not None:
        aside.append(plural(division.steps, "traced step"))
        blocks = list(_blocks(view, phase, division))
    else:
        blocks = list(_without_shares(view, key, phase))
    return Section("Where does it go?", ", ".join(aside), tuple(blocks))


def _blocks(view: View, phase: Phase, division: DividedStep) -> Iterator[Block]:
    yield Lead(_answer(view, division))
    yield Remark(" ".join(_more(phase, division)))
    if readings := _clock_readings(view, phase):
        yield Remark(readings)
    for name, make in TABLES.items():
        if table := make(phase, division, view.options.top):
            yield replace(table, part=name)
    yield from map(Remark, _other_devices(phase, division))
    if phase.not_timed:
        yield Remark(_not_timed(phase))
    if division.critical_path:
        yield Remark(_critical_path(phase, division))


def _answer(view: View, division: DividedStep) -> str:
    """Says: conv2 takes 30.5 % of the step, 186 ± 4.3 ms; LRN takes 9.12 %, 55.8 ± 4.5 ms."""
    layers = division.layers
    if not layers:
        return f"No op ran on {division.device} in these steps: all of the time is idle."
    largest, first = view.summary.largest[division.phase], layers[0]
    of_busy = ""
    if first.busy_fraction is not None:
        of_busy = f" ({numbers.percent_unit(first.busy_fraction)} of GPU-busy time)"
    texts = [
        f"{view.largest_label(division.phase)} takes {numbers.percent_unit(largest.fraction)} "
        f"of the step{of_busy}, "
        + numbers.time_with_interval(first.share_s, first.ci95_s, division.step_s)
    ]
    if largest.idle_longer:
        device = "The CPU" if division.device == "CPU" else division.device
        idle = numbers.percent_unit(division.idle_fraction)
        texts.insert(0, f"{device} is idle for {idle} of the step")
    for saving in view.savings(division.phase):
        if saving.reference == division.variant and saving.own_s is not None:
            size = numbers.time_with_interval(saving.own_s, saving.own_ci95_s, division.step_s)
            part = numbers.percent_unit(saving.own_fraction)
            texts.append(f"{view.left_out_label(saving)} takes {part}, {size}")
            break
    return f"{'; '.join(texts)}."


def _more(phase: Phase, division: DividedStep) -> Iterator[str]:
    if division.kinds:
        kind = division.kinds[0]
        of_that = ""
        if 0 < kind.backward_fraction < 1:
            of_that = (
                f", {numbers.percent_unit(kind.backward_fraction)} of that in the backward pass"
            )
        part = numbers.percent_unit(kind.fraction)
        yield f"{clean(kind.name)} ops together take {part}{of_that}."
    yield _idle(division)
    traced, timed = phase.traced, phase.timed
    if traced is None or timed is None or traced.slowdown is None:
        yield "There are no timed steps to compare with the traced ones."
    else:
        unit = numbers.spoken_unit(timed.mean_s)
        rest = "kernel times are as traced, and idle time is the rest of the timed step"
        if division.on_cpu:
            rest = "times here are scaled to the timed step"
        yield (
            f"Traced steps took {numbers.times(traced.slowdown)} as long as timed ones (mean "
            f"{unit.named(traced.mean_s)} traced, {unit.named(timed.mean_s)} timed); {rest}."
        )


def _idle(division: DividedStep) -> str:
    size = numbers.time(division.idle_s, division.step_s)
    text = f"Idle time is {size} ({numbers.percent_unit(division.idle_fraction)})"
    parts = [
        f"{IDLE_REASONS.get(reason, clean(reason))} {numbers.time(reason_s, division.step_s)}"
        for reason, reason_s in division.idle_by_reason_s.items()
    ]
    return f"{text}: {', '.join(parts)}." if parts else f"{text}."


def _clock_readings(view: View, phase: Phase) -> str:
    """What the clock costs a timed step; "" where that is not known, and of a trace alone."""
    clock_s = view.run.clock_s
    if clock_s is None or phase.timed is None or not phase.timed.mean_s:
        return ""
    part = numbers.percent_unit(2 * clock_s / phase.timed.mean_s)
    return (
        "Timed steps run without a profiler; reading the clock twice adds "
        f"{numbers.time(2 * clock_s)}, {part} of the step."
    )


def _layer_table(phase: Phase, division: DividedStep, top: int) -> Table:
    named = [layer for layer in division.layers if layer.name != UNASSIGNED]
    most = max(LAYERS_SHOWN, top)
    shown = [*named[:most], *(layer for layer in division.layers if layer.name == UNASSIGNED)]
    idle = LayerTime(
        name=IDLE_ROW,
        share_s=division.idle_s,
        ci95_s=division.idle_ci95_s,
        fraction=division.idle_fraction,
        by_pass_s={IDLE_ROW: division.idle_s},
    )
    entries = sorted([*shown, idle], key=lambda layer: -layer.share_s)
    if rest := named[most:]:
        entries.append(layers_together(rest, plural(len(rest), "more layer")))
    unit = numbers.table_unit([division.step_s])
    totals = accumulate(layer.fraction for layer in entries)
    busy = "" if division.on_cpu else "100"
    half_width = unit.half_width(division.step_ci95_s, division.step_s)
    cells = ("step", unit.plain(division.step_s), half_width, "100")
    return Table.of(
        _layer_columns(unit, division),
        [
            *zip(entries, totals, strict=True),
            Row((*cells, busy, "", "shares + idle = step"), "sum"),
        ],
        axis=Axis(0, max(layer.share_s for layer in entries) or 1.0),
        title="Layers",
        aside=times_of(division.device, on_cpu=division.on_cpu),
    )


def _layer_columns(unit: numbers.Unit, division: DividedStep) -> tuple[Column, ...]:
    def busy(layer: LayerTime) -> str:
        return "" if layer.busy_fraction is None else numbers.percent(layer.busy_fraction)

    def half(layer: LayerTime) -> str:
        return unit.half_width(layer.ci95_s, layer.share_s)

    return (
        Column("layer", "", lambda item: clean(item[0].name), align="name"),
        Column("share", unit.name, lambda item: unit.plain(item[0].share_s)),
        Column("± 95 %", unit.name, lambda item: half(item[0]), drop=3),
        Column("step", "%", lambda item: numbers.percent(item[0].fraction)),
        Column("GPU-busy", "%", lambda item: busy(item[0]), drop=1, optional=division.on_cpu),
        Column("total", "%", lambda item: numbers.percent(item[1]), drop=2),
        Column("", "", lambda item: _bar(item[0]), align="bar", legend=_legend(division)),
    )


def _bar(layer: LayerTime) -> Bar:
    order = sorted(layer.by_pass_s, key=lambda name: (name != "forward", name != "backward"))
    ends = list(accumulate((layer.by_pass_s[name] for name in order), initial=0.0))
    return Bar(
        tuple(
            Piece(start, end, _MARKS.get(name, "pass"), layer.kind)
            for name, start, end in zip(order, ends, ends[1:], strict=False)
        )
    )


def _legend(division: DividedStep) -> tuple[tuple[Mark, str], ...]:
    """The marks of the passes that are long enough to be seen in some bar."""
    least_s = _LEAST_SEEN * max((layer.share_s for layer in division.layers), default=0.0)
    marks = {
        _MARKS.get(name, "pass")
        for layer in division.layers
        for name, share_s in layer.by_pass_s.items()
        if share_s >= least_s
    }
    return tuple((mark, name) for mark, name in _LEGEND if mark in marks)


TABLES: dict[str, Callable[[Phase, DividedStep, int], Table | None]] = {
    "layers": _layer_table,
    "launches": lambda phase, division, _: launch_table(phase, division),
    "ops": op_table,
    "kernels": kernel_table,
    "copies": lambda phase, division, _: copy_table(phase, division),
}
"""The section's tables by the name that `--section` has for them, and how many rows to list."""


def _other_devices(phase: Phase, division: DividedStep) -> Iterator[str]:
    assert phase.attribution is not None
    for timeline in phase.attribution.devices:
        if timeline.device != division.device:
            busy, idle, wall = (
                numbers.time(ns / division.steps / 1e9, timeline.wall_ns / division.steps / 1e9)
                for ns in (timeline.share_ns, timeline.idle_ns, timeline.wall_ns)
            )
            yield (
                f"{timeline.device}, in a traced step of {wall}: ops take {busy}, idle time {idle}."
            )


def _not_timed(phase: Phase) -> str:
    types = Counter(clean(op.type) or "type not known" for op in phase.not_timed).most_common()
    text = ", ".join(f"{number} {name}" for name, number in types[:_TYPES_SHOWN])
    more = ", …" if len(types) > _TYPES_SHOWN else ""
    ops = plural(len(phase.not_timed), "op")
    return f"Without an event in the trace: {ops} that ran ({text}{more})."


def _critical_path(phase: Phase, division: DividedStep) -> str:
    """Says which layers made the step as long as it was."""
    parts = [
        f"{clean(name)} {numbers.percent_unit(fraction)}"
        for name, fraction in division.critical_path.items()
    ]
    texts = parts[:_PATH_LAYERS_SHOWN] + ["…"] * (len(parts) > _PATH_LAYERS_SHOWN)
    on_path = len(phase.replay.critical_path) if phase.replay else 0
    ops = plural(len(device_ops(phase, division)), "op")
    return (
        f"The critical path, the chain of ops that sets the length of a step, includes {on_path} "
        f"of {ops} in at least one step; its largest layers: {', '.join(texts)} of the step."
    )


def _without_shares(view: View, key: str, phase: Phase | None) -> Iterator[Block]:
    traced = phase.traced if phase else None
    label = view.phase_label(key)
    if traced is None:
        advice = "trace some steps (--trace-steps) to see where it goes"
        why = advice if view.run.complete else "the run stopped before it"
        yield Lead(f"No trace of {label}: {why}.")
        return
    yield Lead("Shares are withheld: trace and wall clock disagree on the traced steps.")
    unit = numbers.spoken_unit(traced.mean_s)
    yield Remark(
        f"The wall-clock time is {unit.named(traced.wall_clock_mean_s)} per traced step; the trace "
        f"says {unit.named(traced.mean_s)}. The usual cause is a trace that lost events: trace "
        "fewer steps (--trace-steps)."
    )
