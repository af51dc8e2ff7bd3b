"""What `compare`, `gate`, `history` and `ab` print, as a whole.

`ALEXPROF_UPDATE_GOLDEN=1 pytest tests/show` writes what they are now; read the difference.
"""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len

from alexprof.analysis.changes import RunComparison
from alexprof.analysis.compare import compare
from alexprof.analysis.gate import GateResult, gate, parse_bound
from alexprof.analysis.history import History, history
from alexprof.analysis.pairs import PairsResult, judge_pairs
from alexprof.analysis.selection import Group
from alexprof.errors import UsageError
from alexprof.measure.processes import parse_command
from alexprof.record.note import Note
from alexprof.show.comparison import render_comparison
from alexprof.show.gate import render_gate
from alexprof.show.options import ReportOptions
from alexprof.show.over_time import render_history
from alexprof.show.pairs import pair_line, render_pairs
from alexprof.tracer.pairing import PairsPlan, run_pairs
from alexprof.tracer.sources import select, select_each
from tests.analysis.made import HOST, OPS, SOFTWARE, made_run
from tests.analysis.test_pairs import Scripted, leave_run
from tests.factory import wave
from tests.show.full import check_golden

GOLDEN = Path(__file__).parent / "golden_comparisons"
STEPS = {"with_lrn": 0.2, "without_lrn": 0.2}
HEAVIER = {name: (part + 0.1 * (name == "conv1")) / 1.1 for name, part in OPS.items()}
A = parse_command("true train.py --fast")
B = parse_command(f"X=1 true train.py --name={'very-' * 30}long '<b>|*_'")


def made_runs(folder):
    """Runs of all sorts; the changes are known."""
    newer = dataclasses.replace(SOFTWARE, tensorflow="2.22.0")
    slower = {name: value * 1.1 for name, value in STEPS.items()}
    heavier = {"ops": HEAVIER, "software": newer}
    both = {"without": {"without_lrn": ("lrn1",)}}
    spoiled = {
        "host": dataclasses.replace(HOST, load_before=4.6),
        "settings": {"batch_size": 64},
        "complete": False,
        "stopped": Note("interrupted"),
    }
    made: list[tuple[str, dict[str, float], dict[str, Any]]] = [
        ("monday", STEPS, both),
        ("tuesday", STEPS, {**both, "seed": 1}),
        ("wednesday", slower, {**both, **heavier, "seed": 2}),
        ("thursday", slower, {**both, **heavier, "seed": 3}),
        ("busy", {"with_lrn": 0.25}, spoiled),
        ("odd <b>|*_", {"with_lrn": 0.22, "v": 0.1}, {"traced": 0, "software": newer}),
    ]
    for day, (name, steps_s, fields) in enumerate(made, 1):
        made_run(folder / name, steps_s, started=f"2026-11-{day:02}T04:42:00+00:00", **fields)


def seconds(name):
    """Two to three seconds, B 5 % slower, pairs that differ by up to 2 %."""
    number, is_b = int(re.sub(r"\D", "", name)), "b" in name
    return 2.5 * (1 + 0.02 * float(wave(30, 3 + is_b)[number])) * (1 + 0.05 * is_b)


def far(name):
    return seconds(name) * (1 + 0.3 * float(wave(30, 7)[int(name[-1])]) * ("b" in name))


def judged_pairs(folder, pairs=5, seconds=seconds, leave=lambda logdir, name: None, **changes):
    record = run_pairs(PairsPlan(A, B, pairs), folder, run=Scripted(seconds, leave))
    requested = pairs if not changes else 40
    record = msgspec.structs.replace(record, machine=HOST, pairs=requested, **changes)
    return judge_pairs(record, folder)


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
METRICS = {"history_mean": None, "history_share": "conv1.share"}
PAIRS = {
    "pairs_processes": {},
    "pairs_unclear": {"pairs": 3, "seconds": far},
    "pairs_many": {"pairs": 28, "complete": False, "stopped": Note("interrupted")},
    "pairs_runs": {"leave": leave_run()},
}
NAMES = [*COMPARED, *GATES, *METRICS, *PAIRS]
PAGES = ("slower", "odd", "gate_slower", "history_mean", "pairs_processes", "pairs_runs")
FILES = {
    **{f"{name}.txt": (name, "text", True) for name in NAMES},
    **{f"{name}.md": (name, "markdown", True) for name in PAGES},
    **{f"brief_{name}.txt": (name, "text", False) for name in ("slower", "spoiled")},
}
"""Of each golden file what it shows, how, and whether in full."""


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """What each name stands for, and the function that renders it."""
    logdir = tmp_path_factory.mktemp("logdir")
    made_runs(logdir)

    @cache
    def of(name):
        if name in COMPARED:
            return compare(select_each(COMPARED[name], logdir)), render_comparison
        if name in METRICS:
            return history(logdir, METRICS[name], "with_lrn"), render_history
        if name in PAIRS:
            return judged_pairs(tmp_path_factory.mktemp("ab") / name[6:], **PAIRS[name]), (
                render_pairs
            )
        run, *bounds = GATES.get(name) or ("monday:with_lrn", "5%")
        baseline = "monday" if name in GATES else "monday:without_lrn"
        new, old = (Group((select(run, logdir),)) for run in (run, baseline))
        return gate(new, old, [parse_bound(bound) for bound in bounds]), render_gate

    return of


