"""Text for a terminal or a log file."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len

from alexprof.record.run import Run
from alexprof.show.document import Block, Document, Lead, Remark, Section, Table, Warn
from alexprof.show.layout import table_lines
from alexprof.show.options import ReportOptions, text_width
from alexprof.show.outputs import output
from alexprof.show.palette import Paint, no_paint, terminal_paint, two_sides, warning_lines
from alexprof.show.sections.brief import FEWEST_ROWS, MOST_LINES, MOST_ROWS, make_brief
from alexprof.show.sections.report import make_report
from alexprof.show.text import cut, wrap


@output("text")
def render_text(run: Run, options: ReportOptions) -> str:
    """Renders a run as text of `options.width` columns, but 40 at least and 100 at most.

    The short report has as many layers as there is room for on a screen.
    """
    if options.full or options.section:
        return draw_text(make_report(run, options), options)
    for rows in range(MOST_ROWS, FEWEST_ROWS, -1):
        text = draw_text(make_brief(run, options, rows), options)
        if text.count("\n") < MOST_LINES:
            break
    return text


def draw_text(document: Document, options: ReportOptions) -> str:
    """Draws any document as such text."""
    paint = terminal_paint if options.color else no_paint
    width = text_width(options)
    lines = _document(document, width, paint)
    return "\n".join(line.rstrip() for line in lines)


def _document(document: Document, width: int, paint: Paint) -> Iterator[str]:
    name = cut(document.name, width - len("AlexProf  ") - len(document.status) - 2)
    yield from two_sides(f"AlexProf  {name}", document.status, width, paint)
    yield from _joined(document.facts, width)
    if document.banner:
        yield from warning_lines(document.banner, width, paint)
    for number, section in enumerate(document.sections):
        yield from [""] if number == 0 else ["", ""]
        yield from _section(section, width, paint)
    yield ""
    if any(section.title for section in document.sections):
        yield paint("─" * width, "muted")
    if cell_len(document.footer) <= width:
        yield document.footer
    else:
        for part in document.footer.split(" · "):
            yield from wrap(part, width)


def _joined(facts: tuple[str, ...], width: int) -> Iterator[str]:
    """Facts with dots between them; a line ends between two facts."""
    line = ""
    for fact in facts:
        longer = f"{line} · {fact}" if line else fact
        if line and cell_len(longer) > width:
            yield line
            longer = fact
        line = cut(longer, width)
    yield line


def _section(section: Section, width: int, paint: Paint) -> Iterator[str]:
    if section.title:
        yield from two_sides(section.title, section.aside, width, paint)
        yield paint("─" * width, "muted")
    before: Block | None = None
    for block in section.blocks:
        same_kind = isinstance(block, Lead | Remark | Warn) and type(block) is type(before)
        if before is not None and not same_kind:
            yield ""
        yield from _block(block, width, paint)
        before = block


def _block(block: Block, width: int, paint: Paint) -> Iterator[str]:
    if isinstance(block, Table):
        if block.title:
            yield from two_sides(block.title, block.aside, width, paint)
        yield from table_lines(block, width, paint)
    elif isinstance(block, Warn):
        yield from warning_lines(block.text, width, paint)
    else:
        style = "bold" if isinstance(block, Lead) else ""
        for line in wrap(block.text, width):
            yield paint(line, style) if style else line
