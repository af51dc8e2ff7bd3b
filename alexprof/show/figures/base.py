"""What all charts share: fonts, axes, colors by name, and how their marks are pointed at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""Names the format; nothing is fetched from there."""
FONT = '-apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", sans-serif'
INK, MUTED, EDGE, GRID, RULE, PAPER, WARN = (
    f"var(--{name})" for name in ("ink", "muted", "edge", "grid", "rule", "bg", "warn")
)
DOTS = "url(#dots)"
"""Fills idle time."""
FOCUS = {"name": "focus", "value": -1}
"""The parameter that holds the `id` of the value that the keyboard is at."""
FOCUSED = "datum.id === focus"
_AXIS = {
    "labelColor": MUTED,
    "labelFontSize": 11,
    "titleColor": MUTED,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "gridColor": GRID,
    "domainColor": EDGE,
    "tickColor": EDGE,
    "tickSize": 4,
    "labelPadding": 4,
}
_CONFIG = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "axis": _AXIS,
    "mark": {"aria": False},  # a page says what a figure shows, and what is pointed at
    "text": {"fontSize": 11, "color": INK},
    "legend": {"disable": True},
    "padding": 0,
}

Spec = dict[str, Any]


def chart(content: Mapping[str, Any], *, height: int | None = None) -> Spec:
    """Completes a specification: as wide as its place, in the house's fonts and colors.

    Args:
        content: The marks and encodings, or `layer`, `hconcat`, …, with their data.
        height: In pixels; None where the content sets its own.
    """
    spec: Spec = {
        "$schema": SCHEMA,
        "config": _CONFIG,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }
    if not {"hconcat", "vconcat", "concat"} & content.keys():
        spec["width"] = "container"
    if height is not None:
        spec["height"] = height
    return spec | dict(content)


def numbered(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of data with their `id`: their place in the order of the arrow keys."""
    return [{"id": place, **row} for place, row in enumerate(rows)]


def outlined(otherwise: str | None = None) -> Spec:
    """The encoding `stroke` of a mark that shows where the keyboard is."""
    return {"condition": {"test": FOCUSED, "value": INK}, "value": otherwise}
