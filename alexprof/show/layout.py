"""Tables as lines of text: widths, decimal points, bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from rich.cells import cell_len

from alexprof.show.bars import bar_text, legend_text, tick_text
from alexprof.show.document import Bar, Column, Row, Span, Table
from alexprof.show.fit import cut, cut_all, pad
from alexprof.show.lines import Paint
from alexprof.show.numbers import align_decimals

NAME_WHOLE = 40
"""Names up to so many cells are cut only where columns stand as near as they may."""
NAME_WANTED = 24
NAME_LEAST = 16
TEXT_MOST = 14
BAR_WANTED = 24
BAR_LEAST = 10
BAR_MOST = 44

Item = TypeVar("Item")


@dataclass(frozen=True)
class Plan:
    """How wide everything is.

    Attributes:
        widths: Of each column.
        gap: Cells between columns.
        stacked: Whether units stand under their titles.
    """

    widths: tuple[int, ...]
    gap: int
    stacked: bool


def table_lines(table: Table, width: int, paint: Paint) -> list[str]:
    """Draws a table.

    Args:
        table: The table.
        width: Cells a line may take. Where that is not enough, names are cut in the middle,
            then columns go, those with the highest `drop` first.
        paint: Colours a piece of a line.
    """
    table = _text_cut(table)
    plan = _plan(table, width)
    while plan is None:
        table = _without_a_column(table)
        plan = _plan(table, width)
    body = _texts(table, plan)
    lines = list(_header(table, plan, paint))
    for row, texts in zip(table.rows, body, strict=True):
        if row.style == "sum":
            lines.append(paint(_rule(table.columns, texts, plan), "muted"))
        lines.append(_line(table, row, texts, plan, paint))
    return [line.rstrip() for line in lines]


def _text_cut(table: Table) -> Table:
    """Cuts the texts beside the names that are longer than a column should be."""
    for place, column in enumerate(table.columns):
        if column.align == "text":
            table = _with_texts(table, place, cut_all(_column_texts(table, place), TEXT_MOST))
    return table


def _with_texts(table: Table, place: int, texts: Sequence[str]) -> Table:
    """The table with other texts in a column, but for cells that are no text."""
    rows = [
        replace(row, cells=(*row.cells[:place], text, *row.cells[place + 1 :]))
        if place < len(row.cells) and isinstance(row.cells[place], str)
        else row
        for row, text in zip(table.rows, texts, strict=True)
    ]
    return replace(table, rows=tuple(rows))


def _plan(table: Table, width: int) -> Plan | None:
    """The roomiest plan that fits; None if none does and a column can go."""
    said = _bar_text_width(table)
    wanted = max(BAR_WANTED, said)
    whole = max(map(cell_len, _names(table)), default=0)
    for stacked, gap, name, bar in (
        *((False, gap, whole, wanted) for gap in (4, 3, 2) if NAME_WANTED < whole <= NAME_WHOLE),
        (False, 4, NAME_WANTED, wanted),
        (False, 3, NAME_WANTED, wanted),
        (False, 2, NAME_WANTED, wanted),
        (True, 2, NAME_WANTED, wanted),
        (True, 1, NAME_LEAST, max(BAR_LEAST, said)),
    ):
        if plan := _fitted(table, width, Plan((), gap, stacked), name, bar):
            return plan
    if any(column.drop for column in table.columns):
        return None
    last = Plan((), 1, stacked=True)
    return _fitted(table, width, last, NAME_LEAST, BAR_LEAST) or _fitted(table, width, last, 0, 0)


def _fitted(table: Table, width: int, plan: Plan, name: int, bar: int) -> Plan | None:
    """The plan with widths: names cut to what room there is, the bars taking the rest.

    Args:
        table: The table.
        width: Cells of a line.
        plan: How to set it; its widths are not looked at.
        name: Cells that names must have, if they need them.
        bar: Cells that bars must have.

    Returns:
        None if there are not as many; with `name` and `bar` 0 there always are.
    """
    natural = _natural(table, plan.stacked, plan.gap)
    least, most = list(natural), list(natural)
    for place, column in enumerate(table.columns):
        if column.align == "name":
            least[place] = min(natural[place], name)
        elif column.align == "bar":
            least[place], most[place] = bar, BAR_MOST
    room = width - sum(least) - plan.gap * (len(least) - 1)
    if room < 0 and (name or bar):
        return None
    for place in range(len(least)):
        taken = max(0, min(most[place] - least[place], room))
        least[place] += taken
        room -= taken
    return replace(plan, widths=tuple(least))


def _natural(table: Table, stacked: bool, gap: int) -> list[int]:
    """What each column takes when nothing is cut; 0 for bars, whose header may be cut off."""
    widths = []
    for place, column in enumerate(table.columns):
        if column.align == "bar":
            widths.append(0)
            continue
        heads = (column.title, column.unit) if stacked else (column.header,)
        texts = _column_texts(table, place)
        widths.append(max(cell_len(text) for text in (*heads, *texts)))
    for row in table.rows:
        for place, cell in enumerate(row.cells):
            if isinstance(cell, Span):
                taken = range(place, place + row.span(place))
                missing = cell_len(cell.text) - sum(widths[column] for column in taken)
                widths[taken[-1]] += max(0, missing - gap * (len(taken) - 1))
    return widths


def _bar_text_width(table: Table) -> int:
    """What the texts take that stand in the column of bars."""
    last = len(table.columns) - 1
    if table.columns[last].align != "bar":
        return 0
    texts = [row.text(last) for row in table.rows]
    return max(map(cell_len, (legend_text(table.columns[last].legend), *texts)))


def _names(table: Table) -> Iterator[str]:
    for place, column in enumerate(table.columns):
        if column.align == "name":
            yield from _column_texts(table, place)


def _column_texts(table: Table, place: int) -> list[str]:
    texts = [row.text(place) for row in table.rows]
    return align_decimals(texts) if table.columns[place].align == "number" else texts


def _without_a_column(table: Table) -> Table:
    gone = max(range(len(table.columns)), key=lambda place: table.columns[place].drop)
    rows = (replace(row, cells=_without(row.cells, gone)) for row in table.rows)
    return replace(table, columns=_without(table.columns, gone), rows=tuple(rows))


def _without(items: tuple[Item, ...], place: int) -> tuple[Item, ...]:
    return (*items[:place], *items[place + 1 :])


def _texts(table: Table, plan: Plan) -> list[list[str]]:
    """The text of each cell, cut and aligned but not padded; bars stay empty."""
    columns = []
    for place, column in enumerate(table.columns):
        texts = _column_texts(table, place)
        if column.align in ("name", "bar"):
            texts = cut_all(texts, plan.widths[place])
        columns.append(texts)
    return [list(texts) for texts in zip(*columns, strict=True)]


def _header(table: Table, plan: Plan, paint: Paint) -> Iterator[str]:
    if plan.stacked and any(column.unit for column in table.columns):
        first = [column.title if column.unit else "" for column in table.columns]
        second = [column.unit or column.title for column in table.columns]
    else:
        first, second = [], [column.header for column in table.columns]
    if table.axis and table.columns[-1].align == "bar":
        legend = cut(legend_text(table.columns[-1].legend), plan.widths[-1])
        second[-1] = legend or tick_text(table.axis, plan.widths[-1])
    for titles in (first, second):
        line = (" " * plan.gap).join(
            pad(title, width, right=column.align in ("number", "right"))
            for title, column, width in zip(titles, table.columns, plan.widths, strict=False)
        )
        if line.strip():
            yield paint(line.rstrip(), "muted")


def _rule(columns: Sequence[Column], texts: Sequence[str], plan: Plan) -> str:
    """Lines above the numbers of a sum."""
    pieces = [
        ("─" if text and column.align in ("number", "right") else " ") * width
        for column, text, width in zip(columns, texts, plan.widths, strict=True)
    ]
    return (" " * plan.gap).join(pieces)


def _line(table: Table, row: Row, texts: Sequence[str], plan: Plan, paint: Paint) -> str:
    parts, place = [], 0
    style = {"muted": "muted", "sum": "bold", "group": "bold"}.get(row.style, "")
    while place < len(table.columns):
        cell, taken = row.cell(place), row.span(place)
        width = sum(plan.widths[place : place + taken]) + plan.gap * (taken - 1)
        if isinstance(cell, Bar):
            axis = table.axis
            parts.append(bar_text(cell, axis, width, paint) if axis else " " * width)
        else:
            text = cell.text if isinstance(cell, Span) else texts[place]
            right = isinstance(cell, Span) or table.columns[place].align in ("number", "right")
            padded = pad(text, width, right=right)
            parts.append(paint(padded, style) if style and text else padded)
        place += taken
    return (" " * plan.gap).join(parts)
