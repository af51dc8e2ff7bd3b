"""The pages about savings and changes: what leads, what is compared, and no run is too odd."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from alexprof.analysis.predictions import predict
from alexprof.analysis.savings import measured_savings
from alexprof.errors import RunError, UsageError
from alexprof.record.parquet import Tables
from alexprof.record.store import load_run
from alexprof.show import numbers
from alexprof.show.document import Choice, Figure, Lead, Remark, Section, Table, Warn
from alexprof.show.pages.changed import changed_page
from alexprof.show.pages.compared import selections_of
from alexprof.show.pages.html import html_report
from alexprof.show.pages.values import page_values
from alexprof.show.pages.view import Choices, OtherRun, PageView, Source
from alexprof.show.pages.win import win_page
from tests.analysis.made import compared, made_run
from tests.show import odd_runs, runs
from tests.show.test_reports import RUNS


def source_of(run):
    """A run whose tables nobody has."""
    return Source(run, Tables(run, Path(run.run), {}))


def win(run, **choices) -> Section:
    return win_page(PageView.of(source_of(run), Choices(**choices)))


def blocks_of(section, kind):
    return [block for block in section.blocks if isinstance(block, kind)]


@pytest.mark.parametrize("page", [win_page, changed_page])
@pytest.mark.parametrize("name", RUNS)
def test_every_run_has_the_page_in_every_phase(name, page):
    run = RUNS[name]()
    for variant in run.variants or [""]:
        for key in run.phase_keys or [""]:
            view = PageView.of(source_of(run), Choices(variant=variant, phase=key))
            section = page(view)
            assert section.blocks
            json.dumps(page_values(section))


def test_every_phase_s_saving_leads_and_the_chosen_one_is_drawn():
    run = runs.alexnet()
    for key in run.phase_keys:
        section = win(run, phase=key)
        (lead,) = blocks_of(section, Lead)
        for saving in measured_savings(run):
            assert numbers.percent_unit(saving.fraction) in lead.text or saving.verdict == "unclear"
        waterfall, predictions = blocks_of(section, Figure)
        (saving,) = [saving for saving in measured_savings(run) if saving.phase == key]
        bars = [
            row
            for layer in waterfall.spec["layer"]
            if layer["mark"]["type"] == "rect"
            for row in layer["data"]["values"]
            if "fill" in row
        ]
        assert bars[-1]["x2"] == pytest.approx(saving.saved_s * 1e3)
        assert predictions.name == "predictions"


def test_where_nothing_was_left_out_predictions_lead():
    run = odd_runs.two_gpus()
    section = win(run)
    largest = max(
        (saving for saving in predict(run, "default", "train").savings if saving.what == "layer"),
        key=lambda saving: saving.fraction,
    )
    lead, remark = section.blocks[:2]
    assert largest.name in lead.text
    assert numbers.percent_unit(largest.fraction) in lead.text
    assert "leaving_out('LRN')" in remark.text
    (figure,) = blocks_of(section, Figure)
    assert figure.name == "predictions"


def test_the_command_that_measures_is_that_of_the_workload():
    run = odd_runs.withheld()
    texts = [block.text for block in blocks_of(win(run), Remark)]
    assert any("alexprof ablate alexnet --measure" in text for text in texts)


def test_one_of_several_ablations_is_chosen_by_its_variant():
    run = odd_runs.ablated()
    for without in ("", "without_lrn1", "without_BiasAdd"):
        section = win(run, against=without)
        choice = next(block for block in blocks_of(section, Choice) if block.name == "against")
        assert choice.value == (without or "without_lrn")
        assert {key for key, _ in choice.options} == {
            saving.without for saving in measured_savings(run)
        }
        waterfall, _ = blocks_of(section, Figure)
        assert (
            choice.value == "without_lrn"
            or dict(choice.options)[choice.value].partition(",")[0] in waterfall.title
        )


def test_layers_or_kinds_are_predicted():
    run = runs.alexnet()
    for roll, what in (("", "layer"), ("kind", "kind"), ("op", "layer")):
        section = win(run, roll=roll)
        table = next(table for table in blocks_of(section, Table) if table.part == "predictions")
        names = [row.key for row in table.rows if row.key]
        savings = predict(run, "with_lrn", "forward").savings
        assert names == [saving.name for saving in savings if saving.what == what]


def test_percent_is_of_the_step():
    run = runs.alexnet()
    saving = next(saving for saving in measured_savings(run) if saving.phase == "forward")
    section = win(run, phase="forward", unit="%")
    table = next(table for table in blocks_of(section, Table) if table.part == "ablation")
    assert table.rows[0].cells[1] == numbers.signed(saving.fraction * 100)


STEPS = {"with_lrn": 0.2, "without_lrn": 0.2}
WITHOUT = {"without_lrn": ("lrn1",)}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    """Runs of all sorts, each a day later."""
    folder = tmp_path_factory.mktemp("runs")
    slower = {name: 1.1 * step_s for name, step_s in STEPS.items()}
    made: dict[str, tuple[dict[str, float], dict[str, Any]]] = {
        "monday": (STEPS, {"without": WITHOUT}),
        "tuesday": (slower, {"without": WITHOUT, "seed": 1}),
        "one": ({"with_lrn": 0.2}, {"seed": 2}),
        "other": ({"with_lrn": 0.3}, {"settings": {"batch_size": 64}}),
        "foreign": ({"v": 0.2}, {"workload": None}),
    }
    for day, (name, (steps_s, fields)) in enumerate(made.items(), 1):
        made_run(folder / name, steps_s, started=f"2026-11-{day:02}T04:42:00+00:00", **fields)
    return folder


def load(logdir, name):
    run = load_run(logdir / name)
    return Source(run, Tables(run, logdir / name))


def view_of(logdir, name, **choices):
    others = []
    for path in sorted(logdir.iterdir()):
        if path.name != name:
            run = load_run(path)
            workload = run.workload.name if run.workload else ""
            others.append(
                OtherRun(
                    path.name,
                    run.started,
                    workload,
                    run.is_trace,
                    partial(load, logdir, path.name),
                )
            )
    return PageView.of(load(logdir, name), Choices(**choices), tuple(others))


@pytest.mark.parametrize(
    ("name", "against", "expected"),
    [
        ("monday", "", ("monday:with_lrn", "monday:without_lrn")),
        ("monday", "without_lrn", ("monday:with_lrn", "monday:without_lrn")),
        ("monday", "with_lrn", ("monday:without_lrn", "monday:with_lrn")),
        ("monday", "monday:with_lrn", ("monday:without_lrn", "monday:with_lrn")),
        # The older run is A, whichever of the two is looked at.
        ("monday", "tuesday", ("monday", "tuesday")),
        ("tuesday", "monday", ("monday", "tuesday")),
        ("tuesday", "monday:without_lrn", ("monday:without_lrn", "tuesday:without_lrn")),
        # The variant looked at stands beside one that it has not.
        ("one", "monday:without_lrn", ("monday:without_lrn", "one:with_lrn")),
        # The last run of the same workload before it.
        ("one", "", ("tuesday", "one")),
        ("other", "", ("one", "other")),
        # None is known to be of its workload.
        ("foreign", "", None),
    ],
)
def test_what_is_compared(logdir, name, against, expected):
    view = view_of(logdir, name, against=against)
    compared = selections_of(view)
    assert (compared and (compared.a.name, compared.b.name)) == expected
    assert not against or view.is_known(against)


@pytest.mark.parametrize(
    "against", ["nothing", "nothing:with_lrn", "monday:nothing", ":", "tuesday:"]
)
def test_what_names_nothing_is_refused(logdir, against):
    with pytest.raises(UsageError):
        changed_page(view_of(logdir, "monday", against=against))


def test_the_page_says_what_compare_says(logdir):
    section = changed_page(view_of(logdir, "tuesday", against="monday"))
    comparison = compared(logdir, "monday", "tuesday")
    figures = blocks_of(section, Figure)
    assert len(figures) == 2
    for figure, variant in zip(figures, STEPS, strict=True):
        parts = [
            part
            for part in comparison.differences
            if part.variant == variant and part.level in ("phase", "layer")
        ]
        points = [
            row
            for layer in figure.spec["layer"]
            if layer.get("mark", {}).get("type") == "point"
            for row in layer["data"]["values"]
        ]
        # The whole step, then layers, the largest change first.
        parts.sort(key=lambda part: part.level != "phase")
        changes = [part.difference.change_s * 1e3 for part in parts]
        assert [point["x"] for point in points] == pytest.approx(changes)
    phase, *_ = blocks_of(section, Table)
    assert len(phase.rows) == 2


def test_what_spoils_a_comparison_comes_first(logdir):
    section = changed_page(view_of(logdir, "other", against="one"))
    lead, warning, *_ = section.blocks
    assert isinstance(lead, Lead)
    assert isinstance(warning, Warn)
    assert "batch size" in warning.text
    # Then there is no other answer.
    assert blocks_of(section, Lead) == [lead]


def test_a_run_without_another_says_so(logdir):
    alone = PageView.of(load(logdir, "one"), Choices())
    section = changed_page(alone)
    assert [type(block) for block in section.blocks] == [Lead]
    chosen = changed_page(view_of(logdir, "foreign"))
    (choice,) = blocks_of(chosen, Choice)
    assert choice.value == ""
    assert {key for key, _ in choice.options} == {"", "monday", "tuesday", "one", "other"}


def test_a_run_that_can_t_be_read_leaves_the_choice(logdir):
    def damaged():
        raise RunError("run tuesday is damaged")

    other = OtherRun("tuesday", "2026-11-02T04:42:00+00:00", "alexnet", False, damaged)
    view = PageView.of(load(logdir, "monday"), Choices(against="tuesday"), (other,))
    _lead, warning, choice = changed_page(view).blocks
    assert "damaged" in warning.text
    assert choice.value == "tuesday"


def test_tables_that_are_missing_are_named(logdir):
    view = view_of(logdir, "monday")
    without = PageView.of(source_of(view.run), Choices(), name="monday")
    _, warning, _ = changed_page(without).blocks
    assert "steps.parquet" in warning.text


def test_the_html_report_has_both_pages(logdir):
    html = html_report(load(logdir, "monday"))
    for name in ("win", "changed"):
        part = html.partition(f'<section id="{name}">')[2].partition("</section>")[0]
        assert "<svg" in part
