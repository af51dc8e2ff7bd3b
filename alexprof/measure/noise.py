"""How much a machine's times vary by themselves, and how well that is known.

Pure: arrays in, values out. The data are processes that each ran the same thing under two names, in
turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alexprof.measure.power import pairs_needed, steps_needed
from alexprof.measure.spread import Floats, grouped, quantile
from alexprof.measure.values import Interval, Known


@dataclass(frozen=True)
class Within:
    """What the steps of one process show.

    Attributes:
        mean_s: Mean of all steps of both names.
        step_cv: Standard deviation of a step about its name's mean, as a part of it.
        alike: Correlation of neighbours within blocks; NaN where blocks hold one step, or nothing
            varies.
        turn_cv: Standard deviation of a step as far as turns leave it in a difference, as a part:
            what moves a block and the one beside it alike is not in it.
    """

    mean_s: float
    step_cv: float
    alike: float
    turn_cv: float


def within(one: Sequence[Floats], other: Sequence[Floats]) -> Within:
    """Describes the steps of one process.

    Args:
        one: Blocks of the one name in the order they ran, float64 [n_i] each, in seconds; at least
            two.
        other: Those of the other; block i ran beside block i of the one.
    """
    names = (one, other)
    every = [np.concatenate(list(blocks)) for blocks in names]
    relative = [[block / x.mean() - 1 for block in b] for b, x in zip(names, every, strict=True)]
    blocks = [block for each in relative for block in each]
    together = [grouped(each) for each in relative]
    means = [np.array([block.mean() for block in each]) for each in together]
    in_a_block = float(np.median([len(block) for each in together for block in each]))
    parts = means[1] - means[0]
    return Within(
        mean_s=float(np.concatenate(every).mean()),
        step_cv=math.sqrt(float(np.mean(np.concatenate(blocks) ** 2))),
        alike=_alike(blocks),
        turn_cv=float(parts.std(ddof=1)) * math.sqrt(in_a_block / 2),
    )


def _alike(blocks: Sequence[Floats]) -> float:
    first = np.concatenate([block[:-1] for block in blocks])
    second = np.concatenate([block[1:] for block in blocks])
    size = float((np.concatenate(list(blocks)) ** 2).mean()) if len(first) else 0.0
    # Of equal steps rounding leaves about 1e-32.
    return float((first * second).mean()) / size if size > 1e-24 else math.nan


def deviation(values: Floats) -> Known:
    """Sample standard deviation of normal values, as a part of their mean.

    Its interval is by chi-square: of ten values it reaches from 0.69 to 1.83 times the figure.

    Args:
        values: float64 [n], at least two.
    """
    from scipy.special import chdtri

    freedom = len(values) - 1
    found = float(values.std(ddof=1) / values.mean())
    low, high = (math.sqrt(freedom / float(chdtri(freedom, tail))) for tail in (0.025, 0.975))
    return Known(found, (low * found, high * found))


def typical(values: Floats, *, log: bool = True) -> Known:
    """Mean over processes, of the logarithms where `log`, with Student's interval.

    Args:
        values: float64 [n], of one process each; above 0 where `log`.
        log: Whether to average logarithms, as is right for spreads.
    """
    if log and not values.min() > 0:
        return Known(float(values.mean()), None)
    used = np.log(values) if log else values
    back: Callable[[float], float] = math.exp if log else float
    centre = float(used.mean())
    interval: Interval | None = None
    if len(values) > 1:
        error = float(used.std(ddof=1)) / math.sqrt(len(values))
        half = quantile(len(values) - 1, 0.975) * error
        interval = back(centre - half), back(centre + half)
    return Known(back(centre), interval)


def steps_for(difference: float, turn_cv: Known) -> tuple[int, tuple[int, int] | None]:
    """Steps of each variant, in turns, that find a difference with 95 % chance; and their range.

    Args:
        difference: True one, as a part.
        turn_cv: As in `Within`.
    """
    return _counts(lambda spread: steps_needed(difference, spread), turn_cv)


def pairs_for(difference: float, process_cv: Known) -> tuple[int, tuple[int, int] | None]:
    """Pairs of processes that find a difference with 95 % chance; and their range.

    Args:
        difference: True one, as a part.
        process_cv: Standard deviation of a process's mean, as a part.
    """
    away = math.log1p(difference)
    return _counts(lambda cv: pairs_needed(away, math.sqrt(2) * cv), process_cv)


def _counts(count: Callable[[float], int], spread: Known) -> tuple[int, tuple[int, int] | None]:
    interval = spread.ci95
    return count(spread.value), (count(interval[0]), count(interval[1])) if interval else None
