"""Means, medians, deviations and differences of step times, each with its 95 % interval.

Pure. Blocks are float64 [n_i] each, seconds, in the order they ran. Intervals come from blocks
(`spread`): batch means with Student's t for a mean (Law & Kelton, "Simulation Modeling and
Analysis"), for a median a bootstrap of whole blocks (Künsch 1989), whose deviation takes the place
of the standard error in Student's t: percentiles of the resamples need more blocks than there are
(Hesterberg 2015) and lie askew where medians fall on single steps.

An interval is of the level over the time in which the steps ran. A drift over that time is seen,
not chance, so from `LEAST_BLOCKS` blocks on scatter is counted about a straight line through them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.equivalence_band import LEAST_STEPS
from alexprof.measure.spread import Floats, block_means, grouped
from alexprof.measure.student import quantile, satterthwaite, t_interval, two_sided_p
from alexprof.record.values import Interval, of_duration

RESAMPLES = 2000
SEED = 20120930
"""Of the bootstrap: the same data always gives the same interval."""
SAYS_NOTHING = math.log(1e12)
"""A deviation's interval is dropped if the logarithms of its ends are this far apart."""
LEAST_BLOCKS = 6
"""Of a median's interval: resampling fewer can't reach far enough out to cover 95 %. And of a line:
fewer leave too little to tell scatter by."""
MOST_VALUES = 4_000_000
"""Resampled at once, to bound memory: 32 MB."""


@dataclass(frozen=True)
class StandardError:
    """Of a difference; its degrees of freedom are infinite where nothing varies."""

    size: float
    degrees_of_freedom: float

    def interval(self, difference: float) -> Interval:
        """The 95 % interval around a difference."""
        return t_interval(difference, self.size, self.degrees_of_freedom)

    def p_value(self, difference: float) -> float:
        """Chance of a difference at least so large if there is none."""
        return two_sided_p(difference, self.size, self.degrees_of_freedom)


def mean_interval(blocks: Sequence[Floats]) -> Interval | None:
    """Of the mean of all values, by Student's t over block means; None below two blocks."""
    if len(blocks) < 2:
        return None
    means = block_means(blocks)
    residuals, degrees = means - means.mean(), len(means) - 1
    if len(means) >= LEAST_BLOCKS:
        residuals, degrees = residuals - _line(means), degrees - 1
    error = math.sqrt(float(residuals @ residuals) / degrees / len(means))
    return of_duration(t_interval(float(np.concatenate(blocks).mean()), error, degrees))


def median_interval(blocks: Sequence[Floats]) -> Interval | None:
    """Of the median of all values, by resampled blocks; None below `LEAST_BLOCKS` blocks.

    Where a block is drawn for another's place, it follows the line through the blocks to there.
    """
    if len(blocks) < LEAST_BLOCKS:
        return None
    blocks = grouped(blocks)
    drawn = np.random.default_rng(SEED).integers(len(blocks), size=(RESAMPLES, len(blocks)))
    medians = _resampled_medians(blocks, drawn, about_line=True)
    center = float(np.median(np.concatenate(blocks)))
    return of_duration(_bootstrap_interval(center, medians, len(blocks), lost=2))


def deviation_interval(blocks: Sequence[Floats]) -> Interval | None:
    """The 95 % interval of the steps' standard deviation, including any drift over time.

    The jackknife of the logarithm: blocks are left out one at a time, which keeps autocorrelated
    neighbors together, and the pseudo-values count as independent (Miller 1974, "The jackknife — a
    review"). It corrects most of the bias that autocorrelation causes in a sample's deviation.

    Returns:
        None with fewer than three blocks, if all variation comes from a single block, or if the
        interval is too wide to say anything.
    """
    if len(blocks) < 3:
        return None
    blocks = grouped(blocks)
    values, count = np.concatenate(blocks), len(blocks)
    if len(values) - max(map(len, blocks)) < 2:
        return None
    variance = float(values.var(ddof=1))
    rests = (np.concatenate(blocks[:out] + blocks[out + 1 :]) for out in range(count))
    without = np.array([rest.var(ddof=1) for rest in rests])
    # Of equal values rounding leaves about 1e-32 of their square.
    if variance <= 1e-20 * float(values.mean()) ** 2:
        return 0.0, 0.0
    if without.min() <= 1e-12 * variance:  # rounding leaves that much of nothing
        return None
    pseudo = count * 0.5 * math.log(variance) - (count - 1) * 0.5 * np.log(without)
    error = float(pseudo.std(ddof=1)) / math.sqrt(count)
    low, high = t_interval(float(pseudo.mean()), error, count - 1)
    return (math.exp(low), math.exp(high)) if high - low < SAYS_NOTHING else None


