"""What makes the numbers of a run unsure: typed values, the most harmful first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Literal

from msgspec.structs import asdict, replace

from alexprof.analysis.division import divide
from alexprof.analysis.interference import OTHERS, STEAL, interference_notes
from alexprof.record.note import Note
from alexprof.record.phase import Phase, Traced
from alexprof.record.run import Run
from alexprof.record.timed import Timed

Invalidates = Literal["times", "differences", "shares", "predictions"]
_TIMES: tuple[Invalidates, ...] = ("times", "differences")
_SHARES: tuple[Invalidates, ...] = ("shares", "predictions")
_ALL: tuple[Invalidates, ...] = ("times", *_SHARES)
_FINDINGS: tuple[tuple[int, tuple[Invalidates, ...], str], ...] = (
    (5, (), "incomplete"),
    (5, _SHARES, "profiler_error profiler_events_dropped profiler_no_privileges"),
    (5, _SHARES, "profiler_no_cupti profiler_in_use profiler_no_memory"),
    (4, _ALL, "outside_waits outside_runs"),
    (4, _TIMES, "machine_busy"),
    (4, _SHARES, "trace_withheld trace_cut_short host_not_shown events_nameless"),
    (4, _ALL, "command_buffers_off"),
    (4, _SHARES, "graphs_not_traced"),
    (4, _TIMES, "quota_throttled"),
    (3, ("differences",), "no_turns"),
    (3, _TIMES, "few_steps unsteady not_warm"),
    (3, _SHARES, "trace_unlike"),
    (3, ("shares",), "page_faults"),
    (3, (), "profiler_warning"),
    (3, _TIMES, "memory_stalled gpu_slowed gpu_clock_fell cpu_clock_fell"),
    (3, ("times",), "steps_not_marked"),
    (3, (), "steps_not_on_all_hosts"),
    (3, _ALL, "kernels_outside_steps"),
    (3, _SHARES, "durations_negative"),
    (3, ("shares",), "clocks_apart"),
    (3, _SHARES, "device_not_read trace_unusable trace_missing"),
    (2, _TIMES, "imprecise"),
    (2, _SHARES, "trace_drifts trace_varies"),
    (2, (), "bound_by_launching bound_by_input bound_by_python bound_by_fetching bound_by_unknown"),
    (2, _SHARES, "kernels_without_op"),
    (2, _TIMES, "garbage_collected disk_page_faults"),
    (2, ("shares",), "eager_ops xla_fusions_across xla_fusions_estimated"),
    (2, ("times",), "steps_overlap"),
    (2, (), "pool_work_without_op markers_inside_steps steps_empty results_unknown"),
    (2, (), "events_missing"),
    (1, (), "no_trace first_step stopped outliers"),
    (1, _SHARES, "host_level_low"),
    (1, (), "steps_by_calls unseen_ops_unknown idle_unknown xla_fused layers_below_scope"),
    (1, (), "interference_unknown build_not_profiled"),
    (1, (), "set_up_left_out steps_too_short steps_renumbered several_hosts gpu_clock_level"),
)
"""Severity and what it makes unsure, of findings and of notes that are some; the worst first."""
HARM = {
    code: (severity, invalidates)
    for severity, invalidates, codes in _FINDINGS
    for code in codes.split()
}
WORKED_OUT = frozenset(
    (
        *("incomplete", "no_turns", "few_steps", "machine_busy", "unsteady", "not_warm"),
        *("stopped", "imprecise", "outliers", "no_trace", "trace_withheld", "first_step"),
        *("trace_unlike", "trace_drifts", "trace_varies", "page_faults"),
        *("outside_waits", "outside_runs"),
        *("bound_by_launching", "bound_by_input", "bound_by_fetching"),
        *("bound_by_python", "bound_by_unknown"),
    )
)
"""Codes of findings computed here, with their figures; no note in a record has them."""

UNLIKE = 1.25
"""Traced steps of a CPU that take so many times the timed ones, or the inverse, are unlike them."""
VARIES = 0.25
"""Standard deviation of traced steps, as a fraction of their mean, from which shares are unsure."""
HELD = 0.5
"""Fraction of what a trace recorded that its marked steps hold at least."""
PAGE_FAULT_S = 1e-6
"""What a page fault costs at least: the system's entry, and clearing 4096 bytes."""
FAULTS_SEEN = 0.01
"""More page faults under the trace than without matter from this fraction of the step on."""
_NEARLY_NOTHING = 0.1  # fraction of the time outside of steps in which ops may run


