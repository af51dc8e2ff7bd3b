"""What two runs may differ by for other reasons than what they ran: their machine, their moment.

One run of each can't show how runs differ. So a standard deviation is taken for granted, and it
grows with what was seen beside the steps. docs/statistics.md explains the terms and has the
measurements behind the constants.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alexprof.measure.disturbances import (
    Disturbances,
    GpuState,
    Yardstick,
    beyond_noise,
    slowed,
)
from alexprof.measure.values import PROCESS_CV
from alexprof.runs.findings import figure, percent, yardstick_changes
from alexprof.runs.record import Phase, on_cpu

WANDER_CV, WANDER_S = 0.10, 2.0
"""A machine wanders by so much from moment to moment; so long a measurement has half of that
variance averaged out."""
LOST = 0.6
"""Where others had a part u of the cores, steps take up to 1 / (1 − u) of their time. A standard
deviation of 0.6 of its logarithm has the whole within a 95 % interval, with some to spare."""
COMPOSITION = 0.2
"""Part by which an op's share of the step is off where others have all cores: ops that wait for
memory suffer otherwise than those that compute."""
WORTH_SAYING = 2.0
"""So many times what is always allowed."""


@dataclass(frozen=True)
class Allowance:
    """What is allowed for between two sides.

    Attributes:
        cv: Standard deviation of a run's mean, as a part of it.
        reasons: Why it is more than always, the largest first.
    """

    cv: float
    reasons: tuple[str, ...] = ()


def allowance(
    ours: Sequence[Phase], theirs: Sequence[Phase], *, process_cv: float = PROCESS_CV
) -> Allowance:
    """What a run's mean may be off by.

    Args:
        ours: A phase in each run of A.
        theirs: The same phase in each run of B.
        process_cv: What is allowed for always; more than `PROCESS_CV` if it was measured. Moments
            of the machine are in such a figure, so that the larger of the two counts.
    """
    each = 1 / len(ours) + 1 / len(theirs)
    moment = _short(ours, theirs, each)
    measured = process_cv**2 >= PROCESS_CV**2 + moment[0]
    always, terms = (process_cv**2, []) if measured else (PROCESS_CV**2, [moment])
    known = [[one.disturbances for one in side if one.disturbances] for side in (ours, theirs)]
    if all(known):
        terms += [*_of_each(known, each), *_apart(known, each)]
        if not all(one.attribution and on_cpu(one.attribution.device) for one in (*ours, *theirs)):
            terms += _gpus_apart(known, each)
    terms = sorted((term for term in terms if term[0] > 0), key=lambda term: -term[0])
    cv = math.sqrt(always + sum(variance for variance, _ in terms))
    if cv < WORTH_SAYING * process_cv:
        return Allowance(cv)
    return Allowance(cv, tuple(text for variance, text in terms if variance > PROCESS_CV**2))


def composition_cv(ours: Sequence[Phase], theirs: Sequence[Phase]) -> float:
    """What the parts of a traced step may be off by, as a part of them, for what others took."""
    sides = [
        [
            (COMPOSITION * lost(one.traced_disturbances)) ** 2
            for one in side
            if one.traced_disturbances
        ]
        for side in (ours, theirs)
    ]
    return math.sqrt(sum(sum(side) / len(side) for side in sides if side) / 2)


Readings = Sequence[Sequence[Disturbances]]
"""Of each side the runs' disturbances."""
Term = tuple[float, str]
"""A variance of a run's mean (relative), and why."""


def _short(ours: Sequence[Phase], theirs: Sequence[Phase], each: float) -> Term:
    """How far the machine wanders from the mean of so short a measurement."""
    sides = [[measured_s(one) for one in side] for side in (ours, theirs)]
    shortest = min(one for side in sides for one in side)
    return (
        _averaged([[wander(one) ** 2 for one in side] for side in sides], each),
        f"{figure(shortest)} s of steps are but a moment of the machine (more steps help)",
    )


def _of_each(known: Readings, each: float) -> Iterator[Term]:
    """What the runs show by themselves."""
    taken = max((one for side in known for one in side), key=lost)
    yield (
        _averaged([[(LOST * math.log1p(-lost(one))) ** 2 for one in side] for side in known], each),
        f"others had {percent(lost(taken))} of the cores",
    )
    most = max((one for side in known for one in side), key=changed)
    yield (
        _averaged([[changed(one) ** 2 / 4 for one in side] for side in known], each),
        f"by the end of a run {' and '.join(yardstick_changes(most))}",
    )


def _averaged(variance: Sequence[Sequence[float]], each: float) -> float:
    """The variance that, the same in each run, makes the ratio as uncertain as these do."""
    return sum(sum(side) / len(side) ** 2 for side in variance) / each


def _apart(known: Readings, each: float) -> Iterator[Term]:
    """What the yardsticks of the two sides differ by."""
    sides = [[one.yardstick for one in side if one.yardstick] for side in known]
    if all(sides):
        beyond = map(abs, beyond_noise(slowed(*(_mean(side) for side in sides))))
        yield max(beyond) ** 2 / each, "their yardsticks differ"


def _gpus_apart(known: Readings, each: float) -> list[Term]:
    """What the clocks of the GPUs differ by after the steps."""
    clocks = [[_clocks(one.gpus_after) for one in side] for side in known]
    common = set.intersection(*(set(one) for side in clocks for one in side))
    if not common:
        return []
    logs = [
        [sum(math.log(one[index]) for one in side) / len(side) for index in sorted(common)]
        for side in clocks
    ]
    most = max(abs(a - b) for a, b in zip(*logs, strict=True))
    return [(most**2 / each, "their GPUs' clocks differ")]


def measured_s(phase: Phase) -> float:
    """How long a phase's timed steps took in all, those of variants that took turns included."""
    if phase.disturbances is not None:
        return phase.disturbances.seconds
    return phase.timed.steps * phase.timed.mean_s if phase.timed else 0.0


def wander(seconds: float) -> float:
    """Standard deviation of the mean of so long a measurement, as a part of it."""
    return WANDER_CV / math.sqrt(1 + max(seconds, 0.0) / WANDER_S)


def lost(found: Disturbances) -> float:
    """Part of the cores that others had: programs, other machines on the host, a quota."""
    throttled = (found.throttled or 0.0) / found.cores
    return min(0.95, found.others_part + found.steal_part + throttled)


def changed(found: Disturbances) -> float:
    """Logarithm by which the yardstick that changed most did, beyond noise; 0 if not known."""
    before, after = found.yardstick_before, found.yardstick_after
    return max(map(abs, beyond_noise(slowed(before, after)))) if before and after else 0.0


def _mean(several: Sequence[Yardstick]) -> Yardstick:
    count = len(several)
    return Yardstick(
        math.exp(sum(math.log(one.arithmetic_s) for one in several) / count),
        math.exp(sum(math.log(one.memory_s) for one in several) / count),
    )


def _clocks(gpus: Sequence[GpuState]) -> dict[int, float]:
    return {one.index: one.clock_mhz for one in gpus if one.clock_mhz}
