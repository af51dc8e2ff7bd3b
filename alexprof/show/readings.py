"""Verdicts in words: one phrase for each meaning, in every output."""

from __future__ import annotations

from typing import Literal

from alexprof.analysis.difference import Difference, Reason
from alexprof.record.values import Verdict

UNCLEAR = "unclear"
"""The interval includes no difference."""
CANT_TELL = "can’t tell"
"""The data allow no verdict; the reason stands near it."""
READINGS: dict[Verdict | Reason | Literal["saves", "costs"], str] = {
    "faster": "faster",
    "slower": "slower",
    "saves": "saves",
    "costs": "costs",
    "same": "the same",
    "unclear": UNCLEAR,
    "not_seen": UNCLEAR,
    "chance": "may be chance",
    "no_interval": CANT_TELL,
    "between_runs": CANT_TELL,
    "machine_busy": CANT_TELL,
}
WHY: dict[Reason, str] = {
    "no_interval": "too few steps for an interval",
    "between_runs": "two runs may differ as much",
    "machine_busy": "the machine was busy",
}
"""Why there is no verdict."""


def reading(difference: Difference) -> str:
    """A verdict in words; of what has none, whether it is unclear or can't be told."""
    return READINGS[difference.reason or difference.verdict]
