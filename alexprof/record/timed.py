"""Timed steps: their statistics (mean, deviation, median, …), blocks, levels and outliers.

`measure/timed.py` computes them. Without NumPy, so that reading a run is quick.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from alexprof.record.values import Amount, Count, Interval, Key, Number, Positive, Seconds

State = Literal["steady", "warming", "slowing", "no steady state"]
StoppedBy = Literal["steps", "precision", "plateau", "max-time"]

MOST_BLOCKS = 40
"""From so many on neighboring blocks are put together (`spread`)."""


def blocks_together(blocks: int) -> int:
    """How many neighbors of so many blocks are put together: so that 20 to 39 are left."""
    return max(1, 2 * blocks // MOST_BLOCKS)


@dataclass(frozen=True)
class BlockTime:
    """Timed steps of one variant that ran in a row."""

    block: Count  # Its number within the variant, from 0
    order: Count  # Its place among the blocks of all variants, from 0, warm-up counted
    steps: Positive  # How many; fewer in the last block where they don't divide evenly
    mean_s: Seconds  # Mean duration of a step


@dataclass(frozen=True)
class Steadiness:
    """How a sequence of steps behaved."""

    # "steady": one level. "warming": it settled, and nothing before was faster. "slowing": it
    # settled, but something before was faster.
    state: State
    # First step of the level that it settled at, from 1; None if it did not
    settled_step: Positive | None
    first_steps: tuple[Positive, ...]  # First step of each level, from 1
    levels_s: tuple[Seconds, ...]  # Mean of each level, outliers pulled in


@dataclass(frozen=True)
class Outliers:
    """Number of steps outside Tukey's fences."""

    steps: Count  # Number of steps looked at
    severe_low: Count  # Steps much too fast
    mild_low: Count  # Steps too fast, without the severe ones
    mild_high: Count  # Steps too slow, without the severe ones
    severe_high: Count  # Steps much too slow
    mean_share: Number  # What slow steps add to the mean: mean of all / mean without them − 1


@dataclass(frozen=True)
class WarmUp:
    """What ran before the timed steps."""

    requested: Count  # Steps requested
    steps: Count  # Steps that ran
    settled: bool | None  # Whether the last of them held one level; None without `--until-steady`


@dataclass(frozen=True)
class Timed:
    """The timed steps of one variant and phase: no profiler attached, warm-up left out."""

    steps: Positive  # Number of timed steps
    burn_in: Count  # Warm-up steps before them, in no figure
    mean_s: Seconds  # Mean duration
    std_s: Seconds  # Population standard deviation, as the classic benchmark prints it
    # 95 % interval of the mean, from block means; None with fewer than two blocks. A tenth wider
    # where a precision was requested.
    ci95_s: Interval | None
    median_s: Seconds  # Median duration
    median_ci95_s: Interval | None  # 95 % interval of the median; None with fewer than six blocks
    min_s: Seconds  # Shortest step
    max_s: Seconds  # Longest step
    fetch: bool  # Whether a step ends with the result in Python
    blocks: tuple[BlockTime, ...]  # Blocks of consecutive steps, in the order they ran
    # Memory pages that the system had yet to provide; None if not known
    page_faults_per_step: Amount | None = None
    # 95 % interval of the standard deviation; None with fewer than three blocks
    std_ci95_s: Interval | None = None
    # Whether the steps held one level; None with too few to tell
    steadiness: Steadiness | None = None
    outliers: Outliers | None = None  # Steps far from the others; they are in every figure
    warm_up: WarmUp | None = None  # What ran before; None if not known
    # Why no more: all requested, precise enough, no longer narrowing, or time is up
    stopped_by: StoppedBy | None = None
    precision: Amount | None = None  # Half the width of `ci95_s` / `mean_s`
    requested_precision: Amount | None = None  # The requested precision; None if there is none


@dataclass(frozen=True)
class Stretch:
    """Steps in a row that were slow."""

    phase: Key  # A key of `phases`
    first_step: Positive  # First step, from 1 over all variants in the order measured
    last_step: Positive  # Last step, inclusive
    ratio: Amount  # Slowest step / its variant's median
    variants: tuple[str, ...]  # The variants with slow steps in it
