"""Titles, warnings, tables and bars as lines of text.

rich has tables too, but none whose names stay different when they are cut, and none whose columns
go where there is no room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len

from alexprof.plain_text import clean
from alexprof.show.document import Axis, Bar, Cell, Column, Mark, Piece, RowStyle, Table
from alexprof.show.numbers import align_decimals
from alexprof.show.palette import Paint
from alexprof.show.text import cut, cut_all, pad, wrap

NAME_WHOLE = 40
"""Names up to so many cells are cut only where columns stand as near as they may."""
NAME_WANTED = 24
NAME_LEAST = 16
TEXT_MOST = 14
BAR_WANTED = 24
BAR_LEAST = 10
BAR_MOST = 44
_STYLES: dict[RowStyle, str] = {"plain": "", "muted": "muted", "sum": "bold", "group": "bold"}
_FILLED: dict[Mark, str] = {
    "forward": "█",
    "backward": "▒",
    "pass": "░",
    "idle": "·",
    "own": "█",
    "others": "▒",
    "remainder": "░",
    "measured": "█",
}
_FIGURE_SPACE, _POINT_SPACE = "\u2007", "\u2008"
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


def two_sides(left: str, right: str, width: int, paint: Paint) -> Iterator[str]:
    """A bold text on the left and a muted one flush right, below each other if they don't fit."""
    left, right = clean(left), clean(right)
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


@dataclass
class _ColumnLayout:
    """A column as it is laid out; two heads stand below each other."""

    column: Column
    cells: list[Cell]
    texts: list[str]
    heads: tuple[str, str] = ("", "")
    width: int = 0

    def padded(self, text: str) -> str:
        return pad(text, self.width, right=self.column.flush_right)

    def drawn(self, place: int, style: str, axis: Axis, paint: Paint) -> str:
        """Its cell in a row."""
        cell = self.cells[place]
        if isinstance(cell, Bar):
            return bar_text(cell, axis, self.width, paint)
        text = self.padded(self.texts[place])
        return paint(text, style) if style and text.strip() else text


def column_texts(table: Table, place: int, text_most: int) -> list[str]:
    """The texts of a column, with decimal points under each other; "" for what is drawn."""
    texts = [cell if isinstance(cell, str) else "" for cell in table.cells(place)]
    align = table.columns[place].align
    if align == "number":
        return align_decimals(texts)
    return cut_all(texts, text_most) if align == "text" else texts


def page_cells(table: Table, place: int) -> list[Cell]:
    """The cells of a column for a page, whose digits are equally wide and whose spaces are not."""
    column, cells = table.columns[place], table.cells(place)
    if column.align != "number":
        return cells
    texts = map(wide_spaces, column_texts(table, place, 0))
    return [
        text if isinstance(cell, str) else cell for cell, text in zip(cells, texts, strict=True)
    ]


def wide_spaces(text: str) -> str:
    """A number with spaces behind it that are as wide as the digits that they stand for."""
    number = text.rstrip(" ")
    missing = len(text) - len(number)
    if missing and "." not in number:
        return number + _POINT_SPACE + _FIGURE_SPACE * (missing - 1)
    return number + _FIGURE_SPACE * missing


def table_lines(table: Table, width: int, paint: Paint) -> list[str]:
    """Draws a table in lines of `width` cells.

    Where that is not enough, names are cut in the middle, then columns go, those with the highest
    `drop` first.
    """
    while (plan := _plan(table, width)) is None:
        drops = [column.drop for column in table.columns]
        table = table.without([drops.index(max(drops))])
    columns, gap = plan
    for layout in columns:
        if layout.column.align in ("name", "bar"):
            layout.texts = cut_all(layout.texts, layout.width)
    lines = []
    for heads in zip(*(layout.heads for layout in columns), strict=True):
        line = gap.join(layout.padded(head) for layout, head in zip(columns, heads, strict=True))
        if line.strip():
            lines.append(paint(line.rstrip(), "muted"))
    for place, row in enumerate(table.rows):
        if row.style == "sum":
            rule = (
                ("─" if layout.texts[place] and layout.column.flush_right else " ") * layout.width
                for layout in columns
            )
            lines.append(paint(gap.join(rule), "muted"))
        style = _STYLES[row.style]
        lines.append(gap.join(layout.drawn(place, style, table.axis, paint) for layout in columns))
    return [line.rstrip() for line in lines]


