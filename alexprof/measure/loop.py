"""The timed loop: nothing but a monotonic clock between two steps, every sample kept.

Variants are interleaved in blocks, A B B A A B …, so that a machine that drifts can't pick the
winner. The loop is a generator: whoever reads it may print between two blocks, never inside one.
"""

from __future__ import annotations

import itertools
import math
import time
import timeit
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from statistics import median
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from alexprof.errors import UsageError
from alexprof.measure.monitor import page_faults, page_faults_since
from alexprof.measure.steady import warm_up_settled
from alexprof.measure.stopping import StoppingRule
from alexprof.record.timed import StoppedBy

AnyVariant = TypeVar("AnyVariant", bound=str)
Clock = Callable[[], int]
"""A monotonic clock, in nanoseconds."""
RunStep = Callable[[], object]
"""Executes one step; what it returns is thrown away."""
RunBlock = Callable[[str, int, int, int], "Block"]
"""Runs a block: variant, block, first step, number of steps."""
MOST_BLOCK_STEPS = 10
MOST_ROUND_STEPS = 20
"""Steps of all variants together, where none of them has to have more than one in a row."""
MOST_TURN_S = 0.5
"""So long a variant's turn may last, where it has more than one step: what a machine does from
second to second is in the difference of variants whose turns last seconds (docs/statistics.md)."""
WARM_UP_CHUNK = 10
"""Steps of each variant before warm-up is checked again."""
MOST_WARM_UP_STEPS = 500
MOST_WARM_UP_S = 60.0
"""Of all variants together; no chunk begins that would end later."""
WARM_UP_PART = 0.5
"""The most that warm-up takes of a phase's time where that is limited."""


@dataclass(frozen=True)
class Block:
    """Steps of one variant that ran in a row."""

    variant: str  # What ran
    block: int  # The block's number within its variant, from 0; −1 for warm-up
    order: int  # Its place among all blocks, warm-up included, from 0
    first_step: int  # Number of its first step; warm-up steps are negative, −1 the last
    start_ns: NDArray[np.int64]  # Clock at each step's start, int64 [steps]
    end_ns: NDArray[np.int64]  # Clock at each step's end, int64 [steps]
    unix_offset_ns: int = 0  # What to add to the clock for Unix time
    page_faults: int | None = None  # How many the block had; None if not known

    @property
    def warm_up(self) -> bool:
        """Whether its steps are left out of every figure."""
        return self.block < 0

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Duration of each step, float64 [steps]."""
        return (self.end_ns - self.start_ns) / 1e9


def default_block_steps(steps: int | None, variants: int = 1, step_s: float | None = None) -> int:
    """Ten steps a block, fewer if that would leave fewer than ten blocks: they carry the spread.

    And fewer where variants take turns and there are many of them, or their steps are long.
    `steps` are timed steps of each (None: open), `step_s` is what one takes (None: not known).
    """
    most = MOST_BLOCK_STEPS if steps is None else min(MOST_BLOCK_STEPS, steps // 10)
    if variants > 1:
        most = min(most, MOST_ROUND_STEPS // variants)
        if step_s:
            most = min(most, int(MOST_TURN_S / step_s))
    return max(1, most)


def schedule(
    variants: Iterable[AnyVariant], steps: int | None, block_steps: int
) -> Iterator[tuple[AnyVariant, int, int, int]]:
    """Plans the timed blocks, `steps` of each variant; None goes on for ever.

    Yields variant, block, first step and number of steps, in the order to run.
    """
    forward = list(variants)
    for block in itertools.count():
        first = block * block_steps
        size = block_steps if steps is None else min(block_steps, steps - first)
        if size <= 0:
            return
        for variant in forward if block % 2 == 0 else reversed(forward):
            yield variant, block, first, size


def timed_blocks(
    targets: Mapping[str, RunStep],
    steps: int | StoppingRule,
    burn_in: int,
    block_steps: int | None = None,
    clock: Clock = time.perf_counter_ns,
    *,
    first_order: int = 0,
    until_steady: bool = False,
) -> Iterator[Block]:
    """Runs and times each target's steps, interleaved in blocks; yields each block when it is done.

    Args:
        targets: What to time, by variant.
        steps: Timed steps of each, or the rule that is applied after each round of blocks.
        burn_in: Warm-up steps of each before the first timed one.
        block_steps: Steps in a row before it is the next variant's turn; None chooses.
        clock: For tests.
        first_order: The first block's place, where others of the phase ran before.
        until_steady: Whether warm-up goes on until it is steady, within bounds. Its steps are then
            numbered by `number_warm_up`.

    Raises:
        UsageError: If a number of steps is out of range.
    """
    rule = steps if isinstance(steps, StoppingRule) else StoppingRule.of(steps)
    if burn_in < 0:
        raise UsageError(f"the number of burn-in steps must be at least 0, not {burn_in}")
    if block_steps is not None and block_steps < 1:
        raise UsageError(f"the number of steps in a block must be at least 1, not {block_steps}")
    run = _runner(targets, clock, first_order)
    done: list[Block] = []
    bound_s = min(MOST_WARM_UP_S, WARM_UP_PART * (rule.max_time_s or math.inf))
    for block in _warm_up(targets, run, burn_in, bound_s if until_steady else 0):
        done.append(block)
        yield block
    samples: dict[str, list[NDArray[np.float64]]] = {name: [] for name in targets}
    if block_steps is None:
        warm = warm_up_seconds(done)
        step_s = float(np.median(warm)) if len(warm) else None
        block_steps = default_block_steps(rule.most_steps, len(targets), step_s)
    order = schedule(targets, rule.most_steps, block_steps)
    for _, turns in itertools.groupby(order, key=itemgetter(1)):
        for turn in turns:
            done.append(run(*turn))
            samples[turn[0]].append(done[-1].seconds)
            yield done[-1]
        if _stopped_by(rule, samples, done):
            return


def why_stopped(rule: StoppingRule, blocks: Sequence[Block]) -> StoppedBy | None:
    """Why a rule ended a phase with these blocks, in the order they ran; None: more are to come."""
    samples: dict[str, list[NDArray[np.float64]]] = {}
    for block in blocks:
        if not block.warm_up:
            samples.setdefault(block.variant, []).append(block.seconds)
    return _stopped_by(rule, samples, blocks)


def number_warm_up(blocks: Sequence[Block]) -> list[Block]:
    """The blocks with each variant's warm-up steps numbered so that −1 is the last."""
    steps = Counter[str]()
    numbered = []
    for block in reversed(blocks):
        if block.warm_up:
            steps[block.variant] += len(block.start_ns)
            numbered.append(replace(block, first_step=-steps[block.variant]))
        else:
            numbered.append(block)
    return numbered[::-1]


