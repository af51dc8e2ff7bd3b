"""Where does it go? The traced step of a phase, divided among layers and ops."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from alexprof.analysis.findings import findings_of, is_unlike, more_faults
from alexprof.record.note import distinct
from alexprof.record.phase import Phase, on_cpu
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
from alexprof.show.finding_texts import finding_text
from alexprof.show.fit import clean
from alexprof.show.note_texts import note_text
from alexprof.show.sections.clock import clock_readings
from alexprof.show.sections.kernels import KERNELS_NOTE, copy_table, kernel_table
from alexprof.show.sections.launching import launching
from alexprof.show.sections.ops import op_note, op_table
from alexprof.show.sections.path import critical_path
from alexprof.show.sections.shares import (
    BACKWARD,
    FORWARD,
    GPU_BUSY_NOTE,
    UNASSIGNED,
    Division,
    Share,
    divide,
    kind_total,
)
from alexprof.show.view import View, plural, sentence_case
from alexprof.workload.base import matches

LAYERS_SHOWN = 20
LEAST_SEEN = 0.01
"""A piece of a bar below this part of the longest bar can't be seen."""
_TYPES_SHOWN = 4
IDLE_ROW = "idle"
IDLE_REASONS = {
    "launching": "launching",
    "queued": "queued",
    "fetching": "fetching results",
    "python": "Python",
    "input": "input",
    "unknown": "reason not known",
}
"""What the host did while the device was idle, by the record's words."""


def where_section(view: View, key: str) -> Section | None:
    """Answers where the step of a phase goes; None in a run without variants."""
    variant = view.variant
    if variant is None:
        return None
    phase = view.phase(variant, key)
    division = divide(phase)
    aside = [] if view.trace_alone else [view.phase_label(key), *view.needed_label(variant)]
    if view.trace_alone and view.several_phases:
        aside = [view.phase_label(key)]
    if division is not None:
        aside.append(plural(division.steps, "traced step"))
        blocks = list(_blocks(view, key, phase, division))
    else:
        blocks = list(_without_shares(view, key, phase))
    blocks += (Warn(text) for text in _of_steps(view, key))
    blocks += (Warn(note) for note in _notes(view, key, variant))
    return Section("Where does it go?", ", ".join(aside), tuple(blocks), "where")


def _of_steps(view: View, key: str) -> Iterator[str]:
    """What was found of the traced steps themselves."""
    for finding in findings_of(view.run):
        about = not finding.phases or key in finding.phases
        if about and finding.code in ("outside_waits", "outside_runs", "trace_drifts"):
            yield finding_text(view, finding)


def the_device(device: str) -> str:
    """A device in a sentence: "the CPU", "GPU:0", "vm1/CPU"."""
    return "the CPU" if device == "CPU" else device


def times_of(device: str) -> str:
    """What times on a device are called: never one for the other."""
    return f"op times, {device}" if on_cpu(device) else f"kernel times, {device}"


def _blocks(view: View, key: str, phase: Phase | None, division: Division) -> Iterator[Block]:
    assert phase is not None
    yield Lead(_answer(view, key, division))
    yield Note(" ".join(_more(phase, division)))
    yield from launching(phase, division)
    if readings := clock_readings(view, phase):
        yield Note(readings)
    yield from map(Warn, _unlike(phase))
    if warning := _page_faults(view, phase):
        yield Warn(warning)
    yield _layer_table(view, division)
    yield Note(_spread(division))
    if table := op_table(division, view.options.top, times_of(division.device)):
        yield table
        yield Note(op_note(division, view.options.top))
    if kernels := kernel_table(phase, division.device, view.options.top):
        yield kernels
        yield Note(KERNELS_NOTE)
    if copies := copy_table(phase, division.device):
        yield copies
    yield from map(Note, _other_devices(phase, division))
    if phase.not_timed:
        yield Note(_not_timed(phase))
    if path := critical_path(phase, division):
        yield Note(path)


