"""What measuring hands on, as plain values; without NumPy, so that reading a run is quick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Interval = tuple[float, float]
"""Lower and upper bound."""
Verdict = Literal["slower", "faster", "same", "unclear"]
NeededCode = Literal[
    "positive_times",
    "blocks",
    "more_blocks",
    "more_pairs",
    "more_runs",
    "three_runs",
    "pairs",
    "quiet",
    "fewer_compared",
    "runs",
    "other_bound",
]
State = Literal["steady", "warming", "slowing", "no steady state"]
StoppedBy = Literal["steps", "precision", "plateau", "max-time"]

MOST_BLOCKS = 40
"""From so many on neighbouring blocks are put together (`spread`)."""


def blocks_together(blocks: int) -> int:
    """How many neighbours of so many blocks are put together: so that 20 to 39 are left."""
    return max(1, 2 * blocks // MOST_BLOCKS)


@dataclass(frozen=True)
class BlockTime:
    """Timed steps of one variant that ran in a row.

    Attributes:
        block: The block's number within its variant, from 0.
        order: Its place among all blocks of the phase, over variants, from 0.
        steps: How many steps it holds.
        mean_s: Their mean.
    """

    block: int
    order: int
    steps: int
    mean_s: float


@dataclass(frozen=True)
class Steadiness:
    """How a sequence of steps behaved.

    Attributes:
        state: "steady": one level, within the band, from the first step on. "warming": it settled,
            and no earlier piece was quicker. "slowing": it settled, but some earlier piece was
            quicker. "no steady state": its last level is too young to say that it settled, or
            no level: steps go on getting slower or quicker.
        settled_step: First step of the level that it settled at, counted from 1; None without one.
        first_steps: First step of each piece, counted from 1.
        levels_s: Mean of each piece, outliers pulled in.
    """

    state: State
    settled_step: int | None
    first_steps: tuple[int, ...]
    levels_s: tuple[float, ...]


@dataclass(frozen=True)
class Outliers:
    """How many steps lie outside the fences.

    Attributes:
        steps: Of how many.
        severe_low: Far too quick.
        mild_low: Too quick, severe ones not counted.
        mild_high: Too slow, severe ones not counted.
        severe_high: Far too slow.
        mean_share: What the slow ones add to the mean: (mean of all / mean of those inside or
            below) − 1.
    """

    steps: int
    severe_low: int
    mild_low: int
    mild_high: int
    severe_high: int
    mean_share: float


@dataclass(frozen=True)
class WarmUp:
    """What ran before the timed steps.

    Attributes:
        asked: Steps that were asked for.
        steps: Steps that ran: those, or more until they were steady.
        settled: Whether the last of them were steady; None if that was not waited for.
    """

    asked: int
    steps: int
    settled: bool | None


@dataclass(frozen=True)
class Timed:
    """The timed steps of one variant and phase: no profiler attached, warm-up left out.

    Attributes:
        steps: Number of timed steps.
        burn_in: Number of warm-up steps before them, left out of everything below.
        mean_s: Mean duration.
        std_s: Population standard deviation, as the classic benchmark prints it.
        ci95_s: 95 % interval of the mean from block means; None with fewer than two blocks. Wider
            by a tenth where a precision was asked for, for having looked when to stop.
        median_s: Median duration.
        median_ci95_s: 95 % interval of the median, blocks resampled; None with fewer than six.
        min_s: Shortest step.
        max_s: Longest step.
        fetch: Whether a step ends with the result in Python.
        blocks: The blocks in the order they ran.
        page_faults_per_step: Memory pages a step touched that the system had yet to provide; None
            if not known.
        std_ci95_s: 95 % interval of the standard deviation; None with fewer than three blocks.
        steadiness: Whether the steps held one level; None with too few to tell.
        outliers: Steps far outside the others, which are in every figure all the same.
        warm_up: What ran before; None if not known.
        stopped_by: Why there are no more steps: as many as were asked for, the precision asked
            for, an interval that got no narrower, or the time; None if not known.
        precision: Half the width of the mean's interval, as a part of the mean; None without one.
        precision_asked: What that was to be; None if nothing was asked.
    """

    steps: int
    burn_in: int
    mean_s: float
    std_s: float
    ci95_s: Interval | None
    median_s: float
    median_ci95_s: Interval | None
    min_s: float
    max_s: float
    fetch: bool
    blocks: tuple[BlockTime, ...]
    page_faults_per_step: float | None = None
    std_ci95_s: Interval | None = None
    steadiness: Steadiness | None = None
    outliers: Outliers | None = None
    warm_up: WarmUp | None = None
    stopped_by: StoppedBy | None = None
    precision: float | None = None
    precision_asked: float | None = None


@dataclass(frozen=True)
class Difference:
    """A minus B of two variants' step times.

    Attributes:
        mean_s: Difference of the means.
        ci95_s: Its 95 % interval; None with fewer than two blocks on a side.
        median_s: Difference of the medians.
        median_ci95_s: Its 95 % interval; None likewise.
        paired: Whether the blocks ran interleaved, so that block i of A stands beside that of B.
    """

    mean_s: float
    ci95_s: Interval | None
    median_s: float
    median_ci95_s: Interval | None
    paired: bool


@dataclass(frozen=True)
class Stretch:
    """Steps in a row that were slow.

    Attributes:
        phase: The phase it was in.
        first_step: First step, counted from 1 over all variants in the order measured.
        last_step: Last step, inclusive.
        ratio: The slowest of its steps, over its variant's median.
        variants: The variants that had slow steps in it.
    """

    phase: str
    first_step: int
    last_step: int
    ratio: float
    variants: tuple[str, ...]


@dataclass(frozen=True)
class Needed:
    """What it would take for a verdict.

    Attributes:
        code: "positive_times": times above 0 of both. "blocks": at least two blocks of each.
            "more_blocks", "more_pairs", "more_runs": about `count` more of each. "three_runs": as
            many of each side. "pairs": pairs of processes (`ab`). "quiet": runs while the machine
            does nothing else. "fewer_compared": more data, since among so many comparisons one like
            this comes by chance. Of a gate: "runs": about `count` of each, not `now`;
            "other_bound": the slow-down is too near to what is allowed.
        count: How many.
        now: How many there are.
    """

    code: NeededCode
    count: int = 0
    now: int = 0


@dataclass(frozen=True)
class Comparison:
    """B against A.

    Attributes:
        a_s: Mean of all steps of A (of the runs' means, where there are several).
        b_s: That of B.
        ratio: b_s / a_s.
        ci95: 95 % interval of the ratio; None where nothing shows the spread.
        verdict: "slower" or "faster": the interval excludes 1 and isn't wholly inside the band;
            "same": it is inside the band; otherwise "unclear".
        needed: What it would take for a verdict; None with one.
        p_value: Two-sided, of a ratio of 1; None without an interval.
        log_error: Standard error of the ratio's logarithm; None without an interval.
        freedom: Degrees of freedom of `log_error`; infinite where nothing varies.
    """

    a_s: float
    b_s: float
    ratio: float
    ci95: Interval | None
    verdict: Verdict
    needed: Needed | None
    p_value: float | None = None
    log_error: float | None = None
    freedom: float | None = None
