"""What `ab` prints, as a whole; golden files as in test_comparisons."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from alexprof.analysis.pairs import PairsResult, judge_pairs
from alexprof.errors import UsageError
from alexprof.measure.processes import parse_command
from alexprof.record.note import Note
from alexprof.show import ReportOptions
from alexprof.show.pairs import pair_line, render_pairs
from alexprof.tracer.pairing import PairsPlan, run_pairs
from tests.analysis.made import HOST
from tests.analysis.test_pairs import Scripted, leave_run
from tests.factory import wave
from tests.show.golden_files import check_golden

GOLDEN = Path(__file__).parent / "golden_pairs"
A = parse_command("true train.py --fast")
B = parse_command(f"X=1 true train.py --name={'very-' * 30}long '<b>|*_'")


def seconds(name):
    """Two to three seconds, B 5 % slower, pairs that differ by up to 2 %."""
    number = int(re.sub(r"\D", "", name))
    return (
        2.5 * (1 + 0.02 * float(wave(30, 3 + ("b" in name))[number])) * (1 + 0.05 * ("b" in name))
    )


def far(name):
    return seconds(name) * (1 + 0.3 * float(wave(30, 7)[int(name[-1])]) * ("b" in name))


def result(folder, pairs=5, seconds=seconds, leave=lambda logdir, name: None, **changes):
    record = run_pairs(PairsPlan(A, B, pairs), folder, run=Scripted(seconds, leave))
    asked = pairs if not changes else 40
    record = msgspec.structs.replace(record, machine=HOST, pairs=asked, **changes)
    return judge_pairs(record, folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logdir")
    cut = {"complete": False, "stopped": Note("interrupted")}
    return {
        "processes": result(folder / "processes"),
        "unclear": result(folder / "unclear", pairs=3, seconds=far),
        "many": result(folder / "many", pairs=28, **cut),
        "runs": result(folder / "runs", leave=leave_run()),
    }


def rendered(results, name, style="text", **options):
    return render_pairs(results[name], style, ReportOptions(**options))


NAMES = ("processes", "unclear", "many", "runs")
PAGES = ("processes", "runs")


@pytest.mark.parametrize("name", NAMES)
def test_text(results, name):
    check_golden(GOLDEN / f"{name}.txt", rendered(results, name))


@pytest.mark.parametrize("name", PAGES)
def test_markdown(results, name):
    check_golden(GOLDEN / f"{name}.md", rendered(results, name, "markdown"))


def test_no_golden_file_is_left_over():
    names = {f"{name}.txt" for name in NAMES} | {f"{name}.md" for name in PAGES}
    assert {path.name for path in GOLDEN.iterdir()} == names


@pytest.mark.parametrize("width", [1, 40, 60, 80, 200])
@pytest.mark.parametrize("name", NAMES)
def test_no_line_is_too_wide(results, name, width):
    text = rendered(results, name, width=width)
    assert max(map(cell_len, text.splitlines())) <= min(max(width, 40), 100)


@pytest.mark.parametrize("name", NAMES)
def test_color_adds_nothing_but_color(results, name):
    colored = rendered(results, name, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == rendered(results, name)


@pytest.mark.parametrize("name", NAMES)
def test_json_comes_back_as_the_same_values(results, name):
    text = rendered(results, name, "json")
    assert msgspec.json.decode(text, type=PairsResult) == results[name]
    assert json.loads(text)["schema_version"] == 2


def test_who_ran_first_does_not_depend_on_the_clock(results):
    """Quick processes start within a millisecond, and a clock may be set back."""
    pairs_result = results["processes"]
    same = [
        msgspec.structs.replace(process, started=pairs_result.record.started)
        for process in pairs_result.record.processes
    ]
    record = msgspec.structs.replace(pairs_result.record, processes=tuple(same))
    at_once = msgspec.structs.replace(pairs_result, record=record)
    assert render_pairs(at_once) == render_pairs(pairs_result)


def test_each_style_is_known(results):
    with pytest.raises(UsageError, match="no style 'pdf'"):
        rendered(results, "runs", "pdf")


def test_no_direction_without_a_verdict(results):
    text = rendered(results, "unclear")
    assert "Unclear (95" in text.replace("\xa0", " ")
    assert "slower than" not in text
    assert "more pairs of processes" in text


def test_a_pair_while_it_goes_on(results):
    record = results["processes"].record
    cut = msgspec.structs.replace(record, processes=record.processes[:-4], pairs=100)
    assert re.fullmatch(
        r"Pair 3 of 100: A 2\.\d\d s, B 2\.\d\d s; 8 min \d+ s left",
        pair_line(cut).replace("\xa0", " "),
    )
    assert pair_line(record).startswith("Pair 5 of 5: ")
    assert "left" not in pair_line(record)
