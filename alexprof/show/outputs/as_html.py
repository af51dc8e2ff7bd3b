"""HTML for notebooks: one element that needs nothing around it and changes nothing around it.

Styles stand in each element, because notebooks drop style sheets when they are saved or shared.
Colors and sizes are those of the dashboard's light theme.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from rich.cells import cell_len

from alexprof.record.run import Run
from alexprof.show.document import (
    Axis,
    Bar,
    Column,
    Document,
    Lead,
    Remark,
    RowStyle,
    Table,
    Text,
    Warn,
)
from alexprof.show.layout import bar_text, column_texts, legend_text, tick_text, wide_spaces
from alexprof.show.options import ReportOptions
from alexprof.show.palette import EDGE, GRID, INK, MUTED, PAPER, RULE, WARN, color_on_white
from alexprof.show.report import make_document
from alexprof.show.text import cut_all

FONT = (
    "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Liberation Sans',sans-serif;"
    "font-variant-numeric:tabular-nums"
)
LONG = 60
"""A name of more letters is cut, as in a terminal; its title has the whole."""
BAR_WIDTH = 36
_HEAD = (
    f"font-weight:400;font-size:12px;line-height:16px;color:{MUTED};background:none;border:0;"
    f"border-bottom:1px solid {EDGE};padding:4px 8px;vertical-align:bottom"
)
_CELL = "padding:3px 8px;white-space:nowrap;border:0"
_ROWS: dict[RowStyle, str] = {
    "plain": f"border-bottom:1px solid {GRID}",
    "muted": f"border-bottom:1px solid {GRID};color:{MUTED}",
    "group": f"border-bottom:1px solid {GRID};font-weight:600;padding-top:8px",
    "sum": f"border-top:1px solid {EDGE};font-weight:600",
}
_TEXTS: dict[type[Text], str] = {
    Lead: "font-size:18px;line-height:26px;font-weight:600",
    Remark: f"margin:4px 0;max-width:72em;color:{MUTED}",
    Warn: f"border-left:3px solid {WARN};padding:2px 0 2px 12px;margin:4px 0",
}


def render(run: Run, options: ReportOptions) -> str:
    """Renders a run as one HTML element."""
    return "\n".join(_document(make_document(run, replace(options, full=True))))


def _element(name: str, style: str, content: str, attributes: str = "") -> str:
    return f'<{name} style="{style}"{attributes}>{content}</{name}>'


def _titled(title: str, aside: str) -> str:
    """A title and, muted, what stands beside it."""
    return f"{title} {_element('span', f'font-weight:400;color:{MUTED}', escape(aside))}"


def _document(document: Document) -> Iterator[str]:
    box = f"background:{PAPER};color:{INK};padding:12px 16px;max-width:980px;font:14px/20px {FONT}"
    yield f'<div style="{box}">'
    title = _titled(f"<b>AlexProf</b> {escape(document.name)}", document.status)
    yield _element("div", "font-size:16px", title)
    yield _element("div", f"color:{MUTED}", escape(" · ".join(document.facts)))
    for section in document.sections:
        if section.title:
            title = _titled(escape(section.title), section.aside)
            yield _element("div", f"margin:24px 0 4px;font-weight:600;color:{MUTED}", title)
        for block in section.texts:
            if isinstance(block, Table):
                yield from _table(block)
            else:
                yield _element("div", _TEXTS[type(block)], escape(block.text))
    if document.end:
        line = f"margin-top:24px;border-top:1px solid {RULE};padding-top:8px;color:{MUTED}"
        yield _element("div", f"{line};font-size:12px", escape(document.end))
    yield "</div>"


def _table(table: Table) -> Iterator[str]:
    if table.title:
        title = _titled(escape(table.title), table.aside)
        yield _element("div", "font-weight:600;margin-top:16px", title)
    yield '<div style="overflow-x:auto">'
    frame = f"border-collapse:collapse;margin:4px 0 8px;font-size:13px;color:{INK};border:0"
    yield f'<table style="{frame}">'
    heads = "".join(_head(column, table.axis) for column in table.columns)
    yield f"<thead><tr>{heads}</tr></thead><tbody>"
    columns = [list(_cells(table, place)) for place in range(len(table.columns))]
    for cells in zip(*columns, strict=True):
        yield _element("tr", "background:none", "".join(cells))
    yield "</tbody></table></div>"


def _head(column: Column, axis: Axis) -> str:
    content = escape(column.title)
    if column.unit:
        content += f'<br/><span style="font-size:11px">{escape(column.unit)}</span>'
    if column.align == "bar":
        content = _drawn(legend_text(column.legend) or tick_text(axis, BAR_WIDTH))
    return _element("th", f"text-align:{_side(column)};{_HEAD}", content)


def _drawn(text: str) -> str:
    """Text of characters that are equally wide."""
    return _element("span", "white-space:pre;font:12px/1 monospace", text)


def _paint(text: str, style: str) -> str:
    return f'<span style="color:{color_on_white(style)}">{text}</span>'


def _side(column: Column) -> str:
    return "right" if column.flush_right else "left"


def _cells(table: Table, place: int) -> Iterator[str]:
    column, cells = table.columns[place], table.cells(place)
    texts = column_texts(table, place, LONG)
    if column.align == "name":
        texts = cut_all(texts, LONG)
    for row, cell, text in zip(table.rows, cells, texts, strict=True):
        style = f"{_CELL};{_ROWS[row.style]}"
        if isinstance(cell, Bar):
            yield _element("td", style, _drawn(bar_text(cell, table.axis, BAR_WIDTH, _paint)))
            continue
        style += f";text-align:{_side(column)}" + ";padding-left:20px" * text.startswith("  ")
        # Kernels of templates have names of thousands of letters.
        title = f' title="{escape(cell.strip(" "))}"' if cell_len(cell) > LONG else ""
        yield _element("td", style, escape(wide_spaces(text).strip(" ")), title)
