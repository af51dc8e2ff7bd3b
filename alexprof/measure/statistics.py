"""Means, medians and differences of step times, with intervals that allow for alike neighbours.

Pure: arrays in, values out; no clock, no file, no printing.

Neighbouring steps resemble each other, so 100 steps are worth fewer than 100 independent ones.
Steps are therefore grouped in blocks (10 by default, the ones that were run in a row; from 40
blocks on neighbours are put together, see `spread`) and the intervals are computed from blocks:
batch means with Student's t for a mean (Law & Kelton, "Simulation Modeling and Analysis", batch
means), and for a median a bootstrap that resamples whole blocks, as they ran (Künsch 1989, with the
measured blocks instead of moving ones), whose deviation takes the place of the standard error in
Student's t. Percentiles of the resamples need more blocks than there are (Hesterberg 2015, "What
Teachers Should Know about the Bootstrap"), and lie askew where medians fall on single steps.

An interval is of the level over the time in which the steps ran. A drift over that time is seen,
not chance, so from `LEAST_BLOCKS` blocks on scatter is counted about a straight line through them;
what two processes differ by is another question (`ratios`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alexprof.measure.spread import block_means, grouped, quantile
from alexprof.measure.welch import welch
from alexprof.record.values import Difference, Interval, Stretch

Floats = NDArray[np.float64]

RESAMPLES = 2000
SEED = 20120930
"""Of the bootstrap: the same data always gives the same interval."""
SLOW = 1.05
"""A step is slow if it takes longer than this many times its variant's median, and lies more than
three (robust) standard deviations above it: wide noise is no stretch."""
SHORTEST_STRETCH = 3
LEAST_BLOCKS = 6
"""Of a median's interval: resampling fewer can't reach far enough out to cover 95 %. And of a line:
fewer leave too little to tell scatter by."""
MOST_VALUES = 4_000_000
"""Resampled at once, to bound memory: 32 MB."""


def mean_interval(blocks: Sequence[Floats]) -> Interval | None:
    """95 % interval of the mean of all values, by Student's t over block means about their line.

    Args:
        blocks: Values, float64 [n_i] each, in seconds.

    Returns:
        Lower and upper bound around the mean of all values; None with fewer than two blocks.
    """
    if len(blocks) < 2:
        return None
    means = block_means(blocks)
    centre, count = float(np.concatenate(blocks).mean()), len(means)
    if count < LEAST_BLOCKS:
        return _around(centre, float(means.var(ddof=1)), count)
    rest = means - means.mean() - _line(means)
    freedom = count - 2
    half = quantile(freedom, 0.975) * math.sqrt(float((rest**2).sum()) / freedom / count)
    return centre - half, centre + half


def median_interval(blocks: Sequence[Floats]) -> Interval | None:
    """95 % interval of the median of all values, by Student's t over resampled blocks.

    Where a block is drawn for another's place, it follows the line through the blocks to there.

    Args:
        blocks: Values, float64 [n_i] each, in seconds.

    Returns:
        Lower and upper bound around it; None with fewer than `LEAST_BLOCKS` blocks.
    """
    if len(blocks) < LEAST_BLOCKS:
        return None
    blocks = grouped(blocks)
    drawn = _draws(len(blocks), np.random.default_rng(SEED))
    centre = float(np.median(np.concatenate(blocks)))
    return _around_resampled(centre, _medians_about_line(blocks, drawn), len(blocks), lost=2)


def difference(a: Sequence[Floats], b: Sequence[Floats], *, paired: bool) -> Difference:
    """A minus B.

    Args:
        a: Blocks of the one, float64 [n_i] each, in seconds.
        b: Blocks of the other.
        paired: Whether block i of `a` ran beside block i of `b`. Then a machine that drifts moves
            both alike and the interval comes from the pairs; otherwise from both sides (Welch).
    """
    paired = paired and len(a) == len(b)
    mean_s = float(np.concatenate(a).mean() - np.concatenate(b).mean())
    median_s = float(np.median(np.concatenate(a)) - np.median(np.concatenate(b)))
    if min(len(a), len(b)) < 2:
        return Difference(mean_s, None, median_s, None, paired)
    return Difference(
        mean_s=mean_s,
        ci95_s=_difference_of_means(mean_s, a, b, paired),
        median_s=median_s,
        median_ci95_s=_difference_of_medians(median_s, a, b, paired),
        paired=paired,
    )


def find_stretches(phase: str, seconds: Floats, variants: Sequence[str]) -> list[Stretch]:
    """Finds runs of slow steps: three or more, single quick steps between them allowed.

    Args:
        phase: For the result.
        seconds: Durations, float64 [n], in the order measured.
        variants: The variant of each step, [n].

    Returns:
        Stretches in the order measured.
    """
    names = np.asarray(variants)
    ratio, limit = np.empty_like(seconds), np.empty_like(seconds)
    for name in set(variants):
        mine = names == name
        ratio[mine] = seconds[mine] / np.median(seconds[mine])
        # 1.4826 × the median deviation is a normal spread's standard deviation.
        spread = 1.4826 * float(np.median(np.abs(ratio[mine] - 1)))
        limit[mine] = max(SLOW, 1 + 3 * spread)
    slow = np.flatnonzero(ratio > limit)
    groups = np.split(slow, np.flatnonzero(np.diff(slow) > 2) + 1) if len(slow) else []
    return [
        Stretch(
            phase=phase,
            first_step=int(group[0]) + 1,
            last_step=int(group[-1]) + 1,
            ratio=float(ratio[group].max()),
            variants=tuple(dict.fromkeys(names[group].tolist())),
        )
        for group in groups
        if len(group) >= SHORTEST_STRETCH
    ]


def student_half_width(variance: float, count: int) -> float:
    """Half the width of the 95 % interval of a mean of `count` values with that sample variance."""
    return quantile(count - 1, 0.975) * math.sqrt(variance / count)


def _around(centre: float, variance: float, count: int) -> Interval:
    half = student_half_width(variance, count)
    return centre - half, centre + half


def _difference_of_means(
    centre: float, a: Sequence[Floats], b: Sequence[Floats], paired: bool
) -> Interval:
    if paired:
        apart = block_means(a) - block_means(b)
        return _around(centre, float(apart.var(ddof=1)), len(apart))
    error = welch(a, b)
    assert error is not None  # two blocks a side, as `difference` has seen
    return error.around(centre)


def _difference_of_medians(
    centre: float, a: Sequence[Floats], b: Sequence[Floats], paired: bool
) -> Interval | None:
    if min(len(a), len(b)) < LEAST_BLOCKS:
        return None
    a, b = grouped(a), grouped(b)
    random = np.random.default_rng(SEED)
    a_drawn = _draws(len(a), random)
    b_drawn = a_drawn if paired else _draws(len(b), random)
    medians = _medians(a, a_drawn) - _medians(b, b_drawn)
    return _around_resampled(centre, medians, min(len(a), len(b)))


def _draws(blocks: int, random: np.random.Generator) -> NDArray[np.int64]:
    return random.integers(0, blocks, size=(RESAMPLES, blocks))


def _medians(blocks: Sequence[Floats], drawn: NDArray[np.int64]) -> Floats:
    """Median of each resample, float64 [resamples]; so many at a time as fit in `MOST_VALUES`."""
    parts = math.ceil(len(drawn) * sum(map(len, blocks)) / MOST_VALUES)
    return np.concatenate(
        [_medians_at_once(blocks, part) for part in np.array_split(drawn, min(parts, len(drawn)))]
    )


def _medians_at_once(blocks: Sequence[Floats], drawn: NDArray[np.int64]) -> Floats:
    """Median of each resample: steps are sorted once, then counted."""
    values = np.concatenate(blocks)
    order = np.argsort(values, kind="stable")
    block_of = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])[order]
    rows = np.arange(len(drawn))[:, None] * len(blocks)
    times = np.bincount((drawn + rows).ravel(), minlength=len(drawn) * len(blocks))
    by_block = np.ascontiguousarray(times.reshape(len(drawn), -1).T, np.int32)
    # [k, r]: how many steps of resample r are among the k + 1 smallest values.
    counted = np.cumsum(by_block[block_of], axis=0, dtype=np.int32)
    steps = counted[-1]
    lower = (counted < (steps + 1) // 2).sum(axis=0)
    upper = (counted < steps // 2 + 1).sum(axis=0)
    medians: Floats = (values[order][lower] + values[order][upper]) / 2
    return medians


def _medians_about_line(blocks: Sequence[Floats], drawn: NDArray[np.int64]) -> Floats:
    """Median of each resample, float64 [resamples], the line through the blocks kept in place."""
    line = _line(np.array([block.mean() for block in blocks]))
    sizes = np.array([len(block) for block in blocks])
    level = np.full((len(blocks), int(sizes.max())), np.nan)
    for row, block in zip(level, blocks, strict=True):
        row[: len(block)] = block
    level -= line[:, None]
    together = max(1, MOST_VALUES // level.size)
    median = np.median if sizes.min() == sizes.max() else np.nanmedian
    found = [
        median((level[some] + line[None, :, None]).reshape(len(some), -1), axis=1)
        for some in np.split(drawn, range(together, len(drawn), together))
    ]
    return np.asarray(np.concatenate(found), np.float64)


def _line(means: Floats) -> Floats:
    """The straight line through block means, about its middle, float64 [blocks]: its mean is 0."""
    place = np.arange(len(means)) - (len(means) - 1) / 2
    return np.asarray(place * float((place @ means) / (place @ place)), np.float64)


def _around_resampled(centre: float, resampled: Floats, blocks: int, lost: int = 1) -> Interval:
    """Student's t with the deviation of resamples for the standard error.

    Args:
        centre: What was measured.
        resampled: The same of each resample, float64 [resamples].
        blocks: How many were resampled: as many squares, of which `lost` are no scatter of theirs.
        lost: One for their own centre, two where a line through them was kept.
    """
    error = float(resampled.std()) * math.sqrt(blocks / (blocks - lost))
    half = quantile(blocks - 1, 0.975) * error
    return centre - half, centre + half
