"""Charts drawn without a browser: colors, hatching, and text that stays text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from alexprof.show.document import Figure
from alexprof.show.figures.base import FOCUS, INK, chart, numbered, outlined
from alexprof.show.palette import DARK, LIGHT, hatching, kind_color
from alexprof.show.svg import figure_png, figure_svg

HOSTILE = '<img src=x onerror="alert(1)">&amp;\'"]]>'


def figure(*names):
    rows = numbered(
        {"from": place, "to": place + 1, "name": name, "fill": fill}
        for place, (name, fill) in enumerate(names)
    )
    x, x2 = {"field": "from", "type": "quantitative"}, {"field": "to"}
    fill = {"field": "fill", "scale": None}
    layers = [
        {"mark": "rect", "encoding": {"x": x, "x2": x2, "fill": fill, "stroke": outlined(INK)}},
        {"mark": "text", "encoding": {"x": x, "text": {"field": "name"}}},
    ]
    spec = chart({"params": [FOCUS], "data": {"values": rows}, "layer": layers}, height=40)
    return Figure("blocks", "Blocks", spec, "Two blocks.")


def test_colors_are_those_of_the_palette_and_hatching_is_defined():
    svg = figure_svg(figure(("a", kind_color("Conv2D")), ("b", hatching("LRN"))), 600)
    assert "var(" not in svg
    root = ET.fromstring(svg)
    assert root.get("width") == "600"
    fills = {element.get("fill") for element in root.iter()}
    assert {LIGHT["kind-conv2d"], "url(#hatch-lrn)"} <= fills
    assert "hatch-lrn" in {element.get("id") for element in root.iter()}


def test_a_page_s_own_colors_stay_names():
    svg = figure_svg(figure(("a", kind_color("Conv2D"))), 600, colors=False)
    assert "var(--kind-conv2d)" in svg
    assert "<defs><pattern" not in svg


def test_names_are_text():
    root = ET.fromstring(figure_svg(figure((HOSTILE, kind_color("Relu"))), 600))
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "img" not in tags
    assert HOSTILE in {element.text for element in root.iter() if element.text}


def test_a_picture_is_a_png():
    assert figure_png(figure(("a", kind_color("Relu"))), 300).startswith(b"\x89PNG")


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_themes_have_the_same_names(colors):
    assert colors.keys() == LIGHT.keys()


def test_largest_other_kinds_borrow_free_colors():
    from alexprof.show.palette import OTHER, colored, kind_legend, kind_name

    assert kind_name("MatMul") == OTHER
    with colored(["MatMul", "Conv2D", "Softmax", "Tanh", "Mul", "Add"]):
        assert kind_name("Conv2D") == "conv2d"
        names = [kind_name(kind) for kind in ("MatMul", "Softmax", "Tanh", "Mul")]
        assert names == ["lrn", "maxpool", "relu", OTHER]
        legend = dict(kind_legend(["Conv2D", "MatMul", "Mul"]))
        assert legend["var(--kind-lrn)"] == "MatMul"
        assert legend["var(--kind-other)"] == "other kinds"
    assert kind_name("MatMul") == OTHER
