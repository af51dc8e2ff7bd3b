"""Text for a terminal or a log file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from alexprof.record.run import Run
from alexprof.show.document import Document, Lead, Section, Table, Text, Warn
from alexprof.show.layout import table_lines, two_sides, warning_lines
from alexprof.show.options import ReportOptions, text_width
from alexprof.show.palette import Paint, no_paint, terminal_paint
from alexprof.show.report import make_document
from alexprof.show.sections.brief import MOST_LINES, SIZES
from alexprof.show.text import cut, wrap


def render(run: Run, options: ReportOptions) -> str:
    """Renders a run as text of `options.width` columns, but 40 at least and 100 at most.

    The short report has as many layers and findings as there is room for on a screen.
    """
    for size in SIZES:
        text = draw_text(make_document(run, options, size), options)
        if options.whole or text.count("\n") < MOST_LINES:
            break
    return text


def draw_text(document: Document, options: ReportOptions) -> str:
    """Draws any document as such text."""
    paint = terminal_paint if options.color else no_paint
    return "\n".join(line.rstrip() for line in _document(document, text_width(options), paint))


def _document(document: Document, width: int, paint: Paint) -> Iterator[str]:
    name = cut(document.name, width - len("AlexProf  ") - len(document.status) - 2)
    yield from two_sides(f"AlexProf  {name}", document.status, width, paint)
    for line in _joined(document.facts, width):
        yield from wrap(line, width)
    for number, section in enumerate(document.sections):
        yield from ["", ""] if number and section.title else [""]
        yield from _section(section, width, paint)
    if document.end:
        yield ""
        if any(section.title for section in document.sections):
            yield paint("─" * width, "muted")
        yield from wrap(document.footer, width) if document.footer else ()
        yield from _joined(document.commands, width)


def _joined(parts: Sequence[str], width: int) -> Iterator[str]:
    """Parts with dots between them; a line ends between two, where they fit."""
    line = ""
    for part in parts:
        longer = f"{line} · {part}" if line else part
        if line and cell_len(longer) > width:
            yield line
            longer = part
        line = longer
    yield from [line] if line else []


def _section(section: Section, width: int, paint: Paint) -> Iterator[str]:
    if section.title:
        yield from two_sides(section.title, section.aside, width, paint)
        yield paint("─" * width, "muted")
    before: Text | None = None
    for block in section.texts:
        if before and (isinstance(block, Table) or type(block) is not type(before)):
            yield ""
        if isinstance(block, Table):
            yield from two_sides(block.title, block.aside, width, paint) if block.title else ()
            yield from table_lines(block, width, paint)
        elif isinstance(block, Warn):
            yield from warning_lines(block.text, width, paint)
        else:
            style = "bold" if isinstance(block, Lead) else ""
            yield from (paint(line, style) for line in wrap(block.text, width))
        before = block
