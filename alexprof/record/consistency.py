"""Checks that the numbers of a run agree; a run that contradicts itself is not loaded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from alexprof.record.ablation import Ablation
from alexprof.record.phase import AttributedTimes, Cost, Phase, Traced
from alexprof.record.run import Run
from alexprof.record.timed import Timed

CLOSE = 1e-6
"""Relative tolerance between a number and the sum, or mean, of its parts."""
_Contradictions = Iterator[tuple[str, str]]
"""A place in the record, and what is wrong there, with both numbers."""


def check_run(run: Run) -> None:
    """Raises a ValueError with the place and both numbers if a run contradicts itself."""
    for place, text in _contradictions(run):
        raise ValueError(f"{text} - at `$.{place}`")


def differ(number: float, other: float) -> bool:
    """Whether two numbers that should be equal differ by more than rounding."""
    return not math.isclose(number, other, rel_tol=CLOSE, abs_tol=1e-12)


def _contradictions(run: Run) -> _Contradictions:
    try:
        datetime.fromisoformat(run.started).timestamp()
    except (ValueError, OverflowError):
        yield "started", f"{run.started} is not a valid time"
    for variant, key, phase in run.all_phases():
        for place, text in _of_phase(phase):
            yield f"variants.{variant}.phases.{key}.{place}", text
    for ablation in run.ablations:
        for name in (ablation.reference, ablation.without):
            if run.phase(name, ablation.phase) is None:
                yield f"ablations.{ablation.name}", f"there is no {ablation.phase} of {name}"
        yield from _reversed(f"ablations.{ablation.name}", _intervals_of(ablation))
    for stretch in run.stretches:
        if stretch.phase not in run.phase_keys:
            yield "stretches", f"there is no phase {stretch.phase}"


def _of_phase(phase: Phase) -> _Contradictions:
    timed, traced, attribution = phase.timed, phase.traced, phase.attribution
    tables = {**_costs(phase), "layers_whole": phase.layers_whole}
    for name, costs in tables.items():
        yield from _reversed(name, costs)
    if timed is not None:
        yield from _of_timed(timed)
    if traced is not None:
        yield from _of_traced(traced)
    if attribution is None:
        return
    yield from _of_devices(phase, attribution)
    if traced is None:
        yield "traced", "there are attributed times, but no traced steps"
        return
    step_s = attribution.timeline.wall_ns / 1e9 / traced.steps
    yield from _unequal("traced.mean_s", traced.mean_s, step_s, "attribution")
    for name, costs in tables.items():
        for cost in costs:
            if cost.device == attribution.device:
                place, share_s = f"{name}.{cost.name}.share_mean_s", cost.share_fraction * step_s
                yield from _unequal(place, cost.share_mean_s, share_s, "share_fraction")


def _of_timed(timed: Timed) -> _Contradictions:
    yield from _reversed("timed", [timed])
    steps = sum(block.steps for block in timed.blocks)
    yield from _unequal("timed.steps", timed.steps, steps, "blocks")
    whole_s = math.fsum(block.steps * block.mean_s for block in timed.blocks)
    yield from _unequal("timed.mean_s", timed.mean_s, whole_s / max(steps, 1), "blocks")
    for name, center_s in (("mean_s", timed.mean_s), ("median_s", timed.median_s)):
        if not timed.min_s * (1 - CLOSE) <= center_s <= timed.max_s * (1 + CLOSE):
            yield f"timed.{name}", f"{center_s:g} is outside {timed.min_s:g} to {timed.max_s:g}"
    if timed.steadiness is not None:
        levels, first = len(timed.steadiness.levels_s), len(timed.steadiness.first_steps)
        if levels != first or not levels:
            yield "timed.steadiness", f"there are {levels} levels, but {first} first steps"


def _of_traced(traced: Traced) -> _Contradictions:
    yield from _reversed("traced", [traced])
    if steps := len(traced.steps_s):
        yield from _unequal("traced.steps", traced.steps, steps, "steps_s")
        yield from _unequal(
            "traced.mean_s", traced.mean_s, math.fsum(traced.steps_s) / steps, "steps_s"
        )


def _of_devices(phase: Phase, attribution: AttributedTimes) -> _Contradictions:
    for times in attribution.devices:
        place = f"attribution.devices.{times.device}"
        parts_ns = times.share_ns + times.idle_ns
        yield from _unequal(f"{place}.wall_ns", times.wall_ns, parts_ns, "share_ns + idle_ns")
        if times.unassigned_ns > times.share_ns:
            text = f"{times.unassigned_ns} is more than share_ns, {times.share_ns}"
            yield f"{place}.unassigned_ns", text
        if times.idle_by_reason_ns:
            reasons_ns = sum(times.idle_by_reason_ns.values())
            yield from _unequal(f"{place}.idle_ns", times.idle_ns, reasons_ns, "idle_by_reason_ns")
        for name, costs in _costs(phase).items():
            fractions = [cost.share_fraction for cost in costs if cost.device == times.device]
            if fractions and times.wall_ns:
                part, together = times.share_ns / times.wall_ns, math.fsum(fractions)
                yield from _unequal(f"{name}.share_fraction", together, part, place)


def _intervals_of(ablation: Ablation) -> Iterable[object]:
    """An ablation, and those of its rows that have intervals."""
    rows = (*ablation.parts, *ablation.others, *ablation.only_with, *ablation.only_without)
    return (ablation, *rows, *([ablation.unassigned] if ablation.unassigned else ()))


def _reversed(place: str, records: Iterable[Any]) -> _Contradictions:
    """Finds intervals whose lower bound is above the upper bound."""
    for record in records:
        for name in _interval_fields(type(record)):  # type: ignore[arg-type] # mypy 11470
            interval = getattr(record, name)
            if interval is not None and interval[0] > interval[1]:
                yield f"{place}.{name}", f"{interval[0]:.9g} is above {interval[1]:.9g}"


@lru_cache
def _interval_fields(record_type: type) -> tuple[str, ...]:
    names = {name for base in record_type.__mro__ for name in getattr(base, "__annotations__", ())}
    return tuple(name for name in sorted(names) if "ci95" in name)


def _costs(phase: Phase) -> Mapping[str, tuple[Cost, ...]]:
    """The tables of costs that each add up to a step without its idle time."""
    return {"ops": phase.ops, "layers": phase.layers, "kinds": phase.kinds}


def _unequal(place: str, number: float, other: float, by: str) -> _Contradictions:
    if differ(number, other):
        yield place, f"{number:.9g}, but {other:.9g} according to {by}"