def _answer(view: View, key: str, division: Division) -> str:
    """Says: conv2 takes 30.5 % of the step; LRN takes 9.12 %, 55.6 ms."""
    if not division.layers:
        return f"No op ran on {division.device} in these steps: all of it is idle."
    step = _step(view.phase(view.variant, key) if view.variant else None, division)
    largest = division.layers[0]
    said = f"{largest.name} takes {numbers.percent_unit(largest.fraction)} of {step}"
    if division.idle_s > largest.share_s:
        device = "The CPU" if division.device == "CPU" else division.device
        idle = numbers.percent_unit(division.idle_fraction)
        said = f"{device} is idle for {idle} of {step}; {said}"
    for one in view.ablations(key):
        name = view.ablation_label(one)
        meant = (op for op in division.ops if matches(one, op.name, op.kind, op.layer))
        share_s = math.fsum(op.share_mean_s for op in meant)
        if share_s:
            part = numbers.percent_unit(division.part(share_s))
            if name in {layer.name for layer in division.layers}:
                name = f"what was left out of {name}"
            busy = _of_busy(division, share_s)
            return f"{said}; {name} takes {part}{busy}, {numbers.time(share_s, division.step_s)}."
    size = numbers.time(largest.share_s, division.step_s)
    return f"{said}{_of_busy(division, largest.share_s)}, {size}."


def _step(phase: Phase | None, division: Division) -> str:
    """The step that fractions are of: a GPU's are others of a timed step."""
    on_gpu = not on_cpu(division.device)
    return "the traced step" if on_gpu and phase and phase.timed else "the step"


def _of_busy(division: Division, share_s: float) -> str:
    """Says: (24.9 % of GPU-busy time); "" on a CPU."""
    part = division.busy_part(share_s)
    return "" if part is None else f" ({numbers.percent_unit(part)} of GPU-busy time)"


def _more(phase: Phase, division: Division) -> Iterator[str]:
    if division.kinds:
        names = dict.fromkeys(one.name for one in division.kinds)
        kind = max(names, key=lambda name: kind_total(division, name)[0])
        share_s, backward_s = kind_total(division, kind)
        part = numbers.percent_unit(division.part(share_s))
        behind = ""
        if 0 < backward_s < share_s:
            behind = f", {numbers.percent_unit(backward_s / share_s)} of that in backward"
        busy = _of_busy(division, share_s)
        yield f"{clean(kind)} ops together take {part} of {_step(phase, division)}{busy}{behind}."
    yield _idle(phase, division)
    traced, timed = phase.traced, phase.timed
    if traced is None or timed is None or traced.slowdown is None:
        yield "There are no timed steps to set beside the traced ones."
    else:
        unit = numbers.spoken_unit(timed.mean_s)
        yield (
            f"Traced steps took {numbers.times(traced.slowdown)} the timed ones (mean "
            f"{unit.named(traced.mean_s)} traced, {unit.named(timed.mean_s)} timed)."
        )
        if not on_cpu(division.device):
            yield "A profiler slows down the host, not the kernels: what it adds is idle time."
    if traced is not None and traced.left_out_s is not None and traced.mean_with_s is not None:
        first, mean, both = (
            numbers.time(seconds, traced.left_out_s)
            for seconds in (traced.left_out_s, traced.mean_s, traced.mean_with_s)
        )
        yield (
            f"The first traced step ({first}) is left out: the mean is {mean} without it, {both} "
            "with it."
        )


def _unlike(phase: Phase) -> Iterator[str]:
    """Warns where traced steps of a CPU are not like the timed ones that they stand for."""
    if is_unlike(phase) and phase.traced is not None:
        slowdown = phase.traced.slowdown
        yield (
            f"Traced steps took {numbers.times(slowdown)} the timed ones: shares and predictions "
            "are scaled to times of other conditions. The machine was busy, or tracing slows this "
            "step down; trace again when it is quiet."
        )