def clock_cost_s(clock: Clock = time.perf_counter_ns) -> float:
    """What one reading of the clock takes, in seconds: the median of nine loops of 1000."""
    rounds = timeit.repeat(clock, repeat=9, number=1000, timer=clock)
    return median(rounds) / 1000 / 1e9


def _runner(targets: Mapping[str, RunStep], clock: Clock, first_order: int) -> RunBlock:
    """Runs blocks, each at the next place."""
    unix_offset_ns = time.time_ns() - clock()
    places = itertools.count(first_order)

    def run(variant: str, block: int, first: int, steps: int) -> Block:
        before = page_faults()
        start_ns, end_ns = _run_steps(targets[variant], steps, clock)
        faults = page_faults_since(before)
        place = next(places)
        return Block(variant, block, place, first, start_ns, end_ns, unix_offset_ns, faults)

    return run


def _run_steps(
    run: RunStep, steps: int, clock: Clock
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    start_ns, end_ns = [0] * steps, [0] * steps
    for step in range(steps):
        start_ns[step] = clock()
        run()
        end_ns[step] = clock()
    return np.array(start_ns, np.int64), np.array(end_ns, np.int64)


def _warm_up(targets: Iterable[str], run: RunBlock, burn_in: int, most_s: float) -> Iterator[Block]:
    """Runs the requested warm-up, then chunks until all variants are steady.

    No chunk begins that would end later than `most_s` after the first step; 0 runs none.
    """
    variants, steps, done, chunk = list(targets), burn_in, list[Block](), list[Block]()
    for variant in variants if burn_in else ():
        done.append(run(variant, -1, -burn_in, burn_in))
        yield done[-1]
    while _lasted_s(done) + _lasted_s(chunk) < most_s and steps < MOST_WARM_UP_STEPS:
        own = [[block for block in done if block.variant == variant] for variant in variants]
        if all(warm_up_settled(warm_up_seconds(blocks)) for blocks in own):
            return
        size = min(WARM_UP_CHUNK, MOST_WARM_UP_STEPS - steps)
        chunk = []
        for variant in variants:
            chunk.append(run(variant, -1, -size, size))
            yield chunk[-1]
        done += chunk
        steps += size
        variants.reverse()


def warm_up_seconds(blocks: Sequence[Block]) -> NDArray[np.float64]:
    """Warm-up steps among blocks, float64 [steps]."""
    return np.concatenate([np.zeros(0), *(block.seconds for block in blocks if block.warm_up)])


def _stopped_by(
    rule: StoppingRule, samples: Mapping[str, list[NDArray[np.float64]]], blocks: Sequence[Block]
) -> StoppedBy | None:
    last_round = blocks[-len(samples) :]
    return rule.stopped_by(samples, _lasted_s(blocks), _lasted_s(last_round))


def _lasted_s(blocks: Sequence[Block]) -> float:
    """From the first step's start to the last one's end."""
    return float(blocks[-1].end_ns[-1] - blocks[0].start_ns[0]) / 1e9 if blocks else 0.0