def mean_difference(
    a: Sequence[Floats], b: Sequence[Floats], *, paired: bool
) -> tuple[float, Interval | None]:
    """mean(A) − mean(B) of blocks, and its 95 % interval; None with too few steps or blocks.

    `paired` says whether block i of A ran beside block i of B. If so, drift moves both together and
    the interval comes from the pairs; if not, or if their counts differ, from both sides (Welch).
    """
    center = float(np.concatenate(a).mean() - np.concatenate(b).mean())
    if not (paired and len(a) == len(b)):
        error = welch(a, b)
        return center, None if error is None else error.interval(center)
    if not _enough(a, b):
        return center, None
    pairs = block_means(a) - block_means(b)
    half = student_half_width(float(pairs.var(ddof=1)), len(pairs))
    return center, (center - half, center + half)


def median_difference(
    a: Sequence[Floats], b: Sequence[Floats], *, paired: bool
) -> tuple[float, Interval | None]:
    """The same of medians; the interval takes `LEAST_BLOCKS` blocks of each."""
    center = float(np.median(np.concatenate(a)) - np.median(np.concatenate(b)))
    if min(len(a), len(b)) < LEAST_BLOCKS:
        return center, None
    random, paired = np.random.default_rng(SEED), paired and len(a) == len(b)
    a, b = grouped(a), grouped(b)
    a_drawn = random.integers(len(a), size=(RESAMPLES, len(a)))
    b_drawn = a_drawn if paired else random.integers(len(b), size=(RESAMPLES, len(b)))
    medians = _resampled_medians(a, a_drawn) - _resampled_medians(b, b_drawn)
    return center, _bootstrap_interval(center, medians, min(len(a), len(b)), lost=1)


def welch(a: Sequence[Floats], b: Sequence[Floats]) -> StandardError | None:
    """The error of mean(a) − mean(b), by Welch's t over block means (1947).

    None with fewer than two blocks, or `LEAST_STEPS` steps, on a side.
    """
    if not _enough(a, b):
        return None
    sides = [block_means(blocks) for blocks in (a, b)]
    parts = [float(side.var(ddof=1)) / len(side) for side in sides]
    degrees = satterthwaite(parts, [len(side) - 1 for side in sides])
    return StandardError(math.sqrt(sum(parts)), degrees)


def _enough(*sides: Sequence[Floats]) -> bool:
    return all(len(blocks) >= 2 and sum(map(len, blocks)) >= LEAST_STEPS for blocks in sides)


def student_half_width(variance: float, count: int) -> float:
    """Half the width of the 95 % interval of a mean of `count` values with that sample variance."""
    return quantile(count - 1, 0.975) * math.sqrt(variance / count)


def _resampled_medians(
    blocks: Sequence[Floats], drawn: NDArray[np.int64], *, about_line: bool = False
) -> Floats:
    """Median of each resample, float64 [resamples]; so many at a time as fit in `MOST_VALUES`.

    `drawn` says which block stands in each place, int64 [resamples, blocks]; `about_line`, whether
    it follows the line through the blocks to there.
    """
    sizes = np.array([len(block) for block in blocks])
    level = np.full((len(blocks), int(sizes.max())), np.inf)
    for row, block in zip(level, blocks, strict=True):
        row[: len(block)] = block
    line = np.zeros(len(blocks))
    if about_line:
        line = _line(np.array([block.mean() for block in blocks]))
    level -= line[:, None]
    at_once = max(1, MOST_VALUES // level.size)
    medians = []
    for part in np.split(drawn, range(at_once, len(drawn), at_once)):
        # What fills up short blocks is sorted to the end.
        ordered = np.sort((level[part] + line[None, :, None]).reshape(len(part), -1), axis=1)
        steps = sizes[part].sum(axis=1, keepdims=True)
        middle = np.hstack([(steps - 1) // 2, steps // 2])
        medians.append(np.take_along_axis(ordered, middle, axis=1).mean(axis=1))
    return np.concatenate(medians)


def _line(means: Floats) -> Floats:
    """The straight line through block means, about its middle, float64 [blocks]: its mean is 0."""
    place = np.arange(len(means)) - (len(means) - 1) / 2
    return np.asarray(place * float((place @ means) / (place @ place)), np.float64)


def _bootstrap_interval(center: float, resampled: Floats, blocks: int, lost: int) -> Interval:
    """Student's t with the deviation of resamples for the standard error.

    Of as many squares as blocks, `lost` are no scatter: one for their own center, two where a line
    through them was kept.
    """
    error = float(resampled.std()) * math.sqrt(blocks / (blocks - lost))
    return t_interval(center, error, blocks - 1)