def _plan(table: Table, width: int) -> tuple[list[_ColumnLayout], str] | None:
    """The roomiest way to lay out that fits, and its gap; None if none does and a column can go."""
    columns = [
        _ColumnLayout(column, table.cells(place), column_texts(table, place, TEXT_MOST))
        for place, column in enumerate(table.columns)
    ]
    last = columns[-1]
    in_bar = _widest([legend_text(last.column.legend), *last.texts])
    whole = max(
        (_widest(layout.texts) for layout in columns if layout.column.align == "name"), default=0
    )
    names = (max(whole, NAME_WANTED) if whole <= NAME_WHOLE else NAME_WANTED, NAME_WANTED)
    wishes = [(False, gap, name, max(BAR_WANTED, in_bar)) for name in names for gap in (4, 3, 2)]
    wishes.append((True, 2, NAME_WANTED, max(BAR_WANTED, in_bar)))
    wishes.append((True, 1, NAME_LEAST, max(BAR_LEAST, in_bar)))
    if not any(column.drop for column in table.columns):
        wishes += [(True, 1, NAME_LEAST, BAR_LEAST), (True, 1, 0, 0)]
    for stacked, gap, name, bar in wishes:
        if _fits(columns, width - gap * (len(columns) - 1), name, bar, stacked=stacked):
            if last.column.align == "bar":
                legend = cut(legend_text(last.column.legend), last.width)
                last.heads = ("", legend or tick_text(table.axis, last.width))
            return columns, " " * gap
    return None


def _fits(
    columns: Sequence[_ColumnLayout], room: int, name: int, bar: int, *, stacked: bool
) -> bool:
    """Gives columns their widths: names and bars at least those, and what room is left."""
    most = []
    for layout in columns:
        column = layout.column
        layout.heads = ("", column.header)
        if stacked:
            layout.heads = (column.title, column.unit) if column.unit else ("", column.title)
        natural = _widest([*layout.heads, *layout.texts])
        bounds = {"bar": (bar, BAR_MOST), "name": (min(natural, name), natural)}
        layout.width, limit = bounds.get(column.align, (natural, natural))
        most.append(limit)
    room -= sum(layout.width for layout in columns)
    if room < 0 and bar:
        return False
    for layout, limit in zip(columns, most, strict=True):
        more = max(0, min(limit - layout.width, room))
        layout.width += more
        room -= more
    return True


def _widest(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts), default=0)


def bar_text(bar: Bar, axis: Axis, width: int, paint: Paint) -> str:
    """Draws a bar in `width` cells; where two pieces meet in a cell, the later one has it."""
    cells = [(" ", "")] * max(width, 0)
    for piece in bar.pieces if cells else ():
        for place, char in _drawn(piece, axis, width):
            if char == SLIVER and any(drawn != " " for drawn, _ in cells):
                continue  # beside what can be seen it would look like half a cell
            cells[place] = char, _style(piece)
    text = ""
    for style, run in groupby(cells, key=itemgetter(1)):
        chars = "".join(char for char, _ in run)
        text += paint(chars, style) if style else chars
    return text


def _style(piece: Piece) -> str:
    if piece.mark in ("measured", "interval") or piece.mark in POINTS:
        return "ink"
    return f"kind {piece.kind}" if piece.kind else "muted"


def _drawn(piece: Piece, axis: Axis, width: int) -> list[tuple[int, str]]:
    """Its cells, each with its place."""
    start, end = sorted((piece.start, piece.end))
    first, last = (round(axis.place(value) * width) for value in (start, end))
    nearest = min(max(0, first), width - 1)
    if piece.mark == "interval":
        return _whisker(first, last, width)
    if piece.mark in POINTS:
        inside = axis.low <= piece.start <= axis.high
        return [(nearest, POINTS[piece.mark])] if inside else []
    char = _FILLED[piece.mark]
    cells = [(cell, char) for cell in range(max(0, first), min(width, last))]
    if cells or end <= start:
        return cells
    return [(nearest, char if piece.mark == "idle" else SLIVER)]


def _whisker(first: int, last: int, width: int) -> list[tuple[int, str]]:
    """An interval; an arrow where it goes on beyond the axis."""
    right = min(width, max(last, first + 1)) - 1
    left = min(max(0, first), right)
    cells = [(cell, "─") for cell in range(left, right + 1)]
    cells[-1] = (right, "→" if last > width else "┤")
    cells[0] = (left, "←" if first < 0 else "├" if right > left else "│")
    return cells


def legend_text(legend: tuple[tuple[Mark, str], ...]) -> str:
    """What characters stand for: "█ forward  ▒ backward"."""
    return "  ".join(f"{_FILLED[mark]} {text}" for mark, text in legend)


def tick_text(axis: Axis, width: int) -> str:
    """The labels of an axis, in its unit, those that fit; each begins at its place."""
    text = ""
    for tick in axis.ticks:
        place, label = round(axis.place(tick) * width), axis.label(tick)
        if place >= len(text) + (2 if text else 0) and place + len(label) <= width:
            text = text.ljust(place) + label
    return text
