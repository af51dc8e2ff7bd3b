"""What of the interference with a phase matters: from these thresholds on there is a note."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.record.interference import Interference
from alexprof.record.note import Note

OTHERS = 0.05
"""Part of the cores that others may use before it is a finding: a step that waits for its slowest
thread is longer by at least as much; a desktop at rest takes less."""
TOO_BUSY = 0.25
"""Part of the cores that others and the host may take before no verdict rests on the times: with
more, steps take a third longer and nobody knows how much exactly. Below it the intervals of turns
still hold, as it lengthens both variants."""
STEAL = 0.01
"""Part of the cores that the host may take away: nothing inside the machine can explain more."""
MEMORY_STALLED = 0.01
"""Part of the time in which some program may wait for memory: at rest it is 0."""
THROTTLED = 0.01
"""Seconds a second for which the control group's quota may stop threads."""
MAJOR_FAULTS_PER_S = 5.0
"""Page faults a second that wait for a disk: each takes 0.1 to 10 ms."""
COLLECTING = 0.01
"""Part of the time for Python's garbage collector."""
SLOWER = 0.05
"""Change of a clock: two readings at rest differ by 1 to 3 %."""
GPU_SLOWED_BY = frozenset(
    (
        *("power cap", "power cap (brake)", "hardware slowdown"),
        *("thermal (software)", "thermal (hardware)"),
    )
)
"""The reasons (`measure.gpu_state`) for which a GPU runs below its clocks against one's will."""


def is_busy(interference: Interference) -> bool:
    """Whether others or the host took enough of the cores to say so, verdict or not."""
    return interference.others_part > OTHERS or interference.steal_part > STEAL


def interference_notes(
    interference: Interference, *, on_gpu: bool = False, unsteady: bool = False
) -> Iterator[Note]:
    """Notes on what matters beside other programs and the host, which `findings` puts together.

    Args:
        interference: What went on around the steps.
        on_gpu: Whether the steps ran on a GPU, which the cores' clock doesn't matter to.
        unsteady: Whether the steps held no level: then clocks that did are worth a note.
    """
    seconds = interference.seconds
    if (interference.throttled or 0) > THROTTLED:
        yield Note("quota_throttled", {"throttled_per_s": interference.throttled or 0.0})
    collecting_s = interference.collecting_s
    if collecting_s is not None and collecting_s > COLLECTING * seconds:
        fraction, times = collecting_s / seconds, interference.collections or 0
        yield Note("garbage_collected", {"collecting_fraction": fraction, "collections": times})
    if (interference.memory_stalled or 0) > MEMORY_STALLED:
        yield Note("memory_stalled", {"stalled_fraction": interference.memory_stalled or 0.0})
    faults = interference.major_page_faults or 0
    if faults > MAJOR_FAULTS_PER_S * max(seconds, 1.0):
        yield Note("disk_page_faults", {"faults": faults})
    before, after = interference.cpu_mhz_before, interference.cpu_mhz_after
    if before and after and after < before / (1 + SLOWER) and not on_gpu:
        yield Note("cpu_clock_fell", {"before_mhz": before, "after_mhz": after})
    earlier = {gpu.index: gpu.clock_mhz for gpu in interference.gpus_before}
    for gpu in interference.gpus_after:
        figures: dict[str, float] = {"gpu": gpu.index}
        temperature = {} if gpu.temperature_c is None else {"temperature_c": gpu.temperature_c}
        reasons = tuple(reason for reason in gpu.slowed_by if reason in GPU_SLOWED_BY)
        now, most, before = gpu.clock_mhz, gpu.clock_max_mhz, earlier.get(gpu.index)
        if reasons and now and most and now < most / (1 + SLOWER):
            clocks = {"clock_mhz": now, "most_mhz": most}
            yield Note("gpu_slowed", {**figures, **clocks, **temperature}, reasons)
        elif before and now and now < before / (1 + SLOWER):
            clocks = {"before_mhz": before, "after_mhz": now}
            yield Note("gpu_clock_fell", {**figures, **clocks, **temperature})
        elif unsteady and before and now and now <= before * (1 + SLOWER):
            yield Note("gpu_clock_level", {**figures, "clock_mhz": now})
