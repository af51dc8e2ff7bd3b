"""HTML for notebooks: one element that needs nothing around it and changes nothing around it.

Styles stand in each element, because notebooks drop style sheets when they are saved or shared.
Colours and sizes are those of the dashboard's light theme.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from rich.cells import cell_len

from alexprof.record.run import Run
from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Column,
    Document,
    Lead,
    Piece,
    Row,
    Table,
    Warn,
)
from alexprof.show.numbers import align_decimals
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import output
from alexprof.show.palette import EDGE, GRID, INK, MUTED, PAPER, RULE, WARN, kind_color
from alexprof.show.sections.report import make_report
from alexprof.show.text import cut_all

FONT = (
    "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Liberation Sans',sans-serif;"
    "font-variant-numeric:tabular-nums"
)
BAR_WIDTH_PX = 260
_FIGURE_SPACE, _POINT_SPACE = "\u2007", "\u2008"


@output("html")
def render_html(run: Run, options: ReportOptions) -> str:
    """Renders a run as one HTML element."""
    return "\n".join(_document(make_report(run, options)))


LONG = 60
"""A name of more letters is cut, as in a terminal; its title has the whole."""


def _element(name: str, style: str, content: str, attributes: str = "") -> str:
    return f'<{name} style="{style}"{attributes}>{content}</{name}>'


def _muted(text: str) -> str:
    return _element("span", f"font-weight:400;color:{MUTED}", escape(text))


def _document(document: Document) -> Iterator[str]:
    box = f"background:{PAPER};color:{INK};padding:12px 16px;max-width:980px;font:14px/20px {FONT}"
    yield f'<div style="{box}">'
    name = f"<b>AlexProf</b> {escape(document.name)} {_muted(document.status)}"
    yield _element("div", "font-size:16px", name)
    yield _element("div", f"color:{MUTED}", escape(" · ".join(document.facts)))
    if document.banner:
        yield _warning(document.banner)
    for section in document.sections:
        title = f"{escape(section.title)} {_muted(section.aside)}"
        yield _element("div", f"margin:24px 0 4px;font-weight:600;color:{MUTED}", title)
        for block in section.blocks:
            yield from _block(block)
    line = f"margin-top:24px;border-top:1px solid {RULE};padding-top:8px;color:{MUTED}"
    yield _element("div", f"{line};font-size:12px", escape(document.footer))
    yield "</div>"


def _warning(text: str) -> str:
    return _element(
        "div", f"border-left:3px solid {WARN};padding:2px 0 2px 12px;margin:4px 0", escape(text)
    )


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, Warn):
        yield _warning(block.text)
    elif isinstance(block, Lead):
        yield _element("div", "font-size:18px;line-height:26px;font-weight:600", escape(block.text))
    else:
        yield _element("div", f"margin:4px 0;max-width:72em;color:{MUTED}", escape(block.text))


def _table(table: Table) -> Iterator[str]:
    if table.title:
        title = f"{escape(table.title)} {_muted(table.aside)}"
        yield _element("div", "font-weight:600;margin-top:16px", title)
    yield '<div style="overflow-x:auto">'
    frame = f"border-collapse:collapse;margin:4px 0 8px;font-size:13px;color:{INK};border:0"
    yield f'<table style="{frame}">'
    heads = "".join(_head(column, table.axis) for column in table.columns)
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    columns = [_texts(table, place) for place in range(len(table.columns))]
    for row, texts in zip(table.rows, zip(*columns, strict=True), strict=True):
        cells = (_cell(table, row, place, text) for place, text in enumerate(texts))
        yield _element("tr", "background:none", "".join(cells))
    yield "</tbody></table></div>"


def _texts(table: Table, place: int) -> list[str]:
    """A column's texts: names short, decimal points under each other by spaces wide as digits."""
    texts = [row.text(place) for row in table.rows]
    if table.columns[place].align in ("name", "text"):
        return cut_all(texts, LONG)
    if table.columns[place].align != "number":
        return texts
    return [_wide_spaces(text) for text in align_decimals(texts)]


def _wide_spaces(text: str) -> str:
    number = text.rstrip(" ")
    missing = len(text) - len(number)
    if missing and "." not in number:
        return number + _POINT_SPACE + _FIGURE_SPACE * (missing - 1)
    return number + _FIGURE_SPACE * missing