def _idle(phase: Phase, division: Division) -> str:
    assert phase.attribution is not None
    reasons = phase.attribution.idle_by_reason_ns
    steps = max(division.steps, 1)
    largest_first = sorted(reasons.items(), key=lambda item: -item[1])
    idle_s = {reason: idle_ns / steps / 1e9 for reason, idle_ns in largest_first if idle_ns > 0}
    size = numbers.time(division.idle_s, division.step_s)
    said = f"Idle is {size} ({numbers.percent_unit(division.idle_fraction)})"
    parts = [
        f"{IDLE_REASONS.get(reason, clean(reason))} {numbers.time(reason_s, division.step_s)}"
        for reason, reason_s in idle_s.items()
    ]
    return f"{said}: {', '.join(parts)}." if parts else f"{said}."


def _page_faults(view: View, phase: Phase) -> str:
    """Says that the trace made memory slower; "" if it did not, or not enough to matter."""
    traced, timed = phase.traced, phase.timed
    if traced is None or timed is None or not more_faults(phase):
        return ""
    traced_faults, timed_faults = traced.page_faults_per_step, timed.page_faults_per_step
    said = (
        f"Traced steps had {traced_faults:.0f} page faults each, timed ones {timed_faults:.0f}: "
        "an op that touches memory first is billed for fetching it"
    )
    machine = view.run.machine
    if machine is not None and machine.software.cpu_allocator == "bfc":
        return said
    return (
        f"{said}. --cpu-allocator bfc avoids that; for a graph of your own set "
        "TF_CPU_ALLOCATOR_USE_BFC=true before its first session"
    )


def _layer_table(view: View, division: Division) -> Table:
    named = [one for one in division.layers if one.name != UNASSIGNED]
    shown = max(LAYERS_SHOWN, view.options.top)
    entries = [*named[:shown], *(one for one in division.layers if one.name == UNASSIGNED)]
    entries = sorted([*entries, _idle_entry(division)], key=lambda one: -one.share_s)
    if rest := named[shown:]:
        entries.append(_rest_entry(rest))
    unit = numbers.table_unit([division.step_s])
    rows, total = [], 0.0
    for one in entries:
        total += one.fraction
        busy = None if one.name == IDLE_ROW else division.busy_part(one.share_s)
        figures = (
            unit.plain(one.share_s),
            unit.half_width(one.ci95_s),
            numbers.percent(one.fraction),
            "" if busy is None else numbers.percent(busy),
        )
        rows.append(Row((one.name, *figures, numbers.percent(total), _bar(one))))
    step = (unit.plain(division.step_s), unit.half_width(division.step_ci95_s), "100", "100", "")
    rows.append(Row(("step", *step, "shares + idle = step"), "sum"))
    columns = (
        Column("layer", align="name"),
        Column("share", unit.name),
        Column("± 95 %", unit.name, drop=3),
        Column("step", "%"),
        Column("GPU-busy", "%", drop=1),
        Column("total", "%", drop=2),
        Column("", align="bar", legend=_legend(division)),
    )
    highest = max(one.share_s for one in entries)
    table = Table(columns, tuple(rows), Axis(0, highest or 1.0), part="layers")
    return table.without("GPU-busy") if on_cpu(division.device) else table


def _idle_entry(division: Division) -> Share:
    idle_s, ci95_s = division.idle_s, division.idle_ci95_s
    return Share(IDLE_ROW, idle_s, None, ci95_s, division.idle_fraction, {"idle": idle_s})


def _rest_entry(rest: Sequence[Share]) -> Share:
    by_pass_s: dict[str, float] = {}
    for one in rest:
        for name, share_s in one.by_pass_s.items():
            by_pass_s[name] = by_pass_s.get(name, 0.0) + share_s
    return Share(
        name=plural(len(rest), "more layer"),
        share_s=math.fsum(one.share_s for one in rest),
        std_s=None,  # of several layers together neither is recorded
        ci95_s=None,
        fraction=math.fsum(one.fraction for one in rest),
        by_pass_s=by_pass_s,
    )


