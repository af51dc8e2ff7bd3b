"""Parts of a whole as people write them: "0.5%" or 0.005."""

from __future__ import annotations

import math


def read_part(text: str) -> tuple[float, bool]:
    """Reads a part.

    Args:
        text: "3%", "3 %" or "0.03".

    Returns:
        The part, NaN if it is no number; whether it was written in percent.
    """
    digits, percent = text.strip().removesuffix("%").strip(), text.strip().endswith("%")
    try:
        return float(digits) / (100 if percent else 1), percent
    except ValueError:
        return math.nan, percent
