"""Step times whose truth is known: simulated series of each kind, a second per step on average.

`level` is what a series tends to: 1, times its process's own factor where processes differ. A drift
goes from 1 % below it to 1 % above within a series, so the level is its mean over the series' time:
what the machine would do later is no parameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alexprof.measure.loop import schedule

BLOCK = 10
COVERED = (0.93, 0.97)


@dataclass(frozen=True)
class Kind:
    """Parts of a step: standard deviations and sizes, relative to the level."""

    noise: float = 0.02
    autocorrelation: float = 0.0
    slow_part: float = 0.0
    slow_by: float = 0.0
    drift: float = 0.0
    process: float = 0.0


KINDS = {
    "independent": Kind(),
    "autocorrelated": Kind(autocorrelation=0.5),
    "bimodal": Kind(noise=0.01, slow_part=0.3, slow_by=0.05),
    "drift": Kind(drift=0.02),
    "process": Kind(process=0.01),
    # Deviations of 1 %, 0.9 % and 0.6 % within a process, 1.5 % together.
    "everything": Kind(
        0.01, autocorrelation=0.5, slow_part=0.3, slow_by=0.02, drift=0.02, process=0.01
    ),
}


def within(kind, random, shape):
    """What a process's steps do about its level: mean 0, float64 of that shape, steps last."""
    noise = random.standard_normal(shape)
    for step in range(1, shape[-1] if kind.autocorrelation else 0):
        noise[..., step] *= np.sqrt(1 - kind.autocorrelation**2)
        noise[..., step] += kind.autocorrelation * noise[..., step - 1]
    slow = (random.random(shape) < kind.slow_part) - kind.slow_part
    drift = np.linspace(-0.5, 0.5, shape[-1])
    return kind.noise * noise + kind.slow_by * slow + kind.drift * drift


def processes(kind, random, shape):
    """Series of so many processes, float64 [..., steps], and their levels, float64 [..., 1]."""
    levels = 1 + kind.process * random.standard_normal((*shape[:-1], 1))
    return levels * (1 + within(kind, random, shape)), levels


def blocks(series):
    """A series' blocks of ten."""
    return list(series.reshape(-1, BLOCK))


def interleaved(kind, random, count, steps, ratio=1.0):
    """Both variants in one process, A B B A in blocks of ten: [count, blocks, 10] each."""
    whole, _ = processes(kind, random, (count, 2 * steps))
    turns = [variant for variant, *_ in schedule(["a", "b"], steps, BLOCK)]
    parts = whole.reshape(count, -1, BLOCK)
    is_a = np.array(turns) == "a"
    return parts[:, is_a], parts[:, ~is_a] * ratio


def truth_of(kind, statistic):
    """A statistic of the marginal distribution of a process's steps whose level is 1."""
    return statistic(1 + within(kind, np.random.default_rng(99), (20_000, 100)))


def share(values):
    """Of those that are true."""
    listed = list(values)
    return sum(listed) / len(listed)


def share_covering(intervals, truth):
    """Part of the intervals that hold the truth; there must be one each time."""
    return share(bounds is not None and bounds[0] <= truth <= bounds[1] for bounds in intervals)
