"""How numbers are written: the one place that rounds.

Three significant figures and at most two decimals, whole digits never rounded away; the half width
of an interval has two figures. A true minus, signs on differences only, a no-break space before
units. Times come in seconds and are written in milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

NBSP = "\u00a0"
MINUS = "−"
MISSING = "–"
"""Stands for what was not measured; the reason stands near it."""
_TINY = 0.005
_TINY_TEXT = "<0.01"


def plain(value: float | None) -> str:
    """Three significant figures: "244", "30.5", "8.64", "1014", "<0.01"; "–" for None."""
    return _written(value, figures=3)


def signed(value: float | None) -> str:
    """A difference: "+55.3", "−14.3", "<0.01"; exactly nothing is "0"."""
    text = plain(value)
    return f"+{text}" if text[0].isdigit() and text != "0" else text


def ms(seconds: float | None) -> str:
    """Seconds as milliseconds, without the unit."""
    return plain(_times_1000(seconds))


def ms_signed(seconds: float | None) -> str:
    """A difference in seconds as milliseconds, without the unit."""
    return signed(_times_1000(seconds))


def ms_unit(seconds: float | None) -> str:
    """Seconds as milliseconds with the unit: "244 ms"."""
    return unit(ms(seconds), "ms")


def ms_half_width(interval: tuple[float, float] | None) -> str:
    """Half the width of a symmetric interval in seconds, as milliseconds: "71", "1.9", "0.81"."""
    if interval is None:
        return MISSING
    return _written((interval[1] - interval[0]) / 2 * 1e3, figures=2)


def ms_interval(interval: tuple[float, float] | None) -> str:
    """An interval in seconds, as milliseconds: "19.9 to 64.7"."""
    if interval is None:
        return MISSING
    return f"{ms(interval[0])} to {ms(interval[1])}"


def percent(fraction: float | None) -> str:
    """A fraction as percent, without the unit: 0.305 is "30.5"."""
    return plain(None if fraction is None else fraction * 100)


def percent_unit(fraction: float | None) -> str:
    """A fraction as percent with the unit: "30.5 %"."""
    return unit(percent(fraction), "%")


def percent_half_width(fraction: float | None) -> str:
    """Half the width of an interval as a part, as percent with the unit: "±0.48 %", "±17 %"."""
    text = _written(None if fraction is None else fraction * 100, figures=2)
    return text if text == MISSING else f"±{unit(text, '%')}"


def times(ratio: float | None) -> str:
    """A ratio: "1.44×"; "–" if there is none."""
    text = plain(ratio)
    return text if text == MISSING else f"{text}×"


def classic_seconds(seconds: float | None) -> str:
    """Seconds with three decimals, as the classic benchmark prints them: "0.026", "<0.001"."""
    if seconds is None:
        return MISSING
    return "<0.001" if 0 < seconds < 0.0005 else f"{seconds:.3f}"


def count(value: float) -> str:
    """How often something happens: whole if it is whole, "0.90" otherwise."""
    return str(round(value)) if float(value).is_integer() else plain(value)


def unit(number: str, name: str) -> str:
    """A number and its unit, never to be torn apart."""
    return number if number == MISSING else f"{number}{NBSP}{name}"


def align_decimals(numbers: Sequence[str]) -> list[str]:
    """Pads numbers on the right so that their decimal points stand under each other.

    Args:
        numbers: As the functions above write them; "" stays empty.

    Returns:
        The same texts, to be set flush right.
    """
    tails = [len(text) - _point(text) for text in numbers]
    longest = max((tail for text, tail in zip(numbers, tails, strict=True) if text), default=0)
    return [
        text and text + " " * (longest - tail) for text, tail in zip(numbers, tails, strict=True)
    ]


def _point(text: str) -> int:
    """Where the decimal point is, or would be: behind the last digit."""
    if "." in text:
        return text.index(".")
    digits = [place for place, char in enumerate(text) if char.isdigit()]
    return digits[-1] + 1 if digits else len(text)


def _written(value: float | None, figures: int) -> str:
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    size = abs(value)
    if size < _TINY:
        return _TINY_TEXT
    rounded = float(f"{size:.{figures}g}")  # 9.996 has two whole digits when it is written
    whole = len(str(int(rounded))) if rounded >= 1 else 0
    text = f"{size:.{max(0, min(2, figures - whole))}f}"
    return MINUS + text if value < 0 else text


def _times_1000(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e3