class Finding(Note, frozen=True, kw_only=True):
    """One thing that a reader has to know."""

    severity: int  # 1, worth knowing, to 5, numbers are wrong or missing
    phases: tuple[str, ...] = ()  # Keys of the phases it is about; empty for the whole run
    variants: tuple[str, ...] = ()  # Keys of the variants; empty for all
    invalidates: tuple[Invalidates, ...] = ()  # What it makes unsure
    # The phases that `numbers` are of, where others have milder ones; empty if all have these
    worst_phases: tuple[str, ...] = ()
    worst_variants: tuple[str, ...] = ()  # The variants likewise


def findings_of(run: Run) -> tuple[Finding, ...]:
    """What a reader of a run's numbers has to know, the most harmful first.

    What holds for several variants or phases is one finding, with the worst figures.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in (
        *_of_run(run),
        *_outside(run),
        *_of_machine(run),
        *_of_times(run),
        *_of_traces(run),
    ):
        gpu = finding.numbers.get("gpu")
        key = finding.code, finding.names, finding.host, finding.text, gpu
        groups.setdefault(key, []).append(finding)
    findings = [
        replace(finding, variants=()) if {*finding.variants} == {*run.variants} else finding
        for finding in map(_joined, groups.values())
    ]
    order = {code: place for place, code in enumerate(HARM)}
    findings.sort(key=lambda finding: (-finding.severity, order.get(finding.code, len(order))))
    return tuple(findings)


def _finding(
    code: str,
    numbers: dict[str, float] | None = None,
    *,
    phases: Iterable[str] = (),
    variants: Iterable[str] = (),
    text: str = "",
) -> Finding:
    finding = of_note(Note(code, numbers or {}, text=text))
    return replace(finding, phases=tuple(phases), variants=tuple(variants))


def of_note(note: Note) -> Finding:
    """Makes a finding of a note on a phase."""
    severity, invalidates = HARM.get(note.code, (2, ()))
    return Finding(**asdict(note), severity=severity, invalidates=invalidates)


def _joined(findings: Sequence[Finding]) -> Finding:
    """Findings of a code as one of all their phases and variants, with the worst figures."""
    worst = max(findings, key=_size)
    milder = [finding for finding in findings if finding.numbers != worst.numbers]
    phases = dict.fromkeys(phase for finding in findings for phase in finding.phases)
    variants = dict.fromkeys(name for finding in findings for name in finding.variants)
    of_some = all(finding.variants for finding in findings)
    beside_it = any(finding.phases == worst.phases for finding in milder)
    return replace(
        worst,
        phases=tuple(phases),
        variants=tuple(variants) if of_some else (),
        worst_phases=worst.phases if milder and len(phases) > 1 else (),
        worst_variants=worst.variants if beside_it else (),
    )


def _size(finding: Finding) -> float:
    """How bad the figures are: a fraction, the ratio of two of a unit, a count or what it lacks."""
    figures = finding.numbers
    if "slowdown" in figures:
        return max(figures["slowdown"], 1 / (figures["slowdown"] or math.inf))
    fractions = [
        value
        for name, value in figures.items()
        if name.endswith("fraction") and name != "requested_fraction"
    ]
    if fractions:
        return max(fractions)
    for unit in ("_s", "_mhz", "_per_step"):
        values = [value for name, value in figures.items() if name.endswith(unit) and value > 0]
        if len(values) > 1:
            return max(values) / min(values)
    if "of_steps" in figures:
        return figures["of_steps"] - figures["steps"]
    counts = (value for name, value in figures.items() if not name.startswith("of_"))
    return max(counts, default=0.0)


def _phases(run: Run) -> Iterator[tuple[str, str, Phase]]:
    """Key, variant and record of all phases of all variants, phase by phase."""
    for key in run.phase_keys:
        for name in run.variants:
            if phase := run.phase(name, key):
                yield key, name, phase


def _of_run(run: Run) -> Iterator[Finding]:
    yield from map(of_note, run.notes)
    notes = [note for _, _, phase in _phases(run) for note in phase.notes]
    if not run.complete and run.stopped not in notes:
        yield _finding("incomplete", text=run.stopped.text if run.stopped else "")
    if run.ablations and not all(ablation.paired for ablation in run.ablations):
        yield _finding("no_turns")
    few = [key for key, _, phase in _phases(run) if phase.timed and phase.timed.ci95_s is None]
    if few:
        yield _finding("few_steps", phases=dict.fromkeys(few))


def _of_machine(run: Run) -> Iterator[Finding]:
    """Other programs and slow stretches are one finding: the machine was busy."""
    others: dict[str, float] = {}
    stolen: dict[str, float] = {}
    unsteady: dict[str, set[str]] = {}
    for key, name, phase in _phases(run):
        taken = phase.interference
        if taken is not None and phase.timed is not None:
            if taken.others_part > OTHERS:
                others[key] = max(others.get(key, 0.0), taken.others_part)
            if taken.steal_part > STEAL:
                stolen[key] = max(stolen.get(key, 0.0), taken.steal_part)
        if phase.timed and phase.timed.steadiness and phase.timed.steadiness.state != "steady":
            unsteady.setdefault(key, set()).add(name)
    slow = {stretch.phase for stretch in run.stretches}
    busy = [key for key in run.phase_keys if key in others or key in stolen or key in slow]
    if busy:
        numbers: dict[str, float] = {}
        slowest: tuple[str, ...] = ()
        worst = max(run.stretches, key=lambda stretch: stretch.ratio, default=None)
        if worst is not None:
            numbers, slowest = {"slowest_ratio": worst.ratio}, (worst.phase,)
        if others:
            numbers["others_fraction"] = max(others.values())
        if stolen:
            numbers["steal_fraction"] = max(stolen.values())
        yield replace(_finding("machine_busy", numbers, phases=busy), names=slowest)
    for key, variants in unsteady.items():
        if key not in busy:
            yield _unsteady(run, key, variants)


def _unsteady(run: Run, key: str, variants: set[str]) -> Finding:
    """Steps that hold no level: of all variants together it is the machine, of some the graph."""
    steady = [
        phase.timed.steadiness
        for phase_key, name, phase in _phases(run)
        if phase_key == key and name in variants and phase.timed and phase.timed.steadiness
    ]
    largest = max(steady, key=lambda steps: abs(steps.levels_s[-1] - steps.levels_s[0]))
    numbers = {"first_level_s": largest.levels_s[0], "last_level_s": largest.levels_s[-1]}
    if largest.settled_step is not None:
        numbers["settled_step"] = largest.settled_step
    of_all = len(variants) == len(run.variants)
    return _finding(
        "unsteady",
        numbers,
        phases=(key,),
        variants=() if of_all else [name for name in run.variants if name in variants],
    )


def _of_times(run: Run) -> Iterator[Finding]:
    """Whether the timed steps were warm, why there are no more, and which are far from the rest."""
    for key in run.phase_keys:
        timed = {
            name: phase.timed
            for name in run.variants
            if (phase := run.phase(name, key)) and phase.timed
        }
        for name, steps in timed.items():
            if steps.warm_up and steps.warm_up.settled is False:
                variants = (name,) if len(run.variants) > 1 else ()
                ran = {"steps": float(steps.warm_up.steps)}
                yield _finding("not_warm", ran, phases=(key,), variants=variants)
        yield from _stopped(key, timed)
        outliers = [steps.outliers for steps in timed.values() if steps.outliers]
        numbers = {
            "slow": sum(outlier.mild_high + outlier.severe_high for outlier in outliers),
            "slow_far": sum(outlier.severe_high for outlier in outliers),
            "quick": sum(outlier.mild_low + outlier.severe_low for outlier in outliers),
            "quick_far": sum(outlier.severe_low for outlier in outliers),
            "steps": sum(outlier.steps for outlier in outliers),
            "added_fraction": max((outlier.mean_share for outlier in outliers), default=0.0),
        }
        if numbers["slow"] or numbers["quick"]:
            yield _finding("outliers", numbers, phases=(key,))


def _stopped(key: str, timed: Mapping[str, Timed]) -> Iterator[Finding]:
    """Why there are no more steps, once for variants that took turns; not if all asked for ran."""
    groups: dict[tuple[str, float | None, int], list[str]] = {}
    for name, steps in timed.items():
        how = (steps.stopped_by or "steps", steps.requested_precision, steps.steps)
        groups.setdefault(how, []).append(name)
    for (stopped_by, requested, count), names in groups.items():
        if requested is None and stopped_by != "max-time":
            continue
        code, numbers = "stopped", {"steps": float(count)}
        reached = max(timed[name].precision or 0.0 for name in names)
        if reached:
            numbers["reached_fraction"] = reached
        if requested is not None:
            numbers["requested_fraction"] = requested
            if stopped_by != "precision" and not 0 < reached <= requested:
                code = "imprecise"
        variants = names if len(groups) > 1 else ()
        finding = _finding(code, numbers, phases=(key,), variants=variants)
        yield replace(finding, names=(stopped_by,))


def _of_traces(run: Run) -> Iterator[Finding]:
    several = len(run.variants) > 1
    for key, name, phase in _phases(run):
        for finding in (*_of_steps(phase), *_bounds(run, key, name, phase), *_of_trace(run, phase)):
            yield replace(finding, phases=(key,), variants=(name,) if several else ())


def _of_trace(run: Run, phase: Phase) -> Iterator[Finding]:
    """Whether there is a trace, what to know of it, and what went on around the timed steps."""
    traced = phase.traced
    unusable = any(note.code == "trace_unusable" for note in phase.notes)
    if traced is None and phase.timed is not None and run.complete and not unusable:
        yield _finding("no_trace")
    if traced is not None and phase.attribution is None:
        numbers = {"traced_s": traced.mean_s}
        if traced.wall_clock_mean_s:
            numbers["wall_clock_s"] = traced.wall_clock_mean_s
        yield _finding("trace_withheld", numbers)
    yield from (of_note(note) for note in phase.notes if note.code not in WORKED_OUT)
    if phase.interference is not None and phase.timed is not None:
        steadiness = phase.timed.steadiness
        unsteady = phase.on_gpu and steadiness is not None and steadiness.state != "steady"
        notes = interference_notes(phase.interference, on_gpu=phase.on_gpu, unsteady=unsteady)
        yield from map(of_note, notes)


def _of_steps(phase: Phase) -> Iterator[Finding]:
    """Whether the traced steps are like the timed ones, and like each other."""
    traced, timed = phase.traced, phase.timed
    if traced is None or phase.attribution is None:
        return
    if traced.left_out_s is not None:
        numbers = {"first_s": traced.left_out_s, "mean_s": traced.mean_s}
        yield _finding("first_step", {**numbers, "mean_with_s": traced.mean_with_s or 0.0})
    if not phase.on_gpu and traced.slowdown and not 1 / UNLIKE <= traced.slowdown <= UNLIKE:
        yield _finding("trace_unlike", {"slowdown": traced.slowdown})
    trend = _trend(traced.steps_s)
    if trend is not None:
        yield _finding("trace_drifts", {"first_s": trend[0], "last_s": trend[1]})
    elif traced.std_s and traced.std_s > VARIES * traced.mean_s > 0:
        yield _finding("trace_varies", {"std_fraction": traced.std_s / traced.mean_s})
    faults = traced.page_faults_per_step
    before = timed.page_faults_per_step if timed else None
    if phase.on_gpu or faults is None or before is None:
        return
    if (faults - before) * PAGE_FAULT_S >= FAULTS_SEEN * traced.mean_s:
        yield _finding("page_faults", {"traced_per_step": faults, "timed_per_step": before})


def _trend(steps_s: Sequence[float]) -> tuple[float, float] | None:
    """Means of the first and the last third of steps that go on getting slower or quicker."""
    third = len(steps_s) // 3
    if third < 1:
        return None
    parts = (steps_s[:third], steps_s[third : 2 * third], steps_s[-third:])
    first_s, middle_s, last_s = (fmean(part) for part in parts)
    one_way = first_s < middle_s < last_s or first_s > middle_s > last_s
    return (first_s, last_s) if one_way and abs(last_s - first_s) > VARIES * first_s else None


def _outside(run: Run) -> Iterator[Finding]:
    """Whether the marked steps of a trace hold a small part of what it recorded."""
    by_file: dict[str, list[tuple[str, Traced]]] = {}
    for key, _, phase in _phases(run):
        if phase.traced and phase.traced.span_s:
            by_file.setdefault(phase.traced.file, []).append((key, phase.traced))
    for phases in by_file.values():
        all_traced = [traced for _, traced in phases]
        span_s = all_traced[0].span_s or 0.0
        held_s = sum(
            traced.mean_s * traced.steps + (traced.left_out_s or 0) for traced in all_traced
        )
        if held_s >= HELD * span_s:
            continue
        steps = sum(traced.steps + (traced.left_out_s is not None) for traced in all_traced)
        outside_s = max(traced.outside_s or 0.0 for traced in all_traced)
        waits = outside_s < _NEARLY_NOTHING * (span_s - held_s)
        yield _finding(
            "outside_waits" if waits else "outside_runs",
            {"held_s": held_s, "span_s": span_s, "step_with_it_s": span_s / steps},
            phases=() if run.is_trace else [key for key, _ in phases],
        )


def _bounds(run: Run, key: str, name: str, phase: Phase) -> Iterator[Finding]:
    """Whether a GPU waits for its host for longer than it is busy."""
    traced, attributed = phase.traced, phase.attribution
    if traced is None or attributed is None:
        return
    code = f"bound_by_{attributed.bound_by}"
    if code not in HARM:
        return
    division = divide(run, name, key)
    if division is None:
        return
    if traced.steps == 1 and traced.span_s is None and phase.timed is None:
        return  # the whole trace as one step has set-up and compiling in it
    kernels = sum(op.kernels_per_step for op in phase.ops if op.device == attributed.device)
    numbers = {
        "step_s": division.step_s,
        "busy_s": division.step_s - division.idle_s,
        "kernels_per_step": kernels,
    }
    if attributed.launches_per_step is not None:
        numbers["launches_per_step"] = attributed.launches_per_step
    if attributed.bound_by == "launching":
        numbers["waits_s"] = division.idle_by_reason_s.get("launching", 0.0)
    yield _finding(code, numbers)