@pytest.fixture(scope="module")
def rendered(result):
    def render(name, style="text", **options):
        value, draw = result(name)
        return draw(value, style, ReportOptions(**{"full": True, **options}))

    return render


@pytest.mark.parametrize("file", FILES)
def test_whole_outputs(rendered, file):
    name, style, full = FILES[file]
    check_golden(GOLDEN / file, rendered(name, style, full=full))


def test_no_golden_file_is_left_over():
    assert {path.name for path in GOLDEN.iterdir()} == FILES.keys()


@pytest.mark.parametrize("width", [1, 40, 60, 80, 100, 200])
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_too_wide(rendered, name, width):
    text = rendered(name, width=width)
    assert max(map(cell_len, text.splitlines())) <= min(max(width, 40), 100)


@pytest.mark.parametrize("name", NAMES)
def test_color_adds_nothing_but_color(rendered, name):
    colored = rendered(name, color=True)
    assert "\x1b[1m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == rendered(name)


@pytest.mark.parametrize(
    ("name", "struct"),
    [
        ("slower", RunComparison),
        ("gate_slower", GateResult),
        ("history_mean", History),
        *((name, PairsResult) for name in PAIRS),
    ],
)
def test_json_comes_back_as_the_same_values(result, rendered, name, struct):
    assert msgspec.json.decode(rendered(name, "json"), type=struct) == result(name)[0]


def test_json_has_the_fields_that_are_promised(rendered):
    made = json.loads(rendered("slower", "json"))
    assert (made["comparable"], made["why_not"], made["schema_version"]) == (True, [], 2)
    promised = {"level", "variant", "phase", "name", "a_share", "b_share", "difference"}
    assert all(promised <= change.keys() for change in made["differences"])
    assert json.loads(rendered("gate_slower", "json"))["exit_code"] == 1


def test_a_gate_between_variants_names_both(rendered):
    text = rendered("gate between variants")
    assert "baseline monday:without_lrn · now monday:with_lrn\n" in text
    assert "No: forward, without LRN → with LRN is 17.6" in text


def test_names_that_do_not_fit_a_title_stand_below_it_alone(result, tmp_path):
    long = "alexnet-20261127-082722-of-a-long-name"
    made_run(tmp_path / long, STEPS, without={"without_lrn": ("lrn1",)})
    names = [f"{long}:with_lrn", f"{long}:without_lrn"]
    text = render_comparison(compare(select_each(names, tmp_path)))
    assert re.match(r"AlexProf  A → B +comparable\n", text)
    assert f"A {long}:with_lrn" in text
    assert f"B {long}:without_lrn" in text
    new, old = (Group((select(name, tmp_path),)) for name in names)
    assert render_gate(gate(new, old, [parse_bound("5%")])).startswith("AlexProf  baseline → now ")


@pytest.mark.parametrize(("name", "is_between"), [("ablation", False), ("same", True)])
def test_only_intervals_between_runs_hold_what_processes_differ_by(rendered, name, is_between):
    text = " ".join(rendered(name).split())
    assert ("variation between processes" in text) is is_between


def test_one_phase_on_request(result):
    value, _ = result("slower")
    assert render_comparison(value, "text", ReportOptions(phase="forward")) == render_comparison(
        value
    )
    with pytest.raises(UsageError, match="no phase 'x' in monday: there are forward"):
        render_comparison(value, "text", ReportOptions(phase="x"))


@pytest.mark.parametrize("name", ["slower", "pairs_runs"])
def test_each_style_is_known(rendered, name):
    with pytest.raises(UsageError, match="no style 'pdf'"):
        rendered(name, "pdf")


def test_as_many_ops_as_asked_for(rendered):
    assert "\nlrn1  " in rendered("ablation", top=1)


@pytest.mark.parametrize("name", COMPARED)
def test_the_verdicts_fit_on_a_screen(rendered, name):
    assert len(rendered(name, full=False).splitlines()) <= 30


def test_who_ran_first_does_not_depend_on_the_clock(result):
    """Quick processes start within a millisecond, and a clock may be set back."""
    pairs, _ = result("pairs_processes")
    record, replace = pairs.record, msgspec.structs.replace
    at_once = tuple(replace(process, started=record.started) for process in record.processes)
    together = replace(pairs, record=replace(record, processes=at_once))
    assert render_pairs(together) == render_pairs(pairs)


def test_a_pair_while_it_goes_on(result):
    record = result("pairs_processes")[0].record
    cut = msgspec.structs.replace(record, processes=record.processes[:-4], pairs=100)
    words = r"Pair 3 of 100: A 2\.\d\d s, B 2\.\d\d s; 8 min \d+ s left"
    assert re.fullmatch(words, pair_line(cut).replace("\xa0", " "))
    assert re.match("Pair 5 of 5: (?!.*left)", pair_line(record))