def _side(column: Column) -> str:
    return "right" if column.flush_right else "left"


def _head(column: Column, axis: Axis | None) -> str:
    content = escape(column.title)
    if column.unit:
        content += f'<br><span style="font-size:11px">{escape(column.unit)}</span>'
    if column.align == "bar" and axis:
        content = _legend(column) or _ticks(axis)
    style = f"font-weight:400;font-size:12px;line-height:16px;color:{MUTED};background:none"
    lines = f"border:0;border-bottom:1px solid {EDGE};padding:4px 8px;vertical-align:bottom"
    return _element("th", f"text-align:{_side(column)};{style};{lines}", content)


def _cell(table: Table, row: Row, place: int, text: str) -> str:
    cell = row.cell(place)
    style = f"padding:3px 8px;white-space:nowrap;border:0;{_row_style(row)}"
    if isinstance(cell, Bar):
        return _element("td", style, _bar(cell, table.axis) if table.axis else "")
    style += f";text-align:{_side(table.columns[place])}"
    if text.startswith("  "):
        style += ";padding-left:20px"
    title = ""
    if cell_len(cell) > LONG:  # kernels of templates have names of thousands of letters
        title = f' title="{escape(cell.strip(" "))}"'
    return _element("td", style, escape(text.strip(" ")), title)


def _row_style(row: Row) -> str:
    return {
        "plain": f"border-bottom:1px solid {GRID}",
        "muted": f"border-bottom:1px solid {GRID};color:{MUTED}",
        "group": f"border-bottom:1px solid {GRID};font-weight:600;padding-top:8px",
        "sum": f"border-top:1px solid {EDGE};font-weight:600",
    }[row.style]


def _bar(bar: Bar, axis: Axis) -> str:
    pieces = "".join(_piece(piece, axis) for piece in bar.pieces)
    return _element("div", f"position:relative;width:{BAR_WIDTH_PX}px;height:12px", pieces)


def _piece(piece: Piece, axis: Axis) -> str:
    start, end = sorted((piece.start, piece.end))
    left = max(0.0, axis.place(start) * 100)
    width = min(100.0, axis.place(end) * 100) - left
    place = f"position:absolute;box-sizing:border-box;left:{left:.2f}%;width:{width:.2f}%"
    look = _whisker(start, end, axis) if piece.mark == "interval" else _look(piece)
    return _element("span", f"{place};min-width:1px;{look}", "")


def _whisker(start: float, end: float, axis: Axis) -> str:
    caps = [
        f"border-{side}:2px solid {INK}"
        for side, inside in (("left", start >= axis.low), ("right", end <= axis.high))
        if inside
    ]
    line = f"linear-gradient({INK},{INK}) center/100% 2px no-repeat"
    return ";".join(["top:1px;height:10px", f"background:{line}", *caps])


def _look(piece: Piece) -> str:
    color = kind_color(piece.kind)
    whole = "top:0;height:12px"
    if piece.mark == "idle":
        dots = f"radial-gradient({EDGE} 1px,transparent 1.2px) 0 0/4px 4px"
        return f"{whole};border:1px solid {EDGE};background:{dots}"
    if piece.mark in ("backward", "pass"):
        stripes = f"{color}bd 0 2px,{color}29 2px 6px"
        angle = 45 if piece.mark == "backward" else 90
        return f"{whole};background:repeating-linear-gradient({angle}deg,{stripes})"
    return f"{whole};background:{INK if piece.mark == 'measured' else color}"


def _legend(column: Column) -> str:
    swatch = "display:inline-block;width:14px;margin:0 4px 0 0;vertical-align:-2px"
    return " ".join(
        _element("span", f"{swatch};{_look(Piece(0, 0, mark))}", "")
        + _element("span", "margin-right:10px", escape(text))
        for mark, text in column.legend
    )


def _ticks(axis: Axis) -> str:
    style = "position:absolute;left:{:.2f}%;transform:translateX(-50%)"
    labels = "".join(
        _element("span", style.format(axis.place(tick) * 100), axis.label(tick))
        for tick in axis.ticks
    )
    return _element("div", f"position:relative;width:{BAR_WIDTH_PX}px;height:16px", labels)
