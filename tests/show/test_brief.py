"""The short report: one screen, the answer first."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from rich.cells import cell_len

from alexprof.analysis.findings import Finding, findings_of
from alexprof.analysis.summary import answers
from alexprof.errors import UsageError
from alexprof.record.interference import Interference
from alexprof.record.note import Note
from alexprof.show.document import Table
from alexprof.show.finding_texts import TEMPLATES, busy, finding_text
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import render as render_any
from alexprof.show.report import SECTIONS
from alexprof.show.sections.brief import Size, brief_section
from alexprof.show.view import View
from alexprof.workload.ops_to_leave_out import OP_KINDS
from tests.factory import change_phases, costs_of, traced, with_fields
from tests.show import odd_runs, runs
from tests.show.full import render_brief as render
from tests.show.test_reports import RUNS

FIGURES = (
    *("first_step", "last_step", "slowest_ratio", "others_fraction", "first_level_s"),
    *("last_level_s", "traced_s", "wall_clock_s", "slowdown", "std_fraction", "traced_per_step"),
    *("first_s", "last_s", "mean_s", "held_s", "span_s", "step_with_it_s"),
    *("slow", "slow_far", "quick", "quick_far", "steps", "added_fraction"),
    *("timed_per_step", "step_s", "busy_s", "waits_s", "launches_per_step"),
)


@pytest.mark.parametrize("name", RUNS)
def test_it_fits_on_a_screen(name):
    assert len(render(RUNS[name]()).splitlines()) <= 30
    assert max(map(cell_len, render_any(RUNS[name]()).splitlines())) <= 80


def test_each_finding_has_its_words():
    run = runs.alexnet()
    figures = dict.fromkeys(FIGURES, 0.5)
    view = View(run, ReportOptions())
    for code in (code for code, template in TEMPLATES.items() if callable(template)):
        names = ("max-time",) if code in ("stopped", "imprecise") else ()
        finding = Finding(code, figures, names=names, text="Said.", severity=1, phases=("forward",))
        assert finding_text(view, finding).endswith((".", ")"))


def test_short_and_full_report_and_json_have_one_list_of_findings():
    slowdowns = iter([1.3, 1.6, 1.3, 1.3])

    def slow(phase):
        return replace(phase, traced=replace(phase.traced, slowdown=next(slowdowns)))

    run = change_phases(runs.steady(), slow)
    assert answers(run).findings == findings_of(run)
    about = "Forward and forward-backward (worst: forward-backward, with LRN): traced steps took"
    for full in (False, True):
        text = " ".join(render(run, options=ReportOptions(full=full)).split())
        assert f"{about} 1.60× as long as timed ones" in text
        assert text.count("traced steps took") == 1


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_alone_is_a_part_of_the_full_report(section):
    whole = render(runs.alexnet(), options=ReportOptions(full=True))
    text = render(runs.alexnet(), options=ReportOptions(section=section))
    assert len(text) < len(whole)
    if section in ("kernels", "copies", "launches"):
        assert "nothing to show" in text  # on a CPU
    else:
        assert all(line in whole for line in text.splitlines())


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("kernel", r"there are cost, .*; did you mean kernels\?"),
        ("nonsense", "no section 'nonsense': there are cost, where, win, "),
    ],
)
def test_a_section_that_there_is_not_says_which_there_are(section, message):
    with pytest.raises(UsageError, match=message):
        render(runs.alexnet(), options=ReportOptions(section=section))


def test_markdown_is_short_too():
    short, full = (
        render(runs.alexnet(), "markdown", ReportOptions(full=full)) for full in (False, True)
    )
    assert len(short) < len(full) / 3
    assert "LRN" in short


def test_a_busy_machine_is_said_before_minutes_are_spent():
    assert busy(Interference(seconds=5.0, cores=2, cpu_own=1.0, cpu_others=0.02)) == ""
    assert "24" in busy(Interference(seconds=5.0, cores=2, cpu_own=1.5, cpu_others=0.5))


def test_variants_without_an_ablation_have_the_first_s_time_beside_its_shares():
    run = replace(runs.steady(), ablations=())
    first = run.variants["with_lrn"].phases["forward"].timed.mean_s
    lead = render(run).split("\n\n")[1].replace("\u00a0", " ")
    assert lead.startswith(f"A forward step takes {first * 1e3:.0f} ms; the largest layer, conv2,")


def test_a_saving_that_is_clear_goes_before_a_larger_one_that_is_not():
    run = runs.steady()
    (clear,) = [ablation for ablation in run.ablations if ablation.phase == "forward"]
    larger = replace(clear, name="conv1", measured_s=0.2, ci95_s=(-0.1, 0.5))
    run = replace(run, ablations=(larger, clear))
    summary = answers(run)
    assert summary.savings[0].name == "conv1"
    assert {key: summary.savings[place].name for key, place in summary.headline.items()} == {
        "forward": "lrn"
    }
    assert "Leaving LRN out saves" in render(run)


def test_rows_of_one_phase_are_in_its_order():
    text = render(runs.alexnet(), options=ReportOptions(phase="forward"))
    rows = [line.split() for line in text.split("Where a step goes")[1].splitlines()[2:12]]
    parts = [float(row[1]) for row in rows]
    assert parts == sorted(parts, reverse=True)


@pytest.mark.parametrize("longer_ms", [2, 2.0005], ids=["equal", "equal in what is shown"])
def test_of_layers_that_are_equally_large_none_is_the_largest(longer_ms):
    lines = "\n".join(
        f"dense{n}/MatMul MatMul forward {2 if n else longer_ms} 0 2 0" for n in range(8)
    )
    costs = costs_of([*runs.ops(lines), runs.idle_ms(0.5)])
    run = change_phases(odd_runs.one_step(), lambda phase: traced(phase, costs))
    (headline, *_) = render(run).split("\n\n")[1].splitlines()
    assert "each of the 8 largest layers takes 12.1" in headline
    assert "dense" not in headline
    where = render(run, options=ReportOptions(section="where"))
    assert "each of the 8 largest layers takes 12.1" in where.casefold()
    largest = answers(run).largest["inference"]
    assert sorted(largest.names) == [f"dense{n}" for n in range(8)]
    assert largest.fraction == pytest.approx(2 / 16.5, rel=1e-3)
    assert not largest.idle_longer


def test_the_largest_layer_and_longer_idle_time_are_in_the_json():
    costs = costs_of(
        [*runs.ops("a/MatMul MatMul forward 2 0 2 0\nb/Add Add forward 1 0 1 0"), runs.idle_ms(5)]
    )
    phase = traced(odd_runs.one_step().variants["default"].phases["inference"], costs)
    run = odd_runs.with_phases(odd_runs.one_step(), {"default": {"inference": phase}})
    largest = answers(run).largest["inference"]
    assert (largest.names, largest.idle_longer) == (("a",), True)
    assert largest.fraction == pytest.approx(0.25)
    sentence = "62.5\u00a0% of it is idle, and the largest layer, a, takes 25.0\u00a0%"
    assert sentence in " ".join(render(run).split("\n"))


def test_a_layer_and_an_ablation_of_its_name_are_two_rows_with_two_names():
    run = runs.alexnet()
    ablations = tuple(
        replace(ablation, name="conv2", kinds=("Relu",), layers=("conv2",))
        for ablation in run.ablations
    )
    view = View(replace(run, ablations=ablations), ReportOptions())
    tables = [block for block in brief_section(view, Size(8, 3)).blocks if isinstance(block, Table)]
    names = [row.cells[0] for row in tables[-1].rows]
    assert {"conv2", "conv2, as left out"} <= {*names}
    assert len(names) == len({*names})


def with_many_findings(run):
    """Each phase unlike its timed steps, drifting and disturbed, beside what it has."""
    notes = tuple(Note("profiler_warning", text=text) for text in ("a", "b", "c"))
    return with_fields(run, traced={"slowdown": 1.7}, notes=notes)


@pytest.mark.parametrize("make", [runs.alexnet, runs.steady, odd_runs.ablated])
def test_findings_give_way_before_layers(make):
    """At least six rows of layers, at most three findings, at most 30 lines."""
    for run in (make(), with_many_findings(make())):
        lines = render(run).splitlines()
        start = next(n for n, line in enumerate(lines) if line.startswith("Where a step goes"))
        rows = lines[start + 2 : lines.index("", start)]
        assert len(lines) <= 30
        assert len(rows) >= 6
        assert sum(line.startswith("!") for line in lines) <= 3
    assert any("more finding" in line for line in lines)


@pytest.mark.parametrize(
    ("layer", "traced", "kinds", "text"),
    [
        ("conv1", True, ("BiasAdd", "Relu"), "conv1’s BiasAdd and Relu"),
        ("conv1", False, None, "what can go of conv1"),
        ("lrn1", True, (), "lrn1"),
    ],
)
def test_the_ops_that_leave_a_partly_kept_layer_are_named(layer, traced, kinds, text):
    spec = {"name": layer, "kinds": OP_KINDS, "layers": (layer,)}
    run = runs.steady()
    if not traced:
        run = change_phases(run, lambda phase: replace(phase, ops=()))
    ablation = replace(run.ablations[0], measured_s=0.03, ci95_s=(0.02, 0.04), **spec)
    run = replace(run, ablations=(ablation,))
    assert answers(run).savings[0].kinds == kinds
    assert f"Leaving {text} out saves" in render(run)
