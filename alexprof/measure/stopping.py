"""When enough was measured: the interval is narrow enough, gets no narrower, or time is up.

Whoever checks an interval again and again and stops when it is narrow stops too early: where the
blocks happen to lie close together. So it is checked only at `FIRST_LOOK` tens of steps, in as
many blocks or more, and then at a quarter more each time, and the interval is widened by `WIDER`
before it is judged and shown. Of simulated intervals 93.5 % and more then cover
(docs/statistics.md, tests/measure/test_stopping.py).

Four times the steps halve an interval if the steps are steady, autocorrelated or not. Where four
times the steps have not narrowed it at all, the machine drifts more slowly than the blocks last,
and measuring on would only follow it: that is the plateau.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alexprof.errors import UsageError
from alexprof.measure.intervals import mean_interval
from alexprof.measure.spread import Floats
from alexprof.record.timed import StoppedBy
from alexprof.record.values import Interval

TEN = 10
"""Steps are counted in tens: a block, where no more than two variants take turns."""
FIRST_LOOK = 10
"""Tens of each variant's steps, and blocks, before the interval is checked."""
NEXT_LOOK = 1.25
"""So many times the tens before it is checked again."""
WIDER = 1.1
PLATEAU_BLOCKS = 80
"""Fewer blocks, or fewer tens of steps, don't tell a plateau: a quarter of them must know its own
spread, and short blocks resemble their neighbors."""
DEFAULT_MAX_TIME_S = 300.0
"""Of a phase whose steps nothing else limits but a precision that may be out of reach."""
SUSPICIOUS = 0.1
"""A precision of so much or more without a percent sign was meant in percent."""


@dataclass(frozen=True)
class StoppingRule:
    """When the timed steps of a phase are enough: whichever comes first."""

    most_steps: int | None  # Timed steps of each variant; None sets no limit
    # Half the width of the mean's 95 % interval, as a fraction of the mean, that every variant is
    # to reach; None doesn't check
    precision: float | None = None
    max_time_s: float | None = None  # Seconds for the phase, warm-up included; None sets no limit

    @classmethod
    def of(
        cls, steps: int | None, precision: float | None = None, max_time_s: float | None = None
    ) -> StoppingRule:
        """A rule that ends: with nothing but a precision, `DEFAULT_MAX_TIME_S` is its bound.

        Raises:
            UsageError: If a number is out of range, or nothing ends it.
        """
        if steps is None and precision is None and max_time_s is None:
            raise UsageError("nothing says when to stop: give a number of steps or a precision")
        if steps is not None and steps < 1:
            raise UsageError(f"the number of timed steps must be at least 1, not {steps}")
        if precision is not None and not 0 < precision < 1:
            raise UsageError(f"a precision must be between 0 and 1 (0.005), not {precision:g}")
        if max_time_s is not None and not 0 < max_time_s < math.inf:
            raise UsageError(
                f"the time limit (max_time_s) must be above 0 s and finite, not {max_time_s:g}"
            )
        if steps is None and max_time_s is None:
            max_time_s = DEFAULT_MAX_TIME_S
        return cls(steps, precision, max_time_s)

    def stopped_by(
        self, samples: Mapping[str, Sequence[Floats]], elapsed_s: float, round_s: float
    ) -> StoppedBy | None:
        """Why to stop after a round, when all variants have as many blocks; None to go on.

        Args:
            samples: By variant its timed blocks in the order they ran, float64 seconds, at least
                one each.
            elapsed_s: Since the phase's first step, warm-up included.
            round_s: What the last round took, as the next one probably will.
        """
        variants = list(samples.values())
        blocks, steps = variants[0], _steps(variants[0])
        new_tens = range((steps - len(blocks[-1])) // TEN + 1, steps // TEN + 1)
        ended = self.most_steps is not None and steps >= self.most_steps
        due = ended or (len(blocks) >= FIRST_LOOK and any(map(is_look, new_tens)))
        imprecise: list[Sequence[Floats]] = []
        if self.precision is not None and due:
            imprecise = [blocks for blocks in variants if not self._precise(blocks)]
            if not imprecise:
                return "precision"
        if ended:
            return "steps"
        if any(map(on_plateau, imprecise)):
            return "plateau"
        if self.max_time_s is not None and elapsed_s + round_s > self.max_time_s:
            return "max-time"
        return None

    def _precise(self, blocks: Sequence[Floats]) -> bool:
        interval = mean_interval(blocks)
        reached = precision_of(interval and widened(interval))
        return reached is not None and self.precision is not None and reached <= self.precision


def expected_steps(rule: StoppingRule, burn_in: int, *, until_steady: bool) -> int | None:
    """Steps of each variant, warm-up included, as far as that is known before; None otherwise."""
    if rule.most_steps is None or rule.precision is not None or until_steady:
        return None
    return rule.most_steps + burn_in


def widened(interval: Interval) -> Interval:
    """An interval that decided when to stop, as wide as it must be for that."""
    center, half = (interval[0] + interval[1]) / 2, WIDER * (interval[1] - interval[0]) / 2
    return center - half, center + half


def precision_of(interval: Interval | None) -> float | None:
    """Half the width of a mean's interval, as a fraction of the mean."""
    if interval is None or interval[0] + interval[1] <= 0:
        return None
    return (interval[1] - interval[0]) / (interval[0] + interval[1])


def on_plateau(blocks: Sequence[Floats]) -> bool:
    """Whether four times the steps have not narrowed the mean's interval; they should halve it."""
    if len(blocks) < PLATEAU_BLOCKS or _steps(blocks) < TEN * PLATEAU_BLOCKS:
        return False
    intervals = (mean_interval(blocks[: len(blocks) // 4]), mean_interval(blocks))
    before, now = (interval[1] - interval[0] for interval in intervals if interval)
    return 0 < before <= now


def is_look(tens: int) -> bool:
    """Whether the interval is checked at so many tens of steps: 10, 13, 17, 22 and so on."""
    look = FIRST_LOOK
    while look < tens:
        look = math.ceil(look * NEXT_LOOK)
    return look == tens


def read_part(text: str) -> tuple[float, bool]:
    """Reads a part of a whole as people write it: "3%", "3 %" or "0.03".

    Returns the part, NaN if it is no number, and whether it was written in percent.
    """
    digits, percent = text.strip().removesuffix("%").strip(), text.strip().endswith("%")
    try:
        return float(digits) / (100 if percent else 1), percent
    except ValueError:
        return math.nan, percent


def parse_precision(text: str) -> float:
    """Reads a precision: "0.5%" or "0.005".

    Raises:
        UsageError: If it is none.
    """
    part, percent = read_part(text)
    if not 0 < part < 1 and (percent or not part >= 1):
        raise UsageError(
            f"--precision must be a fraction of the mean like 0.5% or 0.005, not {text!r}"
        )
    if not percent and part >= SUSPICIOUS:
        raise UsageError(f"--precision {text}: did you mean {text}%? ({part:g} is {part:.0%})")
    return part


def _steps(blocks: Sequence[Floats]) -> int:
    """All but the last block are as long as the first: no need to count each, every round."""
    return (len(blocks) - 1) * len(blocks[0]) + len(blocks[-1])
