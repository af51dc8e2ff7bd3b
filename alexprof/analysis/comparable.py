"""Can two runs be compared at all? What differs between them, and what that forbids."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from alexprof.analysis.caveats import Caveat, CaveatCode, Effect
from alexprof.analysis.division import UNASSIGNED
from alexprof.analysis.findings import findings_of
from alexprof.analysis.interference import (
    MEMORY_STALLED,
    OTHERS,
    SLOWER,
    STEAL,
    THROTTLED,
    TOO_BUSY,
    is_busy,
)
from alexprof.analysis.selection import Pair, Selection, common_phases
from alexprof.record.interference import Interference
from alexprof.record.note import distinct
from alexprof.record.phase import Phase
from alexprof.record.run import MachineRecord, Run

VariantPhase = tuple[str, str]
"""A variant and the key of a phase of it."""
QUANTITIES = frozenset(
    (
        *("num_batches", "trace_steps", "variants", "phases", "block_steps", "interleave"),
        *("burn_in", "until_steady", "precision", "max_time_s"),
    )
)
"""Settings that say how much was measured: what a step takes doesn't depend on them."""
WORK = frozenset(("batch_size", "image_size"))
"""Settings that say how much a step has to do."""
LOADED = 2.0
"""Processes for each core before a run began, from which on its times are not to be trusted: the
run before it leaves up to about 1 behind."""
LEAST_COMMON = 0.05
"""Part of a step that ops of the same name take at least, in one of two runs, of what may be one
program: in traces of unrelated programs it was 0 to 2 %, of a model in other precision or compiled
by XLA 48 % or more."""
UNEVEN = 0.75
"""Processes for each core by which two runs' load may differ before that is a caveat."""


def caveats_of(a: Selection, b: Selection, pairs: Sequence[Pair]) -> list[Caveat]:
    """What speaks against comparing these variants of two runs, the worst first."""
    if a.is_trace != b.is_trace:
        return [_trace_and_timed(a, b)]
    caveats = [*_unmatched(a, b, pairs)]
    if a.is_trace:
        caveats.append(Caveat(code="traces_alone"))
        caveats += [*outside_steps(a), *outside_steps(b)]
    elif a.folder != b.folder:
        caveats += [*_work(a, b), *_machine(a, b), *version_changes(a.run, b.run)]
        caveats += [*_load(a, b, pairs), *_around(a, b, pairs)]
    else:
        caveats += [Caveat(code="variants_of_one_run", variants=pair) for pair in pairs]
        # As in the run's report: both were measured beside the others.
        compared = [*_compared(a, b, pairs, side=0), *_compared(a, b, pairs, side=1)]
        if lost := _lost_parts(a, compared, only_busy=True):
            caveats.append(_machine_busy(a.run, lost, "none"))
    if a.folder != b.folder:
        caveats += _unlike_programs(a, b, pairs)
    incomplete = [run for run in (a.run, b.run) if not run.complete]
    caveats += [Caveat(code="incomplete", runs=(run.run,)) for run in incomplete]
    caveats += [*_steps(a, b, pairs), *_slow_steps(a.run), *_slow_steps(b.run)]
    rank = ("times", "work", "none")
    return sorted(distinct(caveats), key=lambda caveat: rank.index(caveat.effect))


def _unmatched(a: Selection, b: Selection, pairs: Sequence[Pair]) -> Iterator[Caveat]:
    runs = (a.name, b.name)
    if not pairs:
        variants = tuple(", ".join(selection.run.variants) for selection in (a, b))
        yield Caveat(code="no_common_variant", effect="work", runs=runs, names=variants)
    elif not any(common_phases(a, b, pairs)):
        yield Caveat(code="no_common_phase", effect="work", runs=runs)
    if a.variant is None and b.variant is None:
        matched = {name for pair in pairs for name in pair}
        for selection in (a, b):
            for name in selection.run.variants:
                if name not in matched:
                    yield Caveat(code="variant_unmatched", runs=(selection.name,), variants=(name,))
    for pair in pairs:
        of_a, of_b = a.run.variants[pair[0]].phases, b.run.variants[pair[1]].phases
        for selection, name, own, others in ((a, pair[0], of_a, of_b), (b, pair[1], of_b, of_a)):
            for key in own:
                if key not in others:
                    yield Caveat(
                        code="phase_unmatched",
                        runs=(selection.name,),
                        phases=(key,),
                        variants=(name,),
                    )


