"""Warm-up that goes on until it is steady, within a bound."""

from __future__ import annotations

from alexprof.measure.spread import Floats
from alexprof.measure.steady import find_steady_state

WINDOW = 40
"""The last steps of a variant's warm-up that must hold one level."""
CHUNK = 10
"""Steps of each variant before that is looked at again."""
MOST_WARM_UP_STEPS = 500
"""Of each variant, the asked ones included."""
MOST_WARM_UP_S = 60.0
"""Of all variants together; no new chunk begins that would end later."""
PART_OF_MAX_TIME = 0.5
"""The most that it takes of a phase's time where that is limited."""


def settled(seconds: Floats) -> bool:
    """Whether the last steps of a warm-up hold one level.

    Args:
        seconds: A variant's warm-up steps, float64 [n], in the order they ran.
    """
    if len(seconds) < WINDOW:
        return False
    found = find_steady_state(seconds[-WINDOW:])
    return found is not None and found.state == "steady"


def warm_up_bound_s(max_time_s: float | None) -> float:
    """Seconds after which no more is added to the warm-up that was asked for."""
    if max_time_s is None:
        return MOST_WARM_UP_S
    return min(MOST_WARM_UP_S, PART_OF_MAX_TIME * max_time_s)
