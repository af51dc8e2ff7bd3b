"""From the pairs of processes that a selftest ran to what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alexprof.errors import RunError
from alexprof.measure.noise import Within, deviation, pairs_for, steps_for, typical, within
from alexprof.measure.power import smallest_difference
from alexprof.measure.ratios import compare_times
from alexprof.measure.spread import Floats
from alexprof.measure.values import Comparison, Known
from alexprof.runs.pairs import PairsRecord, member_of
from alexprof.runs.samples import Samples
from alexprof.runs.selftest import Needed, SelfTest
from alexprof.runs.sides import Member

FALSE_ALARMS = ("slower", "faster")


def selftest_of(record: PairsRecord, folder: Path, differences: Sequence[float]) -> SelfTest:
    """Sums up a selftest's processes.

    Args:
        record: Of pairs of processes that each ran one phase of two variants that are the same.
        folder: Where it lies.
        differences: As parts: what to plan for.

    Raises:
        RunError: If a process left no such run.
    """
    pairs = record.finished
    members = [member_of(folder, process) for pair in pairs for process in pair]
    first = members[0].run
    phase = next(iter(next(iter(first.variants.values())).phases))
    blocks = [_blocks(one, phase) for one in members]
    found = [within(*both) for both in blocks]
    verdicts = [compare_times([one], [other], paired=True) for one, other in blocks]
    # A and B are in the same place of each pair, whoever ran first.
    means = np.array([one.mean_s for one in found])
    sides = [[[np.array([x])] for x in means[place::2]] for place in (0, 1)]
    between = compare_times(sides[0], sides[1], paired=True)
    turn_cv, process_cv = typical(np.array([one.turn_cv for one in found])), deviation(means)
    steps = sum(map(len, blocks[0][0]))
    if first.machine is None or first.workload is None:
        raise RunError(f"{folder} holds no selftest: a run does not say what it ran, and where")
    settings = first.workload.settings
    return SelfTest(
        name=record.name,
        started=record.started,
        machine=first.machine,
        workload=first.workload.name,
        batch_size=int(str(settings.get("batch_size", 0))),
        phase=phase,
        steps=steps,
        pairs=len(pairs),
        step_s=float(means.mean()),
        step_cv=typical(np.array([one.step_cv for one in found])),
        alike=_alike(found),
        turn_cv=turn_cv,
        process_cv=process_cv,
        needed=tuple(_needed(one, turn_cv, process_cv) for one in sorted(set(differences))),
        smallest_by_steps=by_steps(turn_cv.value, steps),
        smallest_by_pairs=_by_pairs(process_cv.value, len(pairs)),
        asked_within=len(verdicts),
        alarms_within=sum(one.verdict in FALSE_ALARMS for one in verdicts),
        largest_within=max(map(_size, verdicts)),
        between=between.verdict,
        between_ratio=between.ratio,
        between_ci95=between.ci95,
    )


def _blocks(member: Member, phase: str) -> tuple[Sequence[Floats], Sequence[Floats]]:
    """Blocks of both variants."""
    samples = Samples(member)
    found = [samples.of(variant, phase).blocks for variant in member.run.variants]
    if len(found) != 2 or len(found[0]) != len(found[1]) or len(found[0]) < 2:
        raise RunError(f"{member.folder} is no process of a selftest")
    return found[0], found[1]


def _alike(found: Sequence[Within]) -> Known | None:
    known = np.array([one.alike for one in found if not math.isnan(one.alike)])
    return typical(known, log=False) if len(known) else None


def _needed(difference: float, turn_cv: Known, process_cv: Known) -> Needed:
    steps, steps_ci95 = steps_for(difference, turn_cv)
    pairs, pairs_ci95 = pairs_for(difference, process_cv)
    return Needed(
        difference=difference,
        steps=steps,
        steps_ci95=steps_ci95,
        pairs=pairs,
        pairs_ci95=pairs_ci95,
    )


def by_steps(turn_cv: float, steps: int) -> float:
    """The difference that so many steps of each variant in turns find with a chance of 95 %.

    In blocks of ten steps, ten blocks at least, as `steps_needed` plans.
    """
    blocks = max(10, steps // 10)
    return smallest_difference(turn_cv * math.sqrt(2 * blocks / steps), blocks)


def _by_pairs(process_cv: float, pairs: int) -> float:
    return math.expm1(smallest_difference(math.sqrt(2) * process_cv, pairs))


def _size(one: Comparison) -> float:
    return abs(one.ratio - 1)