def outside_steps(selection: Selection) -> Iterator[Caveat]:
    """Marked steps that hold a small part of their loop: they are not how long a step takes."""
    for finding in findings_of(selection.run):
        if finding.code in ("outside_waits", "outside_runs"):
            held = {"held_fraction": finding.numbers["held_s"] / finding.numbers["span_s"]}
            runs = (selection.name,)
            yield Caveat(code="outside_steps", effect="times", runs=runs, numbers=held)


def _trace_and_timed(a: Selection, b: Selection) -> Caveat:
    """A trace alone beside a run, with a trace of that run, which could be compared."""
    trace, timed = (a, b) if a.is_trace else (b, a)
    phases = (
        phase for name in timed.variants for phase in timed.run.variants[name].phases.values()
    )
    files = (str(timed.folder / phase.traced.file) for phase in phases if phase.traced is not None)
    runs = (trace.name, timed.name)
    return Caveat(code="trace_and_timed", effect="work", runs=runs, text=next(files, ""))


def _work(a: Selection, b: Selection) -> Iterator[Caveat]:
    work_a, work_b = a.run.workload, b.run.workload
    if work_a is None or work_b is None:
        known_of_one = work_a is not None or work_b is not None
        runs = tuple(selection.name for selection in (a, b) if selection.run.workload is None)
        yield Caveat(code="settings_unknown", effect="work" if known_of_one else "none", runs=runs)
        return
    if work_a.name != work_b.name:
        yield Caveat(code="workload_differs", effect="work", names=(work_a.name, work_b.name))
        return
    for name, value_a in work_a.settings.items():
        value_b = work_b.settings.get(name)
        if name in QUANTITIES or name not in work_b.settings or value_a == value_b:
            continue
        values = (_plain(value_a), _plain(value_b))
        if name == "seed":
            yield Caveat(code="seed_differs", what=name, names=values)
        else:
            code: CaveatCode = "amount_differs" if name in WORK else "setting_differs"
            yield Caveat(code=code, effect="work", what=name, names=values)


def _unlike_programs(a: Selection, b: Selection, pairs: Sequence[Pair]) -> Iterator[Caveat]:
    """Whether runs without a recorded workload have hardly an op in common."""
    if a.run.workload is not None or b.run.workload is not None:
        return
    phases = list(common_phases(a, b, pairs))
    of_a, of_b = (_ops(phase.a for phase in phases), _ops(phase.b for phase in phases))
    if not of_a or not of_b:
        return
    common = of_a.keys() & of_b.keys()
    parts = [sum(ops[name] for name in common) / sum(ops.values()) for ops in (of_a, of_b)]
    if max(parts) < LEAST_COMMON:
        runs, common_part = (a.name, b.name), {"common_fraction": max(parts)}
        yield Caveat(code="programs_unlike", effect="work", runs=runs, numbers=common_part)


def _ops(phases: Iterable[Phase]) -> dict[str, float]:
    """What each op takes, in steps; without what is given to none."""
    fractions: dict[str, float] = {}
    for phase in phases:
        for op in phase.ops:
            if op.name != UNASSIGNED:
                fractions[op.name] = fractions.get(op.name, 0.0) + op.share_fraction
    return fractions if sum(fractions.values()) > 0 else {}


