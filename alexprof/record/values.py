"""A comparison and what it would take to tell, as plain values; without NumPy."""

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
        verdict: "same": interval inside the band; "slower", "faster": else if it excludes 1.
        needed: What it would take for a verdict; None with one.
        p_value: Two-sided, of a ratio of 1; None without an interval.
        log_error: Standard error of the ratio's logarithm; None without an interval.
        degrees_of_freedom: Degrees of freedom of `log_error`; infinite where nothing varies.
    """

    a_s: float
    b_s: float
    ratio: float
    ci95: Interval | None
    verdict: Verdict
    needed: Needed | None
    p_value: float | None = None
    log_error: float | None = None
    degrees_of_freedom: float | None = None
