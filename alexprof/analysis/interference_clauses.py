"""What of the interference with a phase matters, in words: what happened, and what that does."""

from __future__ import annotations

import math
from collections.abc import Iterator

from alexprof.record.interference import (
    COLLECTING,
    GPU_SLOWED_BY,
    MAJOR_FAULTS_PER_S,
    MEMORY_STALLED,
    OTHERS,
    SLOWER,
    STEAL,
    THROTTLED,
    GpuState,
    Interference,
)


def findings(found: Interference, *, speed: bool = True) -> list[str]:
    """Clauses for what matters, each with its figures; none if nothing does.

    Args:
        found: What went on.
        speed: Whether to say that a clock of the host or a GPU became slower, too.
    """
    said = [*_cores(found), *_memory(found)]
    return [*said, *_speed(found), *gpu_clocks(found)] if speed else said


def _cores_worth(cores: float | None) -> str:
    return "an unknown part" if cores is None else figure(cores)


def _cores(found: Interference) -> Iterator[str]:
    cores = f"{found.cores} cores" if found.cores > 1 else "1 core"
    if found.others_part > OTHERS:
        yield (
            f"other programs used {_cores_worth(found.cpu_others)} of {cores}: steps waited for "
            "cores and take less on a machine at rest"
        )
    if found.steal_part > STEAL:
        yield (
            f"the host took {_cores_worth(found.steal)} of {cores} away: steps waited for cores "
            "and take less on a host at rest"
        )
    if (found.throttled or 0) > THROTTLED:
        yield (
            f"the container's quota stopped threads for {figure(found.throttled or 0)} s a "
            "second: steps waited for it and take less with more processor time"
        )
    if found.collecting_s is not None and found.collecting_s > COLLECTING * found.seconds:
        yield (
            f"Python's garbage collector took {percent(found.collecting_s / found.seconds)} of the "
            f"time ({found.collections} times): the steps that it ran in are longer"
        )


def _memory(found: Interference) -> Iterator[str]:
    if (found.memory_stalled or 0) > MEMORY_STALLED:
        yield (
            f"programs waited for memory {percent(found.memory_stalled or 0)} of the time: steps "
            "may have too, and take less where there is more of it"
        )
    faults = found.major_page_faults or 0
    if faults > MAJOR_FAULTS_PER_S * max(found.seconds, 1.0):
        yield f"{faults} page faults waited for the disk: the steps that they fell into are longer"


def _speed(found: Interference) -> Iterator[str]:
    mhz, later = found.cpu_mhz_before, found.cpu_mhz_after
    if mhz and later and later < mhz / (1 + SLOWER):
        yield (
            f"the cores' clock fell from {mhz:.0f} to {later:.0f} MHz: later steps are slower "
            "than earlier ones"
        )


def gpu_clocks(found: Interference) -> Iterator[str]:
    """Clauses for the GPUs that were slowed down, or became slower."""
    earlier = {one.index: one for one in found.gpus_before}
    for one in found.gpus_after:
        why = [reason for reason in one.slowed_by if reason.startswith(GPU_SLOWED_BY)]
        most = one.clock_max_mhz
        if why and one.clock_mhz and most and one.clock_mhz < most / (1 + SLOWER):
            yield (
                f"GPU {one.index} ran at {one.clock_mhz:.0f} of {most:.0f} MHz"
                f"{_celsius(one)} ({', '.join(why)}): kernels take less where it needn't slow down"
            )
            continue
        before = earlier.get(one.index)
        mhz = before.clock_mhz if before else None
        if mhz and one.clock_mhz and one.clock_mhz < mhz / (1 + SLOWER):
            yield (
                f"GPU {one.index}'s clock fell from {mhz:.0f} to {one.clock_mhz:.0f} MHz"
                f"{_celsius(one)}: later steps are slower than earlier ones"
            )


def level_gpu_clocks(found: Interference) -> Iterator[str]:
    """Clauses for the GPUs whose clocks read the same after the steps as before them."""
    earlier = {one.index: one.clock_mhz for one in found.gpus_before}
    for one in found.gpus_after:
        mhz = earlier.get(one.index)
        if mhz and one.clock_mhz and abs(math.log(one.clock_mhz / mhz)) <= math.log1p(SLOWER):
            yield f"GPU {one.index}'s clock read {one.clock_mhz:.0f} MHz before and after"


def percent(part: float) -> str:
    """A part in percent, two digits: "1.4 %", "37 %"."""
    return f"{part * 100:.{0 if part >= 0.0995 else 1}f} %"


def figure(value: float) -> str:
    """Two digits, whole ones never rounded away, and no more than two decimals: "0.37", "128"."""
    return f"{value:.0f}" if value >= 9.95 else f"{round(value, 2):.2g}"


def _celsius(one: GpuState) -> str:
    return f" at {one.temperature_c:.0f} °C" if one.temperature_c is not None else ""
