"""What of the interference with a phase is unlike in two runs, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from alexprof.analysis.interference import MEMORY_STALLED, OTHERS, SLOWER, STEAL, THROTTLED
from alexprof.record.interference import Interference


def differences(ours: Interference, theirs: Interference) -> Iterator[str]:
    """What of A's and of B's interference with a phase is unlike, with both figures.

    Args:
        ours: A's.
        theirs: B's.
    """
    if abs(ours.others_part - theirs.others_part) > OTHERS:
        yield (
            f"others used {_cores_worth(ours.cpu_others)} and {_cores_worth(theirs.cpu_others)} of "
            f"{theirs.cores} cores"
        )
    if abs(ours.steal_part - theirs.steal_part) > STEAL:
        taken = [_cores_worth(one.steal) for one in (ours, theirs)]
        yield f"the host took {taken[0]} and {taken[1]} of {theirs.cores} cores"
    if abs((ours.memory_stalled or 0) - (theirs.memory_stalled or 0)) > MEMORY_STALLED:
        waited = [percent(one.memory_stalled or 0) for one in (ours, theirs)]
        yield f"programs waited for memory {waited[0]} and {waited[1]} of the time"
    if abs((ours.throttled or 0) - (theirs.throttled or 0)) > THROTTLED:
        yield (
            f"the container's quota stopped threads for {figure(ours.throttled or 0)} and "
            f"{figure(theirs.throttled or 0)} s a second"
        )
    mhz, later = ours.cpu_mhz_after, theirs.cpu_mhz_after
    if mhz and later and abs(math.log(later / mhz)) > SLOWER:
        yield f"the cores ran at {mhz:.0f} and {later:.0f} MHz"
    clocks = {one.index: one.clock_mhz for one in ours.gpus_after}
    for one in theirs.gpus_after:
        mhz, later = clocks.get(one.index), one.clock_mhz
        if mhz and later and abs(math.log(later / mhz)) > SLOWER:
            yield f"GPU {one.index} ran at {mhz:.0f} and {later:.0f} MHz"


def _cores_worth(cores: float | None) -> str:
    return "an unknown part" if cores is None else figure(cores)


def percent(part: float) -> str:
    """A part in percent, two digits: "1.4 %", "37 %"."""
    return f"{part * 100:.{0 if part >= 0.0995 else 1}f} %"


def figure(value: float) -> str:
    """Two digits, whole ones never rounded away, and no more than two decimals: "0.37", "128"."""
    return f"{value:.0f}" if value >= 9.95 else f"{round(value, 2):.2g}"
