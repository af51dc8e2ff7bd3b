"""The statistics of timed steps: `describe` computes every figure of `record.timed.Timed`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from alexprof.measure.intervals import deviation_interval, mean_interval, median_interval
from alexprof.measure.loop import Block, warm_up_seconds, why_stopped
from alexprof.measure.monitor import faults_per_step
from alexprof.measure.steady import (
    count_outliers,
    find_steady_state,
    find_stretches,
    warm_up_settled,
)
from alexprof.measure.stopping import StoppingRule, precision_of, widened
from alexprof.record.timed import BlockTime, StoppedBy, Stretch, Timed, WarmUp


def describe(
    blocks: Iterable[Block],
    *,
    fetch: bool,
    warm_up: WarmUp | None = None,
    stopped_by: StoppedBy | None = None,
    requested_precision: float | None = None,
) -> Timed:
    """Sums up the blocks of one variant, at least one of them timed; see `Timed`."""
    blocks = list(blocks)
    timed = [block for block in blocks if not block.warm_up]
    samples = [block.seconds for block in timed]
    seconds = np.concatenate(samples)
    interval = mean_interval(samples)
    if interval is not None and requested_precision is not None:
        interval = widened(interval)
    return Timed(
        steps=len(seconds),
        burn_in=sum(len(block.start_ns) for block in blocks if block.warm_up),
        mean_s=float(seconds.mean()),
        std_s=float(seconds.std()),
        ci95_s=interval,
        median_s=float(np.median(seconds)),
        median_ci95_s=median_interval(samples),
        min_s=float(seconds.min()),
        max_s=float(seconds.max()),
        fetch=fetch,
        blocks=tuple(
            BlockTime(block.block, block.order, len(block.start_ns), float(block.seconds.mean()))
            for block in timed
        ),
        page_faults_per_step=faults_per_step([block.page_faults for block in timed], len(seconds)),
        std_ci95_s=deviation_interval(samples),
        steadiness=find_steady_state(seconds),
        outliers=count_outliers(seconds),
        warm_up=warm_up,
        stopped_by=stopped_by,
        precision=precision_of(interval),
        requested_precision=requested_precision,
    )


def describe_phase(
    blocks: Sequence[Block], rule: StoppingRule, burn_in: int, *, until_steady: bool, fetch: bool
) -> dict[str, Timed]:
    """Sums up, by variant, what `timed_blocks` ran with these arguments to its end."""
    stopped_by = why_stopped(rule, blocks)
    phase = {}
    for variant in dict.fromkeys(block.variant for block in blocks):
        own = [block for block in blocks if block.variant == variant]
        warm_up_s = warm_up_seconds(own)
        settled = warm_up_settled(warm_up_s) if until_steady else None
        phase[variant] = describe(
            own,
            fetch=fetch,
            warm_up=WarmUp(burn_in, len(warm_up_s), settled),
            stopped_by=stopped_by,
            requested_precision=rule.precision,
        )
    return phase


def slow_stretches(phase: str, blocks: Sequence[Block]) -> list[Stretch]:
    """Slow steps in a row among the timed blocks of a phase, in the order they ran."""
    timed = [block for block in blocks if not block.warm_up]
    variants = [block.variant for block in timed for _ in block.start_ns]
    return find_stretches(phase, np.concatenate([block.seconds for block in timed]), variants)
