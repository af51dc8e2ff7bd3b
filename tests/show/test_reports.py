"""Whole reports, compared as a whole.

`ALEXPROF_UPDATE_GOLDEN=1 pytest tests/show` writes what they are now; read the difference.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from pkgutil import iter_modules
from xml.etree import ElementTree

import msgspec
import pytest
from rich.cells import cell_len

from alexprof.analysis.findings import findings_of
from alexprof.cli.ascii import adapt_output
from alexprof.errors import UsageError
from alexprof.record.run import Run
from alexprof.show import outputs
from alexprof.show.finding_texts import finding_text
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import FORMATS
from alexprof.show.outputs import render as render_any
from alexprof.show.view import View
from tests.show import odd_runs, runs
from tests.show.full import check_golden, render, render_brief

GOLDEN = Path(__file__).parent / "golden"
MADE = (
    *(runs.alexnet, runs.steady, odd_runs.incomplete, odd_runs.nothing, odd_runs.one_step),
    *(odd_runs.two_gpus, odd_runs.untraced, odd_runs.withheld, odd_runs.long_names),
    *(odd_runs.one_traced, odd_runs.ablated, odd_runs.gone_along),
)
RUNS = {make.__name__: make for make in MADE}
SHORT = ("alexnet", "steady", "ablated", "two_gpus", "incomplete")
FILES = {
    **{f"{name}.txt": (name, "text", True) for name in RUNS},
    **{f"{name}.md": (name, "markdown", True) for name in ("alexnet", "incomplete", "long_names")},
    **{f"{name}.html": (name, "html", True) for name in ("alexnet", "long_names")},
    **{f"brief_{name}.txt": (name, "text", False) for name in SHORT},
}
"""Of each golden file the run, the style, and whether it is shown in full."""


@pytest.mark.parametrize("file", FILES)
def test_whole_reports(file):
    name, style, full = FILES[file]
    text = (render if full else render_brief)(RUNS[name](), style)
    check_golden(GOLDEN / file, text)


def test_no_golden_file_is_left_over():
    assert {path.name for path in GOLDEN.iterdir()} == {*FILES, "list.txt"}


@pytest.mark.parametrize("width", [1, 40, 47, 60, 79, 80, 100, 200])
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_no_line_is_too_wide(name, full, width):
    text = render_any(RUNS[name](), options=ReportOptions(width=width, full=full))
    assert max(map(cell_len, text.splitlines())) <= min(max(width, 40), 100)


@pytest.mark.parametrize("name", RUNS)
def test_color_adds_nothing_but_color(name):
    colored = render(RUNS[name](), options=ReportOptions(color=True))
    assert "\x1b[1m" in colored
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(RUNS[name]())


def test_json_is_the_record():
    run = runs.alexnet()
    assert msgspec.json.decode(render(run, "json").encode(), type=Run) == run
    assert '\n  "run": "alexnet-20261124-071417",\n' in render(run, "json")


@pytest.mark.parametrize("name", RUNS)
def test_html_is_closed_and_holds_no_foreign_markup(name):
    html = render(RUNS[name](), "html")
    tags = [element.tag for element in ElementTree.fromstring(html).iter()]
    assert {*tags} <= {"div", "span", "table", "thead", "tbody", "tr", "th", "td", "br", "b"}
    assert tags.count("b") == 1
    assert "http" not in html


def test_only_the_phase_and_variant_asked_for():
    text = render(runs.alexnet(), options=ReportOptions(variant="without_lrn", phase="forward"))
    assert "forward, without LRN, 10 traced steps" in text
    assert "forward-backward" not in text
    where = text.partition("Where does it go?")[2].partition("What would I win?")[0]
    assert "lrn1" not in where
    assert "Predicted: the layer’s share" in text


@pytest.mark.parametrize(("top", "rest"), [(3, "9 more ops"), (0, "")])
def test_as_many_ops_as_asked_for(top, rest):
    text = render(runs.alexnet(), options=ReportOptions(phase="forward", top=top))
    assert ("most expensive" in text) == bool(rest)
    assert rest in text


@pytest.mark.parametrize(
    ("run", "style", "options", "message"),
    [
        (runs.alexnet, "pdf", {}, "no report style 'pdf': there are csv, html, json"),
        (runs.alexnet, "text", {"variant": "x"}, "no variant 'x' in run .*: there are with_lrn, w"),
        (runs.alexnet, "text", {"phase": "x"}, "no phase 'x' in run .*: there are forward, forw"),
        (odd_runs.nothing, "text", {"phase": "x"}, "no phase 'x' in run .*: there are none"),
        (runs.alexnet, "text", {"top": -1}, "at least 0, not -1"),
    ],
)
def test_what_is_not_there_is_named_with_what_there_is(run, style, options, message):
    with pytest.raises(UsageError, match=message):
        render(run(), style, ReportOptions(**options))


def test_commands_are_printed_where_there_is_a_run_for_them(tmp_path, monkeypatch):
    run = odd_runs.one_step()
    assert "alexprof report" not in render_any(run) + render_any(run, "html")
    placed = run.placed(tmp_path / "a b" / "mine")
    monkeypatch.chdir(tmp_path)
    assert "Details: alexprof report 'a b/mine' --full" in render_any(placed)
    assert "Charts: tensorboard --logdir 'a b'" in render_any(placed)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert f"tensorboard --logdir '{tmp_path}/a b'\n" in f"{render(placed)}\n"


@pytest.mark.parametrize("name", RUNS)
def test_ascii_keeps_columns(name):
    adapt_output()
    lines = render(RUNS[name]()).splitlines()
    for line in lines:
        ascii_line = line.encode("ascii", "alexprof").decode()
        assert ascii_line.count("?") == line.count("?")
        in_sentence = line.count("±") - line.count("± ") - line.count("±\u00a0")
        assert len(ascii_line) == len(line) + in_sentence, line


def test_csv_has_a_row_for_each_op():
    run = runs.alexnet()
    rows = list(csv.DictReader(render(run, "csv").splitlines()))
    phases = [phase for variant in run.variants.values() for phase in variant.phases.values()]
    ops = [op for phase in phases for op in phase.ops]
    assert [float(row["share_mean_s"]) for row in rows] == [op.share_mean_s for op in ops]
    assert {row["phase"] for row in rows} == {"forward", "forward_backward"}
    interval = tuple(float(rows[0][f"share_ci95_s_{end}"]) for end in ("low", "high"))
    assert interval == ops[0].share_ci95_s
    forward = render(run, "csv", ReportOptions(phase="forward", variant="with_lrn"))
    assert len(forward.splitlines()) == 1 + len(run.variants["with_lrn"].phases["forward"].ops)


def test_each_finding_is_in_the_full_report() -> None:
    for make in RUNS.values():
        run = make()
        options = ReportOptions(full=True)
        text = " ".join(render(run, "text", options).split())
        for finding in findings_of(run):
            sentence = " ".join(finding_text(View(run, options), finding).split())
            bare = sentence.partition(": ")[2] or sentence
            assert sentence in text or bare[1:] in text, finding.code


def test_every_output_has_an_entry():
    entries = {module.partition(":")[0].rpartition(".")[2] for module in FORMATS.values()}
    assert entries == {module.name for module in iter_modules(outputs.__path__)}
