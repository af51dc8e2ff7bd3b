"""GitHub's Markdown: the report for an issue, a pull request, TensorBoard's text page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from alexprof.record.run import Run
from alexprof.show.bars import POINTS, bar_text, legend_text
from alexprof.show.document import (
    Bar,
    Block,
    Cell,
    Column,
    Document,
    Lead,
    Row,
    Table,
    Warn,
)
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import output
from alexprof.show.palette import no_paint
from alexprof.show.sections.brief import make_brief
from alexprof.show.sections.report import make_report

BAR_WIDTH = 24
# What GitHub would read as markup, in any place of a line. Underscores inside words are text.
_MARKUP = re.compile(r"([\\`*\[\]<>|~]|(?<!\w)_|_(?!\w))")


@output("markdown")
def render_markdown(run: Run, options: ReportOptions) -> str:
    """Renders a run as GitHub's Markdown."""
    whole = options.full or options.section
    return draw_markdown(make_report(run, options) if whole else make_brief(run, options))


def draw_markdown(document: Document) -> str:
    """Draws any document as such text."""
    return "\n".join(_document(document))


def escape(text: str) -> str:
    """Text in which nothing is markup."""
    return _MARKUP.sub(r"\\\1", text.replace("&", "&amp;"))


def _document(document: Document) -> Iterator[str]:
    yield f"# AlexProf: {escape(document.name)}"
    status = f"**{document.status}** · " if document.status else ""
    yield from ("", f"{status}{escape(' · '.join(document.facts))}")
    if document.banner:
        yield from ("", f"> **!** {escape(document.banner)}")
    for section in document.sections:
        yield from ("", f"## {escape(section.title)}") if section.title else ()
        yield from ("", f"*{escape(section.aside)}*") if section.aside else ()
        before: Block | None = None
        for block in section.blocks:
            same_list = isinstance(block, Warn) and isinstance(before, Warn)
            yield from ([] if same_list else [""])
            yield from _block(block)
            before = block
    yield from ("", "---", "", escape(document.footer))


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Table):
        if block.title:
            aside = f" ({escape(block.aside)})" if block.aside else ""
            yield from (f"**{escape(block.title)}**{aside}", "")
        yield from _table(block)
    elif isinstance(block, Warn):
        yield f"- **!** {escape(block.text)}"
    else:
        text = escape(block.text)
        yield f"**{text}**" if isinstance(block, Lead) else text


def _table(table: Table) -> Iterator[str]:
    places = [place for place, column in enumerate(table.columns) if _drawable(table, column)]
    columns = [table.columns[place] for place in places]
    yield _line(escape(column.header or legend_text(column.legend)) for column in columns)
    yield _line("--:" if column.flush_right else ":--" for column in columns)
    for row in table.rows:
        yield _line(_cell(row.cell(place), row, table) for place in places)


def _drawable(table: Table, column: Column) -> bool:
    """Markdown swallows spaces: bars that begin at the left are drawn, points are not."""
    if column.align != "bar":
        return True
    bars = [cell for row in table.rows for cell in row.cells if isinstance(cell, Bar)]
    low = table.axis.low if table.axis else 0.0
    if any(piece.mark in POINTS for bar in bars for piece in bar.pieces):
        return False
    return all(bar.pieces[0].start == low for bar in bars if bar.pieces)


def _cell(cell: Cell, row: Row, table: Table) -> str:
    if isinstance(cell, Bar):
        return bar_text(cell, table.axis, BAR_WIDTH, no_paint).rstrip() if table.axis else ""
    indented = "&emsp;" * cell.startswith("  ") + escape(cell.strip())
    bold = row.style in ("sum", "group") and indented
    return f"**{indented}**" if bold else indented


def _line(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"
