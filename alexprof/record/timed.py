"""Timed steps: their statistics (mean, deviation, median, …), blocks, levels and outliers.

`measure/timed.py` computes them. Without NumPy, so that reading a run is quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alexprof.record.values import Interval

State = Literal["steady", "warming", "slowing", "no steady state"]
StoppedBy = Literal["steps", "precision", "plateau", "max-time"]

MOST_BLOCKS = 40
"""From so many on neighboring blocks are put together (`spread`)."""


def blocks_together(blocks: int) -> int:
    """How many neighbors of so many blocks are put together: so that 20 to 39 are left."""
    return max(1, 2 * blocks // MOST_BLOCKS)


@dataclass(frozen=True)
class BlockTime:
    """Timed steps of one variant that ran in a row.

    Attributes:
        block: Its number within the variant, from 0.
        order: Its place among the blocks of all variants, from 0, warm-up counted.
        steps: Number of steps.
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
        state: "steady": one level. "warming": it settled, and nothing before was faster. "slowing":
            it settled, but something before was faster.
        settled_step: First step of the level that it settled at, from 1; None if it did not.
        first_steps: First step of each level, from 1.
        levels_s: Mean of each level, outliers pulled in.
    """

    state: State
    settled_step: int | None
    first_steps: tuple[int, ...]
    levels_s: tuple[float, ...]


@dataclass(frozen=True)
class Outliers:
    """Number of steps outside Tukey's fences.

    Attributes:
        steps: Number of steps looked at.
        severe_low: Steps much too fast.
        mild_low: Steps too fast, without the severe ones.
        mild_high: Steps too slow, without the severe ones.
        severe_high: Steps much too slow.
        mean_share: What slow steps add to the mean: mean of all / mean without them − 1.
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
        requested: Steps requested.
        steps: Steps that ran.
        settled: Whether the last of them held one level; None without `--until-steady`.
    """

    requested: int
    steps: int
    settled: bool | None


@dataclass(frozen=True)
class Timed:
    """The timed steps of one variant and phase: no profiler attached, warm-up left out.

    Attributes:
        steps: Number of timed steps.
        burn_in: Warm-up steps before them, in no figure.
        mean_s: Mean duration.
        std_s: Population standard deviation, as the classic benchmark prints it.
        ci95_s: 95 % interval of the mean, from block means; None with fewer than two blocks. A
            tenth wider where a precision was requested.
        median_s: Median duration.
        median_ci95_s: 95 % interval of the median; None with fewer than six blocks.
        min_s: Shortest step.
        max_s: Longest step.
        fetch: Whether a step ends with the result in Python.
        blocks: Blocks of consecutive steps, in the order they ran.
        page_faults_per_step: Memory pages that the system had yet to provide; None if not known.
        std_ci95_s: 95 % interval of the standard deviation; None with fewer than three blocks.
        steadiness: Whether the steps held one level; None with too few to tell.
        outliers: Steps far from the others; they are in every figure.
        warm_up: What ran before; None if not known.
        stopped_by: Why no more: all requested, precise enough, no longer narrowing, or time is up.
        precision: Half the width of `ci95_s` / `mean_s`.
        requested_precision: The requested precision; None if there is none.
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
    requested_precision: float | None = None


@dataclass(frozen=True)
class Stretch:
    """Steps in a row that were slow.

    Attributes:
        phase: Key of the phase.
        first_step: First step, from 1 over all variants in the order measured.
        last_step: Last step, inclusive.
        ratio: Slowest step / its variant's median.
        variants: The variants with slow steps in it.
    """

    phase: str
    first_step: int
    last_step: int
    ratio: float
    variants: tuple[str, ...]
