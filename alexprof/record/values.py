"""Units and ranges of numbers, and a comparison of two numbers as plain values; no NumPy.

The type of a field says its unit and range, and reading a record checks them. The ranges are wider
than anything that can be measured, but sums and squares of the numbers stay finite.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

MOST_S = 1e9
"""The longest time: 30 years."""
Number = Annotated[float, Meta(ge=-1e15, le=1e15)]
"""Any number that is measured or computed."""
Amount = Annotated[float, Meta(ge=0, le=1e15)]
"""A mean of counts, a clock, a ratio of two times."""
Seconds = Annotated[float, Meta(ge=0, le=MOST_S)]
"""A duration."""
Change = Annotated[float, Meta(ge=-MOST_S, le=MOST_S)]
"""A difference of two durations, in seconds."""
Fraction = Annotated[float, Meta(ge=0, le=1 + 1e-6)]
"""A fraction of a whole, up to rounding."""
Nanoseconds = Annotated[int, Meta(ge=0, le=10**18)]
"""A duration from a trace: at most 30 years, like `Seconds`."""
Count = Annotated[int, Meta(ge=0, le=10**15)]
"""How many, or a place in a sequence."""
Positive = Annotated[int, Meta(ge=1, le=10**15)]
"""How many, where there is at least one."""
Bytes = Annotated[int, Meta(ge=0, le=10**18)]
"""A size in memory or in a file."""
MOST_NAME = 1000
Key = Annotated[str, Meta(max_length=MOST_NAME)]
"""The name of a variant or phase."""
Time = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*([+-]\d\d:\d\d(:\d\d)?)?$")
]
"""When something began, ISO 8601."""
Interval = tuple[Change, Change]
"""Lower and upper bound, in seconds or of a ratio."""


def of_duration(interval: Interval) -> Interval:
    """The interval of something that can't be less than 0, such as a duration."""
    return max(interval[0], 0.0), interval[1]


Estimator = Literal["mean", "median"]
Verdict = Literal["slower", "faster", "same", "unclear"]
Outcome = Literal["within", "slower", "unclear"]
"""Of a gate, against what is allowed."""
Reason = Literal[
    "machine_busy", "outside_steps", "no_interval", "between_runs", "not_seen", "chance"
]
NeededCode = Literal[
    "positive_times",
    "steps",
    "blocks",
    "more_blocks",
    "more_pairs",
    "more_runs",
    "three_runs",
    "quiet",
    "whole_steps",
    "fewer_compared",
    "runs",
    "other_bound",
]


@dataclass(frozen=True)
class Needed:
    """What it would take for a verdict."""

    # "positive_times": times above 0 of both. "steps", "blocks": at least `count` of each.
    # "more_blocks", "more_pairs", "more_runs": about `count` more of each. "three_runs": as many of
    # each side. "quiet": runs while the machine does nothing else. "whole_steps": markers around
    # all that a step does. "fewer_compared": more data, since among so many comparisons one like
    # this comes by chance. Of a gate: "runs": about `count` of each, not `now`; "other_bound": the
    # slow-down is too near to what is allowed.
    code: NeededCode
    count: Count = 0  # How many
    now: int = 0  # How many there are


class Difference(Struct, frozen=True, kw_only=True):
    """What something takes before and after, and whether that is a difference."""

    estimator: Estimator  # "mean" or "median": of what the times are
    before_s: float  # Seconds before: in A, or in the baseline
    after_s: float  # Seconds after
    change_s: float  # After minus before
    ci95_s: Interval | None  # Its 95 % interval; None where nothing shows the spread
    ratio: float  # After over before
    ratio_ci95: Interval | None  # Its 95 % interval
    significant: bool  # Whether the verdict is "slower" or "faster"
    # "slower", "faster", "same" (within the equivalence band; not of variants of one run) or
    # "unclear"
    verdict: Verdict
    # Why it is unclear. "machine_busy"; "outside_steps": marked steps hold less than half of what
    # was recorded; "no_interval": too little data; "between_runs": two runs may differ as much;
    # "not_seen": the interval includes 0; "chance": among so many comparisons. None with a verdict.
    reason: Reason | None
    needed: Needed | None  # What a verdict would take; None with one
    # Of no difference, adjusted for how many were compared; None where not known
    p_value: float | None = None
    log_error: float | None = None  # Standard error of the ratio's logarithm; None where not known
    # Degrees of freedom of `log_error`; infinite (null in JSON) where nothing varies
    degrees_of_freedom: float | None = None
