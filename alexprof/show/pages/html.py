"""The pages in one HTML file that needs nothing else: no network, no script, charts as SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape
from importlib.resources import files
from itertools import count
from typing import Any

from alexprof.show.document import (
    Bar,
    Block,
    Choice,
    Column,
    Columns,
    Document,
    Figure,
    Lanes,
    Lead,
    Links,
    Section,
    Table,
    Warn,
    cleaned,
)
from alexprof.show.layout import page_cells
from alexprof.show.pages import PAGES, Page
from alexprof.show.pages.bars import bar_svg, legend_mark
from alexprof.show.pages.values import block_values
from alexprof.show.pages.view import Choices, PageView, Source
from alexprof.show.palette import style_sheet
from alexprof.show.report import make_document
from alexprof.show.svg import figure_svg, patterns

FIGURE_WIDTH = 1070
_GUTTER = 24
_CLIP = re.compile(r"""(id="|url\(#)(?=clip|gradient)""")
_numbers = count(1)


def html_report(source: Source) -> str:
    """Makes the page of a run; an error if one of its tables is damaged (`load_costs`)."""
    view = PageView.of(source, Choices())
    document = make_document(source.run, replace(view.options, full=False))
    with view.colored():
        return "\n".join(_lines(view, document)) + "\n"


def _lines(view: PageView, document: Document) -> Iterator[str]:
    style = files("alexprof.show.pages").joinpath("report.css").read_text(encoding="utf-8")
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>AlexProf: {escape(document.name)}</title>"
    yield f"<style>{style_sheet()}{style}</style></head><body>"
    yield '<svg width="0" height="0" style="position:absolute" aria-hidden="true">'
    yield f"{patterns()}</svg>"
    yield f"<header><h1>AlexProf: {escape(document.name)}</h1>"
    status = "" if view.run.complete else f"{document.status} · "
    yield f"<p>{escape(status + ' · '.join(document.facts))}</p></header>"
    links = "".join(f'<a href="#{name}">{escape(page.label)}</a>' for name, page in PAGES.items())
    yield f"<nav>{links}</nav><main>"
    for name, page in PAGES.items():
        yield f'<section id="{name}">'
        yield from _page(view, page)
        yield "</section>"
    commands = "".join(f"<p><code>{escape(command)}</code></p>" for command in document.commands)
    yield f"</main><footer>{commands}</footer></body></html>"


def _page(view: PageView, page: Page) -> Iterator[str]:
    """A page for every variant and phase that it can be about; what they share stands once."""
    shown: list[dict[str, Any]] = []
    for place, (variant, key) in enumerate(_looks(view, page)):
        choices = replace(view.choices, variant=variant, phase=key)
        looked = replace(PageView.of(Source(view.run, view.tables), choices), static=True)
        section = cleaned(page.make(looked))
        blocks = tuple(_new(section.blocks, shown))
        if place == 0:
            yield f"<h2>{_titled(section.title, '')}</h2>"
        if blocks:
            yield from _part(looked, page, section, blocks)


def _part(view: PageView, page: Page, section: Section, blocks: tuple[Block, ...]) -> Iterator[str]:
    phase = view.phase_label(view.key) if view.several_phases else ""
    variant = view.variant_label(view.variant) if page.variant == "one" else ""
    title = ", ".join(filter(None, (phase, variant)))
    if title and not section.aside.startswith(title):
        yield f"<h3>{_titled(title, section.aside)}</h3>"
    elif section.aside:
        yield f"<h3>{escape(section.aside)}</h3>"
    yield from _blocks(blocks)


def _looks(view: PageView, page: Page) -> Iterator[tuple[str, str]]:
    variants = list(view.run.variants) if page.variant == "one" else [view.variant]
    for variant in variants or [""]:
        phases = [key for key in view.run.phase_keys if view.phase(variant, key)]
        for key in phases or [""]:
            yield variant, key


def _new(blocks: Iterable[Block], shown: list[dict[str, Any]]) -> Iterator[Block]:
    """The blocks that were not shown before."""
    for block in blocks:
        if isinstance(block, Columns):
            main, side = (tuple(_new(part, shown)) for part in (block.main, block.side))
            if main and side:
                yield Columns(main, side)
            else:
                yield from main or side
        elif not isinstance(block, Choice):
            values = block_values((block,))[0]
            if values not in shown:
                shown.append(values)
                yield block


def _blocks(blocks: Iterable[Block], width: int = FIGURE_WIDTH) -> Iterator[str]:
    for block in blocks:
        if isinstance(block, Columns):
            side = (width - _GUTTER) // 4
            yield '<div class="columns"><div>'
            yield from _blocks(block.main, width - _GUTTER - side)
            yield "</div><div>"
            yield from _blocks(block.side, side)
            yield "</div></div>"
        elif isinstance(block, Table):
            yield from _table(block)
        elif isinstance(block, Figure):
            yield from _figure(block, next(_numbers), width)
        elif not isinstance(block, Choice | Lanes | Links):
            kind = "lead" if isinstance(block, Lead) else "warn" if isinstance(block, Warn) else ""
            yield f'<p class="{kind or "remark"}">{escape(block.text)}</p>'


def _titled(title: str, aside: str) -> str:
    return escape(title) + (f" <span>{escape(aside)}</span>" if aside else "")


def _figure(figure: Figure, number: int, width: int) -> Iterator[str]:
    svg = figure_svg(figure, width, colors=False)
    # Charts of one page have clips of the same names, of which a page takes the first.
    svg = _CLIP.sub(rf"\g<1>figure{number}-", svg)
    legend = "".join(f"{_swatch(fill)} {escape(label)} " for fill, label in figure.legend)
    yield f'<figure role="img" aria-label="{escape(figure.summary)}">'
    yield f"<figcaption>{_titled(figure.title, figure.aside)}</figcaption>"
    yield from (f'<p class="remark">{legend}</p>',) if legend else ()
    yield f"{svg}</figure>"


def _swatch(fill: str) -> str:
    return (
        f'<svg class="legend" aria-hidden="true"><rect width="10" height="10" fill="{fill}"/></svg>'
    )


def _table(table: Table) -> Iterator[str]:
    yield '<div class="scroll"><table>'
    if table.title:
        yield f"<caption>{_titled(table.title, table.aside)}</caption>"
    yield f"<thead><tr>{''.join(map(_head, table.columns))}</tr></thead><tbody>"
    columns = [page_cells(table, place) for place in range(len(table.columns))]
    for row, cells in zip(table.rows, zip(*columns, strict=True), strict=True):
        drawn = (
            _cell(column, cell, table) for column, cell in zip(table.columns, cells, strict=True)
        )
        yield f'<tr class="{row.style}">{"".join(drawn)}</tr>'
    yield "</tbody></table></div>"


def _head(column: Column) -> str:
    unit = f"<small>{escape(column.unit)}</small>" if column.unit else ""
    legend = " ".join(f"{legend_mark(mark)}{escape(label)}" for mark, label in column.legend)
    side = ' class="right"' if column.flush_right else ""
    return f'<th scope="col"{side}>{escape(column.title)}{unit}{legend}</th>'


def _cell(column: Column, cell: Bar | str, table: Table) -> str:
    if isinstance(cell, Bar):
        return f"<td>{bar_svg(cell, cell.axis or table.axis)}</td>"
    kind = "right" if column.flush_right else "indent" if cell.startswith("  ") else ""
    return f"<td{f' class={kind!r}' if kind else ''}>{escape(cell.strip(' '))}</td>"
