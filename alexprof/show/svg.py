"""Charts as SVG and PNG, made without a browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from alexprof.show.document import Figure
from alexprof.show.palette import KINDS, LIGHT, OTHER, kind_name

_VARIABLE = re.compile(r"var\(--([a-z0-9-]+)\)")
_OPENING = re.compile(r"<svg[^>]*>")
DEFAULT_WIDTH = 1000


def patterns() -> str:
    """The SVG definitions of hatching by kind (2 of 6 pixels at 45°, over a tint) and of dots."""
    names = [kind_name(kind) for kind in (*KINDS, OTHER)]
    hatches = "".join(
        f'<pattern id="hatch-{name}" width="6" height="6" patternUnits="userSpaceOnUse" '
        f'patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--bg)"/>'
        f'<rect width="6" height="6" fill="var(--kind-{name})" fill-opacity="0.18"/>'
        f'<rect width="2" height="6" fill="var(--kind-{name})"/></pattern>'
        for name in names
    )
    dots = (
        '<pattern id="dots" width="4" height="4" patternUnits="userSpaceOnUse">'
        '<rect width="4" height="4" fill="var(--bg)"/>'
        '<circle cx="1" cy="1" r="0.8" fill="var(--edge)"/></pattern>'
    )
    return f"<defs>{hatches}{dots}</defs>"


def figure_svg(figure: Figure, width: int = DEFAULT_WIDTH, *, colors: bool = True) -> str:
    """Draws a chart.

    Args:
        figure: The chart.
        width: In pixels.
        colors: Whether to write the light palette's colors; otherwise the names stay, and the page
            around it has to define them and the `patterns`.
    """
    import vl_convert

    svg: str = vl_convert.vegalite_to_svg(json.dumps(sized(figure.spec, width)))
    if not colors:
        return svg
    opening = _OPENING.search(svg)
    assert opening is not None
    svg = svg[: opening.end()] + patterns() + svg[opening.end() :]
    return _VARIABLE.sub(lambda name: LIGHT[name[1]], svg)


def figure_png(figure: Figure, width: int = DEFAULT_WIDTH, scale: float = 2.0) -> bytes:
    """Draws a chart with its title as a PNG, on white."""
    import vl_convert

    svg = figure_svg(replace(figure, spec=titled(figure)), width)
    opening = _OPENING.search(svg)
    assert opening is not None
    paper = f'<rect width="100%" height="100%" fill="{LIGHT["bg"]}"/>'
    svg = svg[: opening.end()] + paper + svg[opening.end() :]
    return bytes(vl_convert.svg_to_png(svg, scale=scale))


def titled(figure: Figure) -> dict[str, Any]:
    """The specification of a chart that stands alone, with its title above it."""
    title = {
        "text": figure.title,
        "subtitle": figure.aside,
        "anchor": "start",
        "frame": "group",
        "color": "var(--ink)",
        "subtitleColor": "var(--muted)",
        "fontSize": 14,
        "subtitleFontSize": 12,
        "offset": 24,
    }
    return {**figure.spec, "title": title, "padding": 16}


def sized(spec: Any, width: int) -> dict[str, Any]:
    """A specification of a certain width, where it was as wide as its place."""
    sized_spec = dict(spec)
    if sized_spec.get("width") == "container":
        sized_spec["width"] = width
    return sized_spec
