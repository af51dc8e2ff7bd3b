"""Pages say what the record says: charts and tables by value."""

from __future__ import annotations

import itertools

import pytest

from alexprof.analysis.division import divide
from alexprof.errors import UsageError
from alexprof.export.selected import Selected
from alexprof.record.parquet import Tables, load_steps
from alexprof.record.store import load_run
from alexprof.show.document import Figure, Links, Table
from alexprof.show.figures.icicle import icicle_chart, placed
from alexprof.show.figures.steps import MOST_POINTS, Series, Step, Steps, thinned
from alexprof.show.pages import PAGES
from alexprof.show.pages.cost import timed_steps
from alexprof.show.pages.view import Choices, PageView, Source
from tests.analysis.made import made_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("pages") / "run"
    made_run(place, {"a": 0.10, "b": 0.08}, seed=2, count=40)
    return place


def view_of(folder, **chosen):
    run = load_run(folder)
    return PageView.of(Source(run, Tables(run, folder)), Choices(**chosen))


def blocks(page, view, kind):
    def flat(parts):
        for part in parts:
            inside = [*getattr(part, "main", ()), *getattr(part, "side", ())]
            yield from flat(inside) if inside else [part]

    return [block for block in flat(PAGES[page].make(view).blocks) if isinstance(block, kind)]


def test_the_chart_has_every_step_in_the_order_it_ran(folder):
    steps = timed_steps(view_of(folder))
    table = load_steps(folder).filter(~load_steps(folder)["traced"]).sort("order", "step")
    table = table.filter(table["block"] >= 0)
    drawn = sorted(
        (step.place, step.value, series.label) for series in steps.series for step in series.steps
    )
    assert [place for place, _, _ in drawn] == list(range(1, table.height + 1))
    scale = {"ms": 1e3, "s": 1.0}[steps.unit]
    assert [value for _, value, _ in drawn] == pytest.approx((table["seconds"] * scale).to_list())
    assert [label for _, _, label in drawn] == table["variant"].to_list()
    ends = [(band.first, band.last) for band in steps.bands]
    assert ends[0][0] == 1
    assert all(last + 1 == first for (_, last), (first, _) in itertools.pairwise(ends))
    assert ends[-1][1] == table.height


def test_percent_are_of_the_first_variant_s_median(folder):
    run = load_run(folder)
    steps = timed_steps(view_of(folder, unit="%"))
    assert steps.unit == "%"
    median_s = run.phase("a", "forward").timed.median_s
    first = steps.series[0]
    assert first.center == pytest.approx(run.phase("a", "forward").timed.mean_s / median_s * 100)


def series(*values):
    return Series(
        "a", tuple(Step(i, value, "") for i, value in enumerate(values, 1)), None, "", None
    )


def test_the_axis_is_cut_for_few_steps_alone():
    usual = [1.0 + 0.01 * (i % 7) for i in range(100)]
    low, high = Steps("ms", (series(*usual, 50.0),)).domain
    assert low < 1.0
    assert 1.06 < high < 2.0
    assert Steps("ms", (series(*usual, *[50.0] * 10),)).domain[1] > 50
    assert Steps("ms", (series(1.0),)).domain[0] < 1.0
    assert Steps("ms", (series(),)).domain == pytest.approx((0.0, 1.06))


def test_many_steps_are_put_together_without_losing_their_range():
    steps = [Step(i, (i * 7919 % 1000) / 10, "") for i in range(1, 100_001)]
    points = thinned(steps, MOST_POINTS, "{first} to {last}: {value}")
    assert len(points) <= MOST_POINTS
    lows = [point.low for point in points if point.low is not None]
    highs = [point.high for point in points if point.high is not None]
    assert len(lows) == len(highs) == len(points)
    assert min(lows) == min(step.value for step in steps)
    assert max(highs) == max(step.value for step in steps)
    assert thinned(steps[:10], MOST_POINTS, "") == tuple(steps[:10])


@pytest.mark.parametrize("roll", ["layer", "kind", "pass", "op"])
def test_the_icicle_is_the_whole_step_at_every_level(folder, roll):
    view = view_of(folder, roll=roll)
    (figure,) = blocks("where", view, Figure)
    division = divide(view.run, view.variant, view.key)
    rows: dict[str, list[tuple[float, float]]] = {}
    for row in figure.spec["data"]["values"]:
        rows.setdefault(row["row"], []).append((row["from"], row["to"]))
    for ends in rows.values():
        ends.sort()
        assert ends[0][0] == 0
        assert all(b[0] == pytest.approx(a[1]) for a, b in itertools.pairwise(ends))
        assert ends[-1][1] == pytest.approx(division.step_s * 1e3)


def test_rows_that_repeat_the_row_above_are_dropped():
    from alexprof.analysis.breakdown import Block

    def block(name, share_s, *parts):
        return Block(name=name, share_s=share_s, fraction=0.1, kind="", pass_="", parts=parts)

    inside = block("op", 1.0)
    rows = placed([block("layer", 1.0, block("forward", 1.0, inside))], 1.0, 1.0)
    assert [(row.level, row.name) for row in rows] == [(0, "layer")]
    spec = icicle_chart(rows, ["a", "idle"], ("layer", "pass", "op"), ("s", 1.0))
    assert [row["row"] for row in spec["data"]["values"]] == ["layer"]


def test_the_table_has_a_row_for_every_part_and_the_sum(folder):
    (table,) = [table for table in blocks("where", view_of(folder), Table) if table.part == "rows"]
    *rows, total = table.rows
    assert total.style == "sum"
    assert len(rows) == len(divide(load_run(folder), "a", "forward").layers) + 1


def test_the_last_page_offers_every_export(folder):
    from alexprof.export import FORMATS

    (links,) = blocks("sure", view_of(folder), Links)
    assert {format_ for _, route, format_ in links.links if route == "export"} == set(FORMATS)
    assert Selected(load_run(folder), Tables(load_run(folder), folder)).costs().height


@pytest.mark.parametrize(
    "chosen",
    [{"variant": "x"}, {"phase": "x"}, {"roll": "x"}],
)
def test_what_is_not_there_is_refused(folder, chosen):
    with pytest.raises(UsageError):
        PAGES["where"].make(view_of(folder, **chosen))


def test_choices_are_read_from_texts():
    assert Choices.parse({"step": "3", "unit": "%", "nothing": "x"}) == Choices(step=3, unit="%")
    for wrong in ({"step": "x"}, {"step": "-1"}, {"unit": "ms"}, {"depth": "1.5"}):
        with pytest.raises(UsageError):
            Choices.parse(wrong)
