"""The timed loop: nothing but a monotonic clock between two steps, every sample kept.

Variants are interleaved in blocks, A B B A A B …, so that a machine that drifts can't pick the
winner. The loop is a generator: whoever reads it may print between two blocks, never inside one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprof.errors import UsageError
from alexprof.measure.faults import faults_per_step, page_faults, page_faults_since
from alexprof.measure.statistics import find_stretches, mean_interval, median_interval
from alexprof.measure.values import BlockTime, Stretch, Timed

Clock = Callable[[], int]
"""A monotonic clock, in nanoseconds."""
RunStep = Callable[[], object]
"""Executes one step; what it returns is thrown away."""


@dataclass(frozen=True)
class Block:
    """Steps of one variant that ran in a row.

    Attributes:
        variant: What ran.
        block: The block's number within its variant, from 0; −1 for warm-up.
        order: Its place among all blocks, warm-up included, from 0.
        first_step: Number of its first step; warm-up steps are negative, −1 the last.
        start_ns: Clock at each step's start, int64 [steps].
        end_ns: Clock at each step's end, int64 [steps].
        unix_offset_ns: What to add to the clock for Unix time.
        page_faults: How many the block had; None if not known.
    """

    variant: str
    block: int
    order: int
    first_step: int
    start_ns: NDArray[np.int64]
    end_ns: NDArray[np.int64]
    unix_offset_ns: int = 0
    page_faults: int | None = None

    @property
    def warm_up(self) -> bool:
        """Whether its steps are left out of every figure."""
        return self.block < 0

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Duration of each step, float64 [steps]."""
        return (self.end_ns - self.start_ns) / 1e9


def default_block_steps(steps: int) -> int:
    """Ten steps a block, fewer if that would leave fewer than ten blocks: they carry the spread."""
    return max(1, min(10, steps // 10))


def schedule(
    variants: Iterable[str], steps: int, burn_in: int, block_steps: int
) -> Iterator[tuple[str, int, int, int]]:
    """Says what runs when.

    Yields:
        Variant, block (−1 for warm-up), first step and number of steps, in the order to run.
    """
    forward = list(variants)
    if burn_in:
        for variant in forward:
            yield variant, -1, -burn_in, burn_in
    for block, first in enumerate(range(0, steps, block_steps)):
        for variant in forward if block % 2 == 0 else reversed(forward):
            yield variant, block, first, min(block_steps, steps - first)


def timed_blocks(
    targets: Mapping[str, RunStep],
    steps: int,
    burn_in: int,
    block_steps: int | None = None,
    clock: Clock = time.perf_counter_ns,
    *,
    first_order: int = 0,
) -> Iterator[Block]:
    """Runs and times each target's steps, interleaved in blocks.

    Args:
        targets: What to time, by variant.
        steps: Timed steps of each.
        burn_in: Warm-up steps of each before the first timed one.
        block_steps: Steps in a row before it is the next variant's turn; None chooses.
        clock: For tests.
        first_order: The first block's place, where others of the phase ran before.

    Yields:
        Each block when it is done.

    Raises:
        UsageError: If a number of steps is out of range.
    """
    if steps < 1:
        raise UsageError(f"the number of timed steps must be at least 1, not {steps}")
    if burn_in < 0:
        raise UsageError(f"the number of burn-in steps must be at least 0, not {burn_in}")
    if block_steps is not None and block_steps < 1:
        raise UsageError(f"the number of steps in a block must be at least 1, not {block_steps}")
    unix_offset_ns = time.time_ns() - clock()
    order = schedule(targets, steps, burn_in, block_steps or default_block_steps(steps))
    for place, (variant, block, first, count) in enumerate(order, first_order):
        before = page_faults()
        start_ns, end_ns = _run_steps(targets[variant], count, clock)
        faults = page_faults_since(before)
        yield Block(variant, block, place, first, start_ns, end_ns, unix_offset_ns, faults)


def describe(blocks: Iterable[Block], *, fetch: bool) -> Timed:
    """Sums up the blocks of one variant.

    Args:
        blocks: Its blocks, at least one of them timed.
        fetch: Whether the result was fetched to Python.
    """
    every = list(blocks)
    timed = [block for block in every if not block.warm_up]
    samples = [block.seconds for block in timed]
    seconds = np.concatenate(samples)
    return Timed(
        steps=len(seconds),
        burn_in=sum(len(block.start_ns) for block in every if block.warm_up),
        mean_s=float(seconds.mean()),
        std_s=float(seconds.std()),
        ci95_s=mean_interval(samples),
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
    )


def slow_stretches(phase: str, blocks: Sequence[Block]) -> list[Stretch]:
    """Slow steps in a row among the timed blocks of a phase, in the order they ran."""
    timed = [block for block in blocks if not block.warm_up]
    variants = [block.variant for block in timed for _ in block.start_ns]
    return find_stretches(phase, np.concatenate([block.seconds for block in timed]), variants)


def _run_steps(
    run: RunStep, steps: int, clock: Clock
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    start_ns, end_ns = [0] * steps, [0] * steps
    for step in range(steps):
        start_ns[step] = clock()
        run()
        end_ns[step] = clock()
    return np.array(start_ns, np.int64), np.array(end_ns, np.int64)