def _machine(a: Selection, b: Selection) -> Iterator[Caveat]:
    machine_a, machine_b = a.run.machine, b.run.machine
    if machine_a is None or machine_b is None:
        return
    host_a, host_b = machine_a.host, machine_b.host
    for what, value_a, value_b in (
        ("processor", host_a.processor, host_b.processor),
        ("cores", str(host_a.cores), str(host_b.cores)),
        ("accelerators", _accelerators(machine_a), _accelerators(machine_b)),
    ):
        if value_a != value_b:
            values = (value_a, value_b)
            yield Caveat(code="machine_differs", effect="work", what=what, names=values)
    if host_a.system != host_b.system:
        yield Caveat(code="system_differs", names=(host_a.system, host_b.system))


def _accelerators(machine: MachineRecord) -> str:
    return " + ".join(device.description for device in machine.accelerators) or "none"


def version_changes(a: Run, b: Run) -> Iterator[Caveat]:
    """What of the software differs."""
    if a.machine is None or b.machine is None:
        return
    of_a, of_b = a.machine.software, b.machine.software
    for what in ("tensorflow", "python", "numpy", "alexprof", "onednn"):
        version_a, version_b = getattr(of_a, what), getattr(of_b, what)
        if version_a != version_b and version_a is not None and version_b is not None:
            values = (_plain(version_a), _plain(version_b))
            yield Caveat(code="version_differs", what=what, names=values)


def too_busy(selection: Selection, compared: Iterable[VariantPhase]) -> list[Caveat]:
    """Where other programs took so much time from a run that its times say nothing.

    Only the phases that are compared count, and the load before the run only where nothing was read
    around their steps.
    """
    run, lost = selection.run, _lost_parts(selection, compared)
    if busy := {key: part for key, part in lost.items() if part >= TOO_BUSY}:
        return [_machine_busy(run, busy, "times")]
    host = run.machine.host if run.machine else None
    if lost or host is None or (host.load_before or 0.0) < LOADED * host.cores:
        return []
    load = {"load": host.load_before or 0.0, "cores": host.cores}
    return [Caveat(code="load_high", effect="times", runs=(run.run,), numbers=load)]


def _machine_busy(run: Run, lost: Mapping[str, float], effect: Effect) -> Caveat:
    numbers = {"least_fraction": min(lost.values()), "most_fraction": max(lost.values())}
    phases = tuple(lost)
    return Caveat(
        code="machine_busy", effect=effect, runs=(run.run,), phases=phases, numbers=numbers
    )


def _compared(a: Selection, b: Selection, pairs: Sequence[Pair], side: int) -> list[VariantPhase]:
    """The phases of one side, A's (0) or B's (1), that stand beside one of the other's."""
    return [(phase.variants[side], phase.key) for phase in common_phases(a, b, pairs)]


def _lost_parts(
    selection: Selection, compared: Iterable[VariantPhase], *, only_busy: bool = False
) -> dict[str, float]:
    """What others took of the cores, by phase the most in any variant; where that is known."""
    lost: dict[str, float] = {}
    for name, key in compared:
        phase = selection.run.phase(name, key)
        taken = phase.interference if phase else None
        if taken is None or taken.cpu_others is None or (only_busy and not is_busy(taken)):
            continue
        lost[key] = max(lost.get(key, 0.0), taken.lost_part)
    return lost


def _load(a: Selection, b: Selection, pairs: Sequence[Pair]) -> Iterator[Caveat]:
    """Others beside the runs; the load before them only where nothing was read around steps."""
    of_a, of_b = (_compared(a, b, pairs, side) for side in (0, 1))
    busy = [*too_busy(a, of_a), *too_busy(b, of_b)]
    yield from busy
    if busy or a.run.machine is None or b.run.machine is None:
        return
    host_a, host_b = a.run.machine.host, b.run.machine.host
    both_read = _lost_parts(a, of_a) and _lost_parts(b, of_b)
    if both_read or host_a.load_before is None or host_b.load_before is None:
        return
    if abs(host_a.load_before / host_a.cores - host_b.load_before / host_b.cores) >= UNEVEN:
        loads = {"load_a": host_a.load_before, "load_b": host_b.load_before}
        yield Caveat(code="load_differs", runs=(a.run.run, b.run.run), numbers=loads)


