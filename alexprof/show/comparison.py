"""Comparisons to text: `alexprof compare`, and what else sets runs beside each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from alexprof.analysis.changes import RunComparison
from alexprof.errors import UsageError
from alexprof.show.document import Document
from alexprof.show.options import ReportOptions
from alexprof.show.outputs.as_markdown import draw_markdown
from alexprof.show.outputs.as_text import draw_text
from alexprof.show.sections.changed import changed_sections, comparable_section
from alexprof.show.sections.changed_brief import brief_section
from alexprof.show.text import clean

Result = TypeVar("Result", bound=msgspec.Struct)

FOOTER = (
    "A share is an op’s part of a traced step. Intervals are of the change and hold what processes "
    "differ by."
)


def render_comparison(
    found: RunComparison, style: str = "text", options: ReportOptions | None = None
) -> str:
    """Renders a comparison.

    Args:
        found: The comparison.
        style: "text", "markdown" or "json".
        options: How wide, which phase, how many ops.

    Returns:
        The text, without a newline at its end.

    Raises:
        UsageError: If there is no such style or phase.
    """
    options = options or ReportOptions()
    return draw(_chosen(found, options), _document, style, options)


def draw(
    found: Result,
    document: Callable[[Result, ReportOptions], Document],
    style: str,
    options: ReportOptions,
) -> str:
    """Draws a result in a style: its fields as JSON, or a document made of it.

    Raises:
        UsageError: If there is no such style.
    """
    if style == "json":
        return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
    if style not in ("text", "markdown"):
        raise UsageError(f"no such style {style!r}: there are json, markdown, text")
    made = document(found, options)
    return draw_markdown(made) if style == "markdown" else draw_text(made, options)


def _chosen(found: RunComparison, options: ReportOptions) -> RunComparison:
    """The phase asked for."""
    if options.phase is None:
        return found
    if options.phase not in found.a.phases:
        known = ", ".join(found.a.phases) or "none"
        raise UsageError(f"no phase {options.phase!r} in {found.a.name}: it has {known}")
    return msgspec.structs.replace(
        found,
        differences=tuple(one for one in found.differences if one.phase == options.phase),
        gone=tuple(one for one in found.gone if one.phase == options.phase),
        new=tuple(one for one in found.new if one.phase == options.phase),
    )


def _document(found: RunComparison, options: ReportOptions) -> Document:
    sections = [comparable_section(found) if options.full else brief_section(found)]
    for other in found.others if options.full else ():
        sections += changed_sections(found, other, options.top)
    others = [clean(one.name) for one in found.others]
    return Document(
        name=f"{clean(found.a.name)} → {', '.join(others)}",
        status="comparable" if found.comparable else "not comparable",
        facts=(f"A {clean(found.a.name)}", f"B {' or '.join(others)}"),
        sections=tuple(sections),
        footer=FOOTER if options.full else "Each layer, kind and op: --full.",
    )
