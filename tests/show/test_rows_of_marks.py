"""The charts of savings and changes: what their marks and texts say is what the record says."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from functools import cache

import msgspec
import pytest

from alexprof.show import numbers
from alexprof.show.document import Figure, cleaned
from alexprof.show.figures.base import PAPER
from alexprof.show.figures.forest import forest
from alexprof.show.figures.marks import Block, axis_over, whisker_layers
from alexprof.show.figures.predicted import Prediction, predicted_chart
from alexprof.show.figures.rows import Frame, Plot, Texts
from alexprof.show.figures.waterfall import waterfall
from alexprof.show.options import ReportOptions
from alexprof.show.sections.changed import table_unit_of
from alexprof.show.svg import figure_svg
from alexprof.show.view import View
from tests.analysis.made import compared, made_run
from tests.show import odd_runs, runs

HOSTILE = '<img src=x onerror="alert(1)">&amp;\'"]]> {{datum}} ' + "x" * 10_000
MS = numbers.MILLISECONDS
WIDTHS = [366, 720, 1000]


def view_of(run):
    return View(run, ReportOptions(full=True))


def values(spec, mark=None):
    """The rows of data of all layers, of those with that type of mark."""
    rows = []
    for layer in spec["layer"]:
        if "layer" in layer:
            rows += values(layer, mark)
        elif mark in (None, layer["mark"]["type"]):
            rows += layer["data"]["values"]
    return rows


def pointable(spec):
    return [row for row in values(spec) if "id" in row]


def texts_in(svg):
    return {element.text for element in ET.fromstring(svg).iter() if element.text}


@cache
def lrn_waterfall():
    view = view_of(runs.alexnet())
    (saving,) = view.savings("forward_backward")
    return saving, waterfall(view, saving, (0.01, 0.04, 9.0), MS)


def test_a_waterfall_s_bars_are_the_rows_of_the_saving():
    saving, figure = lrn_waterfall()
    bars = [row for row in values(figure.spec, "rect") if "fill" in row]
    lengths = [bar["x2"] - bar["x"] for bar in bars]
    by_kind = {row.kind: row.value_s for row in saving.rows}
    parts = [row.value_s for row in saving.rows if row.kind == "own part"]
    sizes = [*parts, saving.own_s, saving.others_s, by_kind["idle"], saving.saved_s]
    assert lengths == pytest.approx([abs(size) * 1e3 for size in sizes])
    # Each begins where the one above ends; sums begin at 0.
    ends = [bar["x2"] for bar in bars[: len(parts)]]
    assert [bar["x"] for bar in bars[1 : len(parts)]] == pytest.approx(ends[:-1])
    assert ends[-1] == pytest.approx(saving.own_s * 1e3)
    assert (bars[len(parts)]["x"], bars[-1]["x"]) == (0, 0)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_waterfall_says_its_numbers(width):
    saving, figure = lrn_waterfall()
    svg = figure_svg(figure, width)
    texts = texts_in(svg)
    assert {"Measured difference", "LRN’s own ops", "lrn1 backward"} <= texts
    assert {MS.signed(saving.saved_s), MS.signed(saving.own_s)} <= texts
    root = ET.fromstring(svg)
    assert float(root.get("width") or 0) == pytest.approx(width, abs=1)


def test_pairs_of_blocks_stand_below_what_was_measured():
    _, figure = lrn_waterfall()
    points = values(figure.spec, "point")
    assert [point["x"] for point in points[:2]] == [10, 40]
    # One far out is an arrow at the end of the axis.
    shapes = [point["shape"] for point in points]
    assert shapes == ["circle", "circle", "triangle-right"]
    assert points[2]["x"] < 9000
    bottom = max(row["bottom"] for row in pointable(figure.spec))
    assert all(bottom - 34 / 2 < point["y"] < bottom for point in points)


def test_every_row_can_be_pointed_at_and_tells_its_interval():
    saving, figure = lrn_waterfall()
    rows = pointable(figure.spec)
    assert [row["id"] for row in rows] == list(range(len(rows)))
    assert MS.half_width(saving.ci95_s, saving.saved_s) in rows[-1]["text"]
    assert all(
        row["filter"]
        for row in rows
        if row["label"] != "Other layers, net" and row["label"] != "Idle"
    )


def test_a_remainder_is_dashed():
    view = view_of(odd_runs.one_traced())
    (saving,) = view.savings("forward")
    figure = waterfall(view, saving, (), MS)
    dashed = [layer for layer in figure.spec["layer"] if layer["mark"].get("strokeDash") == [3, 2]]
    (bar,) = dashed[0]["data"]["values"]
    remainder = next(row for row in saving.rows if row.kind == "remainder")
    assert bar["fill"] is None
    assert bar["x2"] - bar["x"] == pytest.approx(abs(remainder.value_s) * 1e3)


PLOT = Plot(Frame((Texts("label", "", 0),), 100, 50, 300), axis_over([10.0], [], 1.0))


def lines_of(interval, block):
    layers = list(whisker_layers(PLOT, {0: interval}, {0: block} if block else {}))
    return [
        (row["x"], row["x2"], row["color"] == PAPER)
        for layer in layers
        if layer["mark"]["type"] == "rule"
        for row in layer["data"]["values"]
        if row["y"] == row["y2"]
    ]


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((2, 4), [(2, 4, True)]),
        ((4, 8), [(4, 6, True), (6, 8, False)]),
        ((7, 8), [(7, 8, False)]),
        ((-0.0, 7), [(0, 6, True), (6, 7, False)]),
    ],
)
@pytest.mark.parametrize("ends", [(0, 6), (6, 0)])
def test_a_whisker_is_light_inside_a_solid_bar(interval, expected, ends):
    start, end = ends
    assert lines_of(interval, Block(start, end, "var(--ink)")) == expected
    dark = [(interval[0], interval[1], False)]
    assert lines_of(interval, Block(start, end, "url(#dots)", solid=False)) == dark
    assert lines_of(interval, Block(start, end)) == dark
    assert lines_of(interval, None) == dark


def test_a_whisker_beyond_the_axis_ends_in_arrows():
    layers = list(whisker_layers(PLOT, {0: (-50.0, 50.0)}, {}))
    arrows = [
        row
        for layer in layers
        if layer["mark"]["type"] == "point"
        for row in layer["data"]["values"]
    ]
    assert [arrow["shape"] for arrow in arrows] == ["triangle-left", "triangle-right"]
    assert [arrow["x"] for arrow in arrows] == [PLOT.low, PLOT.high]


def test_an_axis_holds_what_it_has_to():
    near, far = (8.0, 12.0), (-1000.0, 1000.0)
    axis = axis_over([10.0], [near, far], 1.0)
    assert axis.low < 0 < 12 < axis.high < 30
    assert axis_over([10.0], [near, far], 1.0, held=[far]).high >= 1000
    assert axis_over([0.0], [(0.0, 0.0)], 1.0).high > 0


def test_predictions_have_bars_and_what_was_measured_below():
    rows = [
        Prediction("LRN", 0.01, (0.008, 0.012), 1.1, "LRN", 0.011, (0.009, 0.013), "without"),
        Prediction("Relu", None, None, None, "Relu", -0.001, None),
        Prediction("conv1", 0.02, None, 1.2, ""),
    ]
    spec = predicted_chart(rows, MS)
    bars = [row for row in values(spec, "rect") if "fill" in row]
    assert {(bar["x"], bar["x2"]) for bar in bars} == {(0, 10), (0, 20)}
    assert [point["x"] for point in values(spec, "point")] == [11, -1]
    told = pointable(spec)
    assert told[0]["go"] == {"against": "without"}
    assert "go" not in told[2]
    assert "predicted" not in told[1]["text"]
    assert ET.fromstring(figure_svg(Figure("a", "b", spec, "c"), 700)) is not None


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    logdir = tmp_path_factory.mktemp("runs")
    steps_s = {"with_lrn": 0.2, "without_lrn": 0.2}
    gained = {"without_lrn": {"conv1": 0.004}}
    made_run(logdir / "a", steps_s, without={"without_lrn": ("lrn1",)}, gained_s=gained)
    return compared(logdir, "a:with_lrn", "a:without_lrn")


def parts_of(comparison):
    every = (*comparison.differences, *comparison.gone, *comparison.new)
    return [part for part in every if part.level in ("phase", "layer")]


def test_a_forest_s_marks_are_the_changes(comparison):
    parts = parts_of(comparison)
    figure = forest(parts, {"lrn1": "LRN"}, table_unit_of(parts), title="t", aside="a")
    points = values(figure.spec, "point")
    changes = [
        part.change_s if part in comparison.gone else part.difference.change_s for part in parts
    ]
    assert [point["x"] for point in points] == pytest.approx([change * 1e3 for change in changes])
    shapes = [point["shape"] for point in points]
    assert shapes == ["diamond" if part.level == "phase" else "square" for part in parts]
    seen = [part in comparison.gone or part.difference.significant for part in parts]
    assert [point["fill"] != PAPER for point in points] == seen
    words = {row["label"]: row["word"] for row in pointable(figure.spec)}
    assert (words["lrn1"], words["conv1"], words["whole step"]) == ("gone", "slower", "faster")
    assert words["pool1"] == "no difference seen"


def test_names_are_text_however_long(comparison):
    (gone,) = [part for part in comparison.gone if part.level == "layer"]
    parts = [msgspec.structs.replace(gone, name=HOSTILE), *comparison.differences[:1]]
    figure = cleaned(forest(parts, {HOSTILE: "LRN"}, MS, title=HOSTILE, aside=HOSTILE))
    chart = cleaned(
        Figure("a", "b", predicted_chart([Prediction(HOSTILE, 1.0, None, 2.0, "")], MS), "c")
    )
    for drawn in (figure, chart):
        for width in WIDTHS:
            root = ET.fromstring(figure_svg(drawn, width))
            assert "img" not in {element.tag.rpartition("}")[2] for element in root.iter()}
            assert float(root.get("width") or 0) == pytest.approx(width, abs=1)
        # They stand in values alone.
        without = re.sub(r"'values': \[.*?\]\}", "", str(drawn.spec))
        assert "onerror" not in without


def test_a_unit_of_percent_is_of_the_step():
    view = view_of(runs.alexnet())
    (saving,) = view.savings("forward")
    percent = numbers.Unit("%", 100 / view.step_s(saving))
    rows = pointable(waterfall(view, saving, (), percent).spec)
    assert rows[-1]["value"] == percent.signed(saving.saved_s)
    assert rows[-1]["value"] == numbers.signed(saving.fraction * 100)