def _around(a: Selection, b: Selection, pairs: Sequence[Pair]) -> Iterator[Caveat]:
    """What went on beside a phase in one run and not in the other."""
    runs = (a.name, b.name)
    for _, key, phase_a, phase_b in common_phases(a, b, pairs):
        if phase_a.interference is None or phase_b.interference is None:
            continue
        for what, numbers in _interference_differences(phase_a.interference, phase_b.interference):
            yield Caveat(
                code="interference_differs", runs=runs, phases=(key,), what=what, numbers=numbers
            )


def _interference_differences(
    a: Interference, b: Interference
) -> Iterator[tuple[str, dict[str, float]]]:
    """What differs by name, and A's and B's figure where known."""
    others = {"a": a.cpu_others, "b": b.cpu_others, "cores": b.cores}
    steal = {"a": a.steal, "b": b.steal, "cores": b.cores}
    stalled = {"a_fraction": a.memory_stalled or 0, "b_fraction": b.memory_stalled or 0}
    throttled = {"a": a.throttled or 0, "b": b.throttled or 0}
    rules: list[tuple[str, float, float, Mapping[str, float | None]]] = [
        ("others", b.others_part - a.others_part, OTHERS, others),
        ("steal", b.steal_part - a.steal_part, STEAL, steal),
        ("memory", stalled["b_fraction"] - stalled["a_fraction"], MEMORY_STALLED, stalled),
        ("quota", throttled["b"] - throttled["a"], THROTTLED, throttled),
    ]
    clocks: list[tuple[str, float | None, float | None, dict[str, float]]]
    clocks = [("clock", a.cpu_mhz_after, b.cpu_mhz_after, {})]
    gpus = {gpu.index: gpu.clock_mhz for gpu in a.gpus_after}
    clocks += [
        ("gpu_clock", gpus.get(gpu.index), gpu.clock_mhz, {"gpu": gpu.index})
        for gpu in b.gpus_after
    ]
    for what, mhz_a, mhz_b, which in clocks:
        if mhz_a and mhz_b:
            rules.append(
                (what, math.log(mhz_b / mhz_a), SLOWER, {**which, "a_mhz": mhz_a, "b_mhz": mhz_b})
            )
    for what, apart, least, figures in rules:
        if abs(apart) > least:
            yield what, {name: value for name, value in figures.items() if value is not None}


def _steps(a: Selection, b: Selection, pairs: Sequence[Pair]) -> Iterator[Caveat]:
    for pair, key, phase_a, phase_b in common_phases(a, b, pairs):
        variants = tuple(dict.fromkeys(pair))
        for selection, phase in ((a, phase_a), (b, phase_b)):
            run = (selection.name,)
            if phase.timed is None and not selection.is_trace:
                yield Caveat(code="not_timed", runs=run, phases=(key,), variants=variants)
            if phase.attribution is None:
                yield Caveat(code="not_traced", runs=run, phases=(key,), variants=variants)
        if phase_a.timed and phase_b.timed and phase_a.timed.fetch != phase_b.timed.fetch:
            yield Caveat(code="fetch_differs", effect="work")
        if phase_a.attribution and phase_b.attribution:
            devices = (phase_a.attribution.device, phase_b.attribution.device)
            if devices[0] != devices[1]:
                yield Caveat(code="devices_differ", effect="work", names=devices)


def _slow_steps(run: Run) -> Iterator[Caveat]:
    if run.stretches:
        yield Caveat(
            code="slow_steps",
            runs=(run.run,),
            phases=tuple(dict.fromkeys(stretch.phase for stretch in run.stretches)),
            numbers={"slowest_ratio": max(stretch.ratio for stretch in run.stretches)},
        )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return "+".join(map(str, value))
    return str(value)
