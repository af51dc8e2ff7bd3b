"""Bars, whiskers and axes out of characters."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter

from alexprof.show.document import Axis, Bar, Mark, Piece
from alexprof.show.palette import Paint

CHARACTERS: dict[Mark, str] = {
    "forward": "█",
    "backward": "▒",
    "pass": "░",
    "idle": "·",
    "own": "█",
    "others": "▒",
    "measured": "█",
}
POINTS: dict[Mark, str] = {
    "zero": "┊",
    "whole": "◆",
    "whole, open": "◇",
    "part": "■",
    "part, open": "□",
}
"""Marks that stand at one value, and have no length."""
SLIVER = "▏"
"""Less than half a cell of anything but idle."""


def bar_text(bar: Bar, axis: Axis, width: int, paint: Paint) -> str:
    """Draws a bar in `width` cells; where two pieces meet in a cell, the later one has it."""
    cells = [" "] * max(width, 0)
    styles = [""] * len(cells)
    for piece in bar.pieces if cells else ():
        for place, char in _drawn(piece, axis, width):
            if char == SLIVER and set(cells) != {" "}:
                continue  # beside what can be seen it would look like half a cell
            cells[place], styles[place] = char, _style(piece)
    text = ""
    for style, run in groupby(zip(styles, cells, strict=True), key=itemgetter(0)):
        chars = "".join(char for _, char in run)
        text += paint(chars, style) if style else chars
    return text


def legend_text(legend: tuple[tuple[Mark, str], ...]) -> str:
    """What characters stand for: "█ forward  ▒ backward"."""
    return "  ".join(f"{CHARACTERS[mark]} {text}" for mark, text in legend)


def tick_text(axis: Axis, width: int) -> str:
    """The labels of an axis, in its unit, those that fit; each begins at its place."""
    text = ""
    for tick in axis.ticks:
        place, label = round(axis.place(tick) * width), axis.label(tick)
        if place >= len(text) + (2 if text else 0) and place + len(label) <= width:
            text = text.ljust(place) + label
    return text


def _drawn(piece: Piece, axis: Axis, width: int) -> list[tuple[int, str]]:
    start, end = sorted((piece.start, piece.end))
    first, last = (axis.place(value) * width for value in (start, end))
    if piece.mark == "interval":
        return _whisker(first, last, width)
    if piece.mark in POINTS:
        inside = axis.low <= piece.start <= axis.high
        return [(min(round(first), width - 1), POINTS[piece.mark])] if inside else []
    char = CHARACTERS[piece.mark]
    cells = range(max(0, round(first)), min(width, round(last)))
    if not cells:
        sliver = char if piece.mark == "idle" else SLIVER
        return [(min(max(0, round(first)), width - 1), sliver)] if end > start else []
    return [(cell, char) for cell in cells]


def _whisker(first: float, last: float, width: int) -> list[tuple[int, str]]:
    """An interval; an arrow where it goes on beyond the axis."""
    left, right = max(0, round(first)), min(width, max(round(last), round(first) + 1)) - 1
    left = min(left, right)
    cells = [(cell, "─") for cell in range(left, right + 1)]
    cells[-1] = (right, "→" if round(last) > width else "┤")
    cells[0] = (left, "←" if round(first) < 0 else "├" if right > left else "│")
    return cells


def _style(piece: Piece) -> str:
    if piece.mark in ("measured", "interval") or piece.mark in POINTS:
        return "ink"
    return f"kind {piece.kind}" if piece.kind else "muted"
