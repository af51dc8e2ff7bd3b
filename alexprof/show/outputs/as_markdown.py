"""GitHub's Markdown: the report for an issue, a pull request, TensorBoard's text page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from alexprof.record.run import Run
from alexprof.show.document import (
    Bar,
    Cell,
    Column,
    Document,
    Lead,
    Remark,
    RowStyle,
    Table,
    Text,
    Warn,
)
from alexprof.show.layout import bar_text, legend_text, tick_text
from alexprof.show.options import ReportOptions
from alexprof.show.palette import no_paint
from alexprof.show.report import make_document

BAR_WIDTH = 24
_TEXTS: dict[type[Text], str] = {Lead: "**{}**", Remark: "{}", Warn: "- **!** {}"}
# What GitHub, or Python-Markdown in TensorBoard, would read as markup anywhere in a line, except
# underscores inside words, which are text. Python-Markdown supports few backslash escapes.
_MARKUP = re.compile(
    r"""(?P<escaped>[\\`*\[\]]|(?<![^\W_])_|_(?![^\W_]))
    |(?P<entity>[&<>|~$])
    # A user, an issue, an address: in a pull request's comment, GitHub would notify or link them.
    |(?P<broken>@(?=\w)|\#(?=\d)|\bGH-(?=\d)|:(?=//)|\bwww(?=\.))""",
    re.VERBOSE | re.IGNORECASE,
)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "~": "&#126;", "$": "&#36;"}
_NO_WIDTH = "&#8203;"
# Starts of a heading, list or rule.
_START = re.compile(r"^(\d{0,9})(?=[-+.)](?:\s|$)|#|--)")


def render(run: Run, options: ReportOptions) -> str:
    """Renders a run as GitHub's Markdown."""
    return draw_markdown(make_document(run, options))


def draw_markdown(document: Document) -> str:
    """Draws any document as such text."""
    return "\n".join(_document(document))


def escape(text: str) -> str:
    """Escapes markup in text, except at the start of a line."""
    return _MARKUP.sub(_as_text, text)


def _as_text(markup: re.Match[str]) -> str:
    if markup["escaped"]:
        return f"\\{markup[0]}"
    return f"{markup[0]}{_NO_WIDTH}" if markup["broken"] else _ENTITIES[markup[0]]


def _paragraph(text: str) -> str:
    """Escapes all markup in a line."""
    return _START.sub(r"\1\\", escape(text.strip()))


def _document(document: Document) -> Iterator[str]:
    yield f"# AlexProf: {escape(document.name)}"
    status = f"**{document.status}** · " if document.status else ""
    yield from ("", f"{status}{_paragraph(' · '.join(document.facts))}")
    for section in document.sections:
        yield from ("", f"## {escape(section.title)}") if section.title else ()
        yield from ("", f"*{escape(section.aside)}*") if section.aside else ()
        before: Text | None = None
        for block in section.texts:
            if not (isinstance(block, Warn) and isinstance(before, Warn)):
                yield ""
            yield from _block(block)
            before = block
    if document.end:
        yield from ("", "---", "", _paragraph(document.end))


def _block(block: Text) -> Iterator[str]:
    if isinstance(block, Table):
        if block.title:
            aside = f" ({escape(block.aside)})" if block.aside else ""
            yield from (f"**{escape(block.title)}**{aside}", "")
        yield _line(_head(column, table=block) for column in block.columns)
        yield _line("--:" if column.flush_right else ":--" for column in block.columns)
        columns = map(block.cells, range(len(block.columns)))
        for row, cells in zip(block.rows, zip(*columns, strict=True), strict=True):
            yield _line(_cell(cell, row.style, block) for cell in cells)
    else:
        yield _TEXTS[type(block)].format(_paragraph(block.text))


def _head(column: Column, table: Table) -> str:
    if column.align != "bar" or column.header:
        return escape(column.header)
    return legend_text(column.legend) or _code(tick_text(table.axis, BAR_WIDTH))


def _cell(cell: Cell, style: RowStyle, table: Table) -> str:
    if isinstance(cell, Bar):
        return _code(bar_text(cell, table.axis, BAR_WIDTH, no_paint).rstrip())
    text = "&emsp;" * cell.startswith("  ") + escape(cell.strip())
    return f"**{text}**" if style in ("sum", "group") and text else text


def _code(text: str) -> str:
    """Text of characters that are equally wide, none of them swallowed."""
    return f"`{text}`" if text else ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
