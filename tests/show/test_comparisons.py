"""What `compare`, `gate` and `history` print, as a whole.

`ALEXPROF_UPDATE_GOLDEN=1 pytest tests/show` writes what they are now; read the difference.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from alexprof.analysis.changes import RunComparison
from alexprof.analysis.compare import compare
from alexprof.analysis.gate import GateResult, gate, parse_bound
from alexprof.analysis.history import History, history
from alexprof.analysis.selection import Group
from alexprof.errors import UsageError
from alexprof.record.note import Note
from alexprof.show import ReportOptions
from alexprof.show.comparison import render_comparison
from alexprof.show.gate import render_gate
from alexprof.show.over_time import render_history
from alexprof.tracer.sources import select, select_each
from tests.analysis.made import HOST, OPS, SOFTWARE, made_run
from tests.show.golden_files import check_golden

GOLDEN = Path(__file__).parent / "golden_comparisons"
STEPS = {"with_lrn": 0.2, "without_lrn": 0.2}
HEAVIER = {name: (part + 0.1 * (name == "conv1")) / 1.1 for name, part in OPS.items()}


@pytest.fixture(scope="module")
def logdir(tmp_path_factory):
    """Runs of all sorts; the changes are known."""
    folder = tmp_path_factory.mktemp("logdir")
    newer = dataclasses.replace(SOFTWARE, tensorflow="2.22.0")
    ablation = {"without_lrn": ("lrn1",)}
    days = [f"2026-11-{day:02}T04:42:00+00:00" for day in range(1, 9)]
    made_run(folder / "monday", STEPS, without=ablation, started=days[0])
    made_run(folder / "tuesday", STEPS, without=ablation, started=days[1], seed=1)
    slower = {name: value * 1.1 for name, value in STEPS.items()}
    for number, name in enumerate(("wednesday", "thursday")):
        made_run(
            folder / name,
            slower,
            ops=HEAVIER,
            without=ablation,
            started=days[number + 2],
            seed=number + 2,
            software=newer,
        )
    made_run(
        folder / "busy",
        {"with_lrn": 0.25},
        started=days[4],
        host=dataclasses.replace(HOST, load_before=4.6),
        settings={"batch_size": 64},
        complete=False,
        stopped=Note("interrupted"),
    )
    odd = {"with_lrn": 0.22, "v": 0.1}
    made_run(folder / "odd <b>|*_", odd, started=days[5], traced=0, software=newer)
    return folder


def compared(logdir, *names) -> RunComparison:
    return compare(select_each(names, logdir))


def judged(logdir, run, *bounds) -> GateResult:
    new, old = (Group((select(name, logdir),)) for name in (run, "monday"))
    return gate(new, old, [parse_bound(bound) for bound in bounds])


COMPARED = {
    "same": ("monday", "tuesday"),
    "slower": ("monday", "wednesday"),
    "ablation": ("monday:with_lrn", "monday:without_lrn"),
    "spoiled": ("monday", "busy"),
    "three": ("monday", "tuesday", "wednesday"),
    "odd": ("monday", "odd <b>|*_"),
}
GATES = {
    "gate_within": ("tuesday", "5%", "LRN=30%"),
    "gate_slower": ("wednesday", "5%", "conv1=10%"),
    "gate_unclear": ("wednesday", "10%"),
    "gate_spoiled": ("busy", "5%"),
}
SHORT = ("slower", "spoiled")
"""Of these the short form is compared as a whole too."""
METRICS = {"history_mean": None, "history_share": "conv1.share"}


def rendered(logdir, name, style="text", **options):
    chosen = ReportOptions(**{"full": True, **options})
    if name in COMPARED:
        return render_comparison(compared(logdir, *COMPARED[name]), style, chosen)
    if name in GATES:
        return render_gate(judged(logdir, *GATES[name]), style, chosen)
    return render_history(history(logdir, METRICS[name], "with_lrn"), style, chosen)


NAMES = [*COMPARED, *GATES, *METRICS]


@pytest.mark.parametrize("name", NAMES)
def test_text(logdir, name):
    check_golden(GOLDEN / f"{name}.txt", rendered(logdir, name))


@pytest.mark.parametrize("name", ["slower", "odd", "gate_slower", "history_mean"])
def test_markdown(logdir, name):
    check_golden(GOLDEN / f"{name}.md", rendered(logdir, name, "markdown"))


def test_no_golden_file_is_left_over():
    pages = {f"{name}.md" for name in ("slower", "odd", "gate_slower", "history_mean")}
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}.txt" for name in NAMES} | pages | {
        f"brief_{name}.txt" for name in SHORT
    }


@pytest.mark.parametrize("width", [1, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_too_wide(logdir, name, width):
    text = rendered(logdir, name, width=width)
    assert max(map(cell_len, text.splitlines())) <= min(max(width, 40), 100)


@pytest.mark.parametrize("name", NAMES)
def test_color_adds_nothing_but_color(logdir, name):
    colored = rendered(logdir, name, color=True)
    assert "\x1b[1m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == rendered(logdir, name)


def test_json_has_the_fields_that_are_promised(logdir):
    made = json.loads(rendered(logdir, "slower", "json"))
    assert (made["comparable"], made["why_not"]) == (True, [])
    promised = ("level", "variant", "phase", "name", "a_share", "b_share", "difference")
    for change in made["differences"]:
        assert set(promised) <= set(change)
        assert change["level"] in ("phase", "layer", "kind", "op")
        assert change["difference"]["verdict"] in ("slower", "faster", "same", "unclear")
    assert json.loads(rendered(logdir, "spoiled", "json"))["comparable"] is False
    assert json.loads(rendered(logdir, "gate_slower", "json"))["exit_code"] == 1
    assert json.loads(rendered(logdir, "history_mean", "json"))["steps"][0]["run"] == "wednesday"


@pytest.mark.parametrize(
    ("name", "result"), [("slower", RunComparison), ("gate_slower", GateResult)]
)
def test_json_comes_back_as_the_same_values(logdir, name, result):
    import msgspec

    text = rendered(logdir, name, "json")
    compared_runs = (
        compared(logdir, *COMPARED[name]) if name in COMPARED else judged(logdir, *GATES[name])
    )
    assert msgspec.json.decode(text, type=result) == compared_runs
    assert msgspec.json.decode(rendered(logdir, "history_mean", "json"), type=History)


def test_a_gate_between_variants_names_both(logdir):
    new, old = (Group((select(f"monday:{name}", logdir),)) for name in STEPS)
    text = render_gate(gate(new, old, [parse_bound("5%")]), "text", ReportOptions())
    assert "baseline monday:without_lrn · now monday:with_lrn\n" in text
    assert "No: forward, without LRN → with LRN is 17.6" in text


def test_if_an_interval_includes_0_no_direction_is_given(logdir):
    text = rendered(logdir, "same")
    assert "slower" not in text
    assert "faster" not in text
    assert "unclear" in text


def test_one_phase_on_request(logdir):
    compared_runs = compared(logdir, "monday", "wednesday")
    text = render_comparison(compared_runs, "text", ReportOptions(phase="forward"))
    assert text == render_comparison(compared_runs)
    with pytest.raises(UsageError, match="no phase 'x' in monday: there are forward"):
        render_comparison(compared_runs, "text", ReportOptions(phase="x"))
    with pytest.raises(UsageError, match="no style 'pdf'"):
        render_comparison(compared_runs, "pdf")


def test_as_many_ops_as_asked_for(logdir):
    compared_runs = compared(logdir, "monday:with_lrn", "monday:without_lrn")
    assert "\nlrn1  " in render_comparison(compared_runs, "text", ReportOptions(top=1, full=True))


@pytest.mark.parametrize("name", SHORT)
def test_brief(logdir, name):
    check_golden(GOLDEN / f"brief_{name}.txt", rendered(logdir, name, full=False))


@pytest.mark.parametrize("name", COMPARED)
def test_the_verdicts_fit_on_a_screen(logdir, name):
    lines = rendered(logdir, name, full=False).splitlines()
    assert len(lines) <= 30


def test_what_can_not_be_compared_has_reasons_and_no_table(logdir):
    text = rendered(logdir, "spoiled", full=False)
    assert "batch size differs" in text
    assert "95" not in text
