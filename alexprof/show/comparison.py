"""Comparisons to text: `alexprof compare`, and what else sets runs beside each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from rich.cells import cell_len

from alexprof.analysis.changes import RunComparison
from alexprof.errors import check_name
from alexprof.record.json_text import json_text
from alexprof.show.document import Document
from alexprof.show.options import ReportOptions
from alexprof.show.outputs.as_markdown import draw_markdown
from alexprof.show.outputs.as_text import draw_text
from alexprof.show.sections.changed import (
    brief_section,
    changed_sections,
    comparable_section,
    of_one_run,
)

FOOTER = "A share is an op’s part of a traced step. Intervals are of the change"
BETWEEN_RUNS = "; between runs they include the variation between processes"
_BESIDE_TITLE = len("AlexProf  " + "not comparable" + "  ")


def render_comparison(
    comparison: RunComparison, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders a comparison as "text", "markdown" or "json"; without a newline at its end.

    Raises:
        UsageError: If there is no such style or phase.
    """
    options = options or ReportOptions()
    if options.phase is not None:
        comparison = one_phase(comparison, options.phase)
    return draw(comparison, lambda: _document(comparison, options), style, options)


def draw(
    result: msgspec.Struct, document: Callable[[], Document], style: str, options: ReportOptions
) -> str:
    """Draws a result in a style: its fields as JSON, or the document that is made of it.

    Raises:
        UsageError: If there is no such style.
    """
    if style == "json":
        return json_text(result, indent=2)
    check_name("style", style, ("json", "markdown", "text"))
    drawn = document()
    return draw_markdown(drawn) if style == "markdown" else draw_text(drawn, options)


def one_phase(comparison: RunComparison, phase: str) -> RunComparison:
    """What of a comparison is about a phase; a UsageError if there is no such phase."""
    check_name("phase", phase, tuple(comparison.a.phases), f" in {comparison.a.name}")
    return msgspec.structs.replace(
        comparison,
        differences=tuple(change for change in comparison.differences if change.phase == phase),
        gone=tuple(part for part in comparison.gone if part.phase == phase),
        new=tuple(part for part in comparison.new if part.phase == phase),
    )


def _document(comparison: RunComparison, options: ReportOptions) -> Document:
    if options.full:
        sections = [comparable_section(comparison)]
        for other in comparison.others:
            sections += changed_sections(comparison, other, options.top)
    else:
        sections = [brief_section(comparison)]
    footer = f"{FOOTER}{'' if of_one_run(comparison) else BETWEEN_RUNS}."
    others = [other.name for other in comparison.others]
    return Document(
        name=title(comparison.a.name, others, "A → B", options),
        status="comparable" if comparison.comparable else "not comparable",
        facts=(f"A {comparison.a.name}", f"B {' or '.join(others)}"),
        sections=tuple(sections),
        footer=footer if options.full else "Every layer, kind and op: add --full.",
    )


def title(before: str, after: Sequence[str], short: str, options: ReportOptions) -> str:
    """What is compared; the short form where the names, which stand below anyway, don't fit."""
    name = f"{before} → {', '.join(after)}"
    return name if cell_len(name) + _BESIDE_TITLE <= options.width else short
