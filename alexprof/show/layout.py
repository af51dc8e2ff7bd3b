"""Tables as lines of text: widths, decimal points, bars.

rich has tables too, but no decimal points under each other, and it cuts names without looking
whether they stay different.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rich.cells import cell_len

from alexprof.show.bars import bar_text, legend_text, tick_text
from alexprof.show.document import Bar, Row, Table
from alexprof.show.numbers import align_decimals
from alexprof.show.palette import Paint
from alexprof.show.text import cut, cut_all, pad

NAME_WHOLE = 40
"""Names up to so many cells are cut only where columns stand as near as they may."""
NAME_WANTED = 24
NAME_LEAST = 16
TEXT_MOST = 14
BAR_WANTED = 24
BAR_LEAST = 10
BAR_MOST = 44
_STYLES = {"muted": "muted", "sum": "bold", "group": "bold"}


@dataclass(frozen=True)
class Plan:
    """How wide columns are, the cells between them, and whether units stand under titles."""

    widths: tuple[int, ...]
    gap: int
    stacked: bool

    def joined(self, cells: list[str]) -> str:
        """Cells as a line."""
        return (" " * self.gap).join(cells)


def table_lines(table: Table, width: int, paint: Paint) -> list[str]:
    """Draws a table in lines of `width` cells.

    Where that is not enough, names are cut in the middle, then columns go, those with the highest
    `drop` first.
    """
    plan = _plan(table, width)
    while plan is None:
        drops = [column.drop for column in table.columns]
        table = _without(table, drops.index(max(drops)))
        plan = _plan(table, width)
    columns = [
        cut_all(texts, plan.widths[place]) if column.align in ("name", "bar") else texts
        for place, column in enumerate(table.columns)
        for texts in [_texts(table, place)]
    ]
    lines = list(_header(table, plan, paint))
    for row, *texts in zip(table.rows, *columns, strict=True):
        if row.style == "sum":
            lines.append(paint(_rule(table, texts, plan), "muted"))
        lines.append(_line(table, row, texts, plan, paint))
    return [line.rstrip() for line in lines]


def _without(table: Table, place: int) -> Table:
    rows = (replace(row, cells=row.cells[:place] + row.cells[place + 1 :]) for row in table.rows)
    columns = table.columns[:place] + table.columns[place + 1 :]
    return replace(table, columns=columns, rows=tuple(rows))


def _plan(table: Table, width: int) -> Plan | None:
    """The roomiest plan that fits; None if none does and a column can go."""
    columns = range(len(table.columns))
    texts = [_texts(table, place) for place in columns]
    names = [
        text for place in columns if table.columns[place].align == "name" for text in texts[place]
    ]
    whole = max(map(cell_len, names), default=0)
    in_bars = _bar_text_width(table)
    bar = max(BAR_WANTED, in_bars)
    gaps = (4, 3, 2)
    wishes = [(False, gap, whole, bar) for gap in gaps if NAME_WANTED < whole <= NAME_WHOLE]
    wishes += [(False, gap, NAME_WANTED, bar) for gap in gaps]
    wishes += [
        (True, 2, NAME_WANTED, bar),
        (True, 1, NAME_LEAST, max(BAR_LEAST, in_bars)),
    ]
    if not any(column.drop for column in table.columns):
        wishes += [(True, 1, NAME_LEAST, BAR_LEAST), (True, 1, 0, 0)]
    for stacked, gap, name, bar in wishes:
        if plan := _fitted(table, width, Plan((), gap, stacked), (name, bar)):
            return plan
    return None


def _fitted(table: Table, width: int, plan: Plan, least: tuple[int, int]) -> Plan | None:
    """The plan with widths: names cut to what room there is, the bars taking the rest."""
    most = _natural_widths(table, plan)
    widths = list(most)
    for place, column in enumerate(table.columns):
        if column.align == "name":
            widths[place] = min(most[place], least[0])
        elif column.align == "bar":
            widths[place], most[place] = least[1], BAR_MOST
    room = width - sum(widths) - plan.gap * (len(widths) - 1)
    if room < 0 and any(least):
        return None
    for place in range(len(widths)):
        taken = max(0, min(most[place] - widths[place], room))
        widths[place] += taken
        room -= taken
    return replace(plan, widths=tuple(widths))


def _natural_widths(table: Table, plan: Plan) -> list[int]:
    """What each column takes when nothing is cut; 0 for bars, whose header may be cut off."""
    widths = []
    for place, column in enumerate(table.columns):
        heads = (column.title, column.unit) if plan.stacked else (column.header,)
        texts = (*heads, *_texts(table, place))
        widths.append(0 if column.align == "bar" else max(map(cell_len, texts)))
    return widths


def _bar_text_width(table: Table) -> int:
    """What the texts take that stand in the column of bars."""
    column = table.columns[-1]
    if column.align != "bar":
        return 0
    texts = [row.text(len(table.columns) - 1) for row in table.rows]
    return max(map(cell_len, (legend_text(column.legend), *texts)))


def _texts(table: Table, place: int) -> list[str]:
    """The texts of a column: decimal points under each other, what stands beside names short."""
    texts = [row.text(place) for row in table.rows]
    align = table.columns[place].align
    if align == "number":
        return align_decimals(texts)
    return cut_all(texts, TEXT_MOST) if align == "text" else texts


def _header(table: Table, plan: Plan, paint: Paint) -> Iterator[str]:
    heads = [("", column.header) for column in table.columns]
    if plan.stacked and any(column.unit for column in table.columns):
        heads = [
            (column.title, column.unit) if column.unit else ("", column.title)
            for column in table.columns
        ]
    if table.axis and table.columns[-1].align == "bar":
        legend = cut(legend_text(table.columns[-1].legend), plan.widths[-1])
        heads[-1] = ("", legend or tick_text(table.axis, plan.widths[-1]))
    for titles in zip(*heads, strict=True):
        cells = zip(titles, table.columns, plan.widths, strict=True)
        line = plan.joined(
            [pad(title, size, right=column.flush_right) for title, column, size in cells]
        )
        if line.strip():
            yield paint(line.rstrip(), "muted")


def _rule(table: Table, texts: list[str], plan: Plan) -> str:
    cells = zip(texts, table.columns, plan.widths, strict=True)
    return plan.joined(
        [("─" if text and column.flush_right else " ") * size for text, column, size in cells]
    )


def _line(table: Table, row: Row, texts: list[str], plan: Plan, paint: Paint) -> str:
    parts = []
    style = _STYLES.get(row.style, "")
    for place, (column, text) in enumerate(zip(table.columns, texts, strict=True)):
        cell, width = row.cell(place), plan.widths[place]
        if isinstance(cell, Bar):
            parts.append(bar_text(cell, table.axis, width, paint) if table.axis else " " * width)
        else:
            padded = pad(text, width, right=column.flush_right)
            parts.append(paint(padded, style) if style and text else padded)
    return plan.joined(parts)
