"""Lines of text that more than one output for the terminal draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.cells import cell_len

from alexprof.show.text import wrap

Paint = Callable[[str, str], str]
"""Colours a text in a style of that name."""


def two_sides(left: str, right: str, width: int, paint: Paint) -> Iterator[str]:
    """A bold text on the left and a muted one flush right, below each other if they don't fit."""
    room = width - cell_len(left) - cell_len(right)
    if room < (2 if right else 0):
        yield from (paint(line, "bold") for line in wrap(left, width))
        yield from (paint(line, "muted") for line in wrap(right, width) if right)
    else:
        yield paint(left, "bold") + " " * room + paint(right, "muted")


def warning_lines(text: str, width: int, paint: Paint, indent: str = "") -> Iterator[str]:
    """A warning begins with "!"; its other lines begin under its first word."""
    for line in wrap(text, width, f"{indent}! ", f"{indent}  "):
        yield paint(line, "warn")
