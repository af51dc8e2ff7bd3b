"""How numbers are written: the one place that rounds.

Three significant figures and at most two decimals, whole digits never rounded away; the half width
of an interval has two figures. What two decimals don't show has two figures, be it 0.0041.
A true minus, signs on differences only, a no-break space before units. Times come in seconds and
are written in the unit of their table or sentence: s, ms or µs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

NBSP = "\u00a0"
MINUS = "−"
MISSING = "–"
"""Stands for what was not measured; the reason stands near it."""
_SMALL = 0.005
_FROM_POINT = re.compile(r"(?:\.\d+|(?<=\d))\D*$")
"""The decimals and what follows; of a whole number what follows its last digit."""
_MOST_DECIMALS = 4
_NOTHING_S = 5e-11
"""No clock tells that from nothing; what is less is what adding up leaves."""


@dataclass(frozen=True)
class Unit:
    """A unit of times in seconds, or of fractions; from `matters_s` on they have two figures."""

    name: str
    per_second: float
    matters_s: float = math.inf

    def plain(self, value: float | None) -> str:
        """A value in this unit, without its name: "244", "8.64", "1014", "0.0041"."""
        return self.with_figures(value, 3)

    def signed(self, value: float | None) -> str:
        """A difference in this unit, without its name: "+55.3", "−14.3"; nothing is "0"."""
        text = self.plain(value)
        return f"+{text}" if text[0].isdigit() and text != "0" else text

    def named(self, value: float | None) -> str:
        """A value in this unit with its name: "244 ms"."""
        return unit(self.plain(value), self.name)

    def half_width(
        self, interval: tuple[float, float] | None, center_s: float | None = None
    ) -> str:
        """Half the width of an interval in seconds: "71", "1.9", "0.81".

        From `center_s` up, where that is given: no interval of a duration goes below 0.
        """
        if interval is None:
            return MISSING
        half_s = (interval[1] - interval[0]) / 2 if center_s is None else interval[1] - center_s
        return self.with_figures(half_s, 2)

    def interval(self, interval: tuple[float, float] | None) -> str:
        """An interval: "19.9 to 64.7"."""
        return MISSING if interval is None else " to ".join(map(self.plain, interval))

    def with_figures(self, value: float | None, figures: int) -> str:
        """A value in this unit with so many figures; "–" for None."""
        if value is None or not math.isfinite(value):
            return MISSING
        if abs(value) < _NOTHING_S:
            return "0"
        size = abs(value) * self.per_second
        if size < 0.5 * 10**-_MOST_DECIMALS:
            return f"<{10**-_MOST_DECIMALS:.{_MOST_DECIMALS}f}"
        rounded = float(f"{size:.{figures}g}")  # 9.996 has two whole digits when it is written
        whole = len(str(int(rounded))) if rounded >= 1 else 0
        decimals = max(0, min(2, figures - whole))
        if size < _SMALL or self.matters_s * self.per_second <= size < 0.1:
            decimals = min(_MOST_DECIMALS, 1 - math.floor(math.log10(float(f"{size:.2g}"))))
        return f"{MINUS * (value < 0)}{size:.{decimals}f}"


SECONDS, MILLISECONDS, MICROSECONDS = Unit("s", 1.0), Unit("ms", 1e3), Unit("µs", 1e6)
_NUMBER, _PERCENT = Unit("", 1.0), Unit("%", 100.0)
plain, signed = _NUMBER.plain, _NUMBER.signed
percent, percent_unit = _PERCENT.plain, _PERCENT.named
"""A fraction as percent: 0.305 is "30.5", with the unit "30.5 %"."""
MATTERS = 0.001
"""Smaller parts of a table’s largest time may have one figure."""
ENOUGH = 20.0
"""The largest time of a table is at least so many of its unit."""


def table_unit(times_s: Iterable[float | None]) -> Unit:
    """The unit of a table: the largest of which its largest time has `ENOUGH`.

    So what is a twentieth of that has three figures. From a thousandth on a time has two.
    """
    largest_s = max((abs(time_s) for time_s in times_s if _has_size(time_s)), default=0.0)
    unit_ = _unit_with(largest_s, ENOUGH) if largest_s else MILLISECONDS
    return replace(unit_, matters_s=MATTERS * largest_s)


def spoken_unit(seconds: float | None, step_s: float | None = None) -> Unit:
    """The unit of a time in a sentence: the largest of which it has one.

    A part of a step that stands there too has the step's unit, if it has two figures in it. A part
    of some seconds is in ms as long as it is none itself.
    """
    if not _has_size(seconds):
        return spoken_unit(step_s) if _has_size(step_s) else MILLISECONDS
    own = _unit_with(abs(seconds), 1.0)
    if not _has_size(step_s):
        return own
    beside = _unit_with(abs(step_s), 1.0)
    if beside is SECONDS and own is not SECONDS:
        beside = MILLISECONDS
    least = 0.1 if abs(step_s) * beside.per_second < ENOUGH else 2 * _SMALL
    return beside if abs(seconds) * beside.per_second >= least else own


def _has_size(time_s: float | None) -> TypeGuard[float]:
    return time_s is not None and math.isfinite(time_s) and abs(time_s) >= _NOTHING_S


def _unit_with(time_s: float, least: float) -> Unit:
    """The largest unit of which a time has so many; µs if it has not."""
    units = (SECONDS, MILLISECONDS)
    return next((unit for unit in units if time_s * unit.per_second >= least), MICROSECONDS)


def time(seconds: float | None, step_s: float | None = None) -> str:
    """A time in a sentence: "244 ms", "1.51 ms", "0.13 µs"; arguments as for `spoken_unit`."""
    return spoken_unit(seconds, step_s).named(seconds)


def time_with_interval(
    seconds: float, interval: tuple[float, float] | None, step_s: float | None = None
) -> str:
    """A time and half its interval, where it has one: "55.6 ± 1.9 ms"."""
    unit_ = spoken_unit(seconds, step_s)
    if interval is None:
        return unit_.named(seconds)
    if (interval[1] - seconds) * unit_.per_second < 2 * _SMALL:
        unit_ = spoken_unit(seconds)  # so that both are written with as many decimals
    return unit(f"{unit_.plain(seconds)} ±{NBSP}{unit_.half_width(interval, seconds)}", unit_.name)


def relative(fraction: float) -> str:
    """A relative difference, however small: "0.12", "3e-7"."""
    return f"{fraction:.2g}" if fraction >= 0.01 else f"{fraction:.0e}".replace("e-0", "e-")


def percent_half_width(fraction: float | None) -> str:
    """Half the width of an interval as a part, as percent with the unit: "±0.48 %", "±17 %"."""
    text = _PERCENT.with_figures(fraction, 2)
    return text if text == MISSING else f"±{unit(text, '%')}"


def times(ratio: float | None) -> str:
    """A ratio: "1.44×"; "–" if there is none."""
    text = plain(ratio)
    return text if text == MISSING else f"{text}×"


def classic_seconds(mean_s: float | None, *others_s: float | None) -> tuple[str, ...]:
    """Seconds as the classic benchmark prints them, with three decimals: "0.205", "0.006".

    A short mean has as many more as three significant figures of it take ("0.00151"), and what
    belongs to it has the same decimals ("0.00017").
    """
    decimals = 3
    if mean_s:
        decimals = min(9, max(3, 2 - math.floor(math.log10(abs(float(f"{mean_s:.3g}"))))))
    return tuple(
        MISSING if seconds is None else f"{seconds:.{decimals}f}" for seconds in (mean_s, *others_s)
    )


def count(value: float | None) -> str:
    """How often something happens: whole if it is whole, "0.90" otherwise."""
    return plain(value) if value is None or value % 1 else str(round(value))


def unit(number: str, name: str) -> str:
    """A number and its unit, never to be torn apart."""
    return number if number == MISSING else f"{number}{NBSP}{name}"


def align_decimals(numbers: Sequence[str]) -> list[str]:
    """Pads numbers on the right so that their decimal points stand under each other."""
    ends = [_FROM_POINT.search(text) for text in numbers]
    tails = [len(end[0]) if end else 0 for end in ends]
    longest = max((tail for text, tail in zip(numbers, tails, strict=True) if text), default=0)
    return [
        text and text + " " * (longest - tail) for text, tail in zip(numbers, tails, strict=True)
    ]