def _bar(one: Share) -> Bar:
    marks: dict[str, Mark] = {FORWARD: "forward", BACKWARD: "backward", "idle": "idle"}
    order = sorted(one.by_pass_s, key=lambda name: (name != FORWARD, name != BACKWARD))
    pieces, end = [], 0.0
    for name in order:
        pieces.append(Piece(end, end + one.by_pass_s[name], marks.get(name, "pass"), one.kind))
        end += one.by_pass_s[name]
    return Bar(tuple(pieces))


def _legend(division: Division) -> tuple[tuple[Mark, str], ...]:
    """The marks of the passes that are long enough to be seen in some bar."""
    least_s = LEAST_SEEN * max((one.share_s for one in division.layers), default=0.0)
    passes = {
        name
        for one in division.layers
        for name, share_s in one.by_pass_s.items()
        if share_s >= least_s
    }
    known: list[tuple[Mark, str]] = []
    if FORWARD in passes:
        known.append(("forward", FORWARD))
    if BACKWARD in passes:
        known.append(("backward", BACKWARD))
    if passes - {FORWARD, BACKWARD}:
        known.append(("pass", "other"))
    return tuple(known)


def _spread(division: Division) -> str:
    device = the_device(division.device)
    what = "Op times on" if on_cpu(division.device) else "Kernel times on"
    said = f"{what} {device}, each nanosecond counted once."
    if not on_cpu(division.device):
        said = f"{said} {GPU_BUSY_NOTE}"
    if division.steps < 2:
        return f"{said} No interval (–) from one traced step."
    return f"{said} ± 95 % is half the interval of a share’s mean, from traced steps in blocks."


def _other_devices(phase: Phase, division: Division) -> Iterator[str]:
    assert phase.attribution is not None
    steps = max(division.steps, 1)
    for one in phase.attribution.devices:
        if one.device != division.device:
            times_ns = (one.share_ns, one.idle_ns, one.wall_ns)
            busy, idle, wall = (
                numbers.time(ns / steps / 1e9, one.wall_ns / steps / 1e9) for ns in times_ns
            )
            yield f"{one.device}: {busy} given to ops, {idle} idle, of {wall}."


def _not_timed(phase: Phase) -> str:
    types = Counter(clean(op.type) or "type not known" for op in phase.not_timed).most_common()
    said = ", ".join(f"{number} {name}" for name, number in types[:_TYPES_SHOWN])
    more = ", …" if len(types) > _TYPES_SHOWN else ""
    ops = plural(len(phase.not_timed), "op")
    return f"Not timed by the trace: {ops} that ran ({said}{more})."


def _without_shares(view: View, key: str, phase: Phase | None) -> Iterator[Block]:
    traced = phase.traced if phase else None
    label = view.phase_label(key)
    if traced is None:
        advice = "trace some steps (--trace-steps) to see where it goes"
        why = advice if view.run.complete else "the run stopped before it"
        yield Lead(f"No trace of {label}: {why}.")
        return
    yield Lead("Withheld: trace and wall clock do not agree on the traced steps.")
    unit = numbers.spoken_unit(traced.mean_s)
    yield Note(
        f"The wall-clock time is {unit.named(traced.wall_clock_mean_s)} per traced step; the trace "
        f"says {unit.named(traced.mean_s)}. The usual cause is a trace that lost events: trace "
        "fewer steps (--trace-steps)."
    )
    if phase and (readings := clock_readings(view, phase)):
        yield Note(readings)


def _notes(view: View, key: str, variant: str) -> Iterator[str]:
    """What the record has to say about this phase, of all variants; each sentence once."""
    phase = view.phase(variant, key)
    notes = distinct(phase.notes) if phase else ()
    yield from (sentence_case(note_text(note)) for note in notes)
    for name in view.run.variants:
        other = view.phase(name, key)
        if name != variant and other:
            more = [note for note in distinct(other.notes) if note not in notes]
            yield from (f"{view.variant_label(name)}: {note_text(note)}" for note in more)
