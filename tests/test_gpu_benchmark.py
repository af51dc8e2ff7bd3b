"""`python -m benchmarks gpu`, on the CPU: that it runs, counts right and survives what fails."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from alexprof.attribute.costs import attribute_phases
from benchmarks.gpu import sizes
from benchmarks.gpu.parts import names, run_part
from benchmarks.gpu.runner import NEEDS_A_GPU, run_one
from benchmarks.gpu.stopwatch import laps, lengths
from benchmarks.gpu.suite import counted
from benchmarks.gpu.tables import as_markdown
from benchmarks.gpu.traces import compared
from tests.attribute.hand import on_host, steps

ROOT = Path(__file__).parents[1]
MACHINE = {"gpus": ["a GPU"], "processor": "p", "cores": 2, "tensorflow": "2", "alexprof": "0"}


def benchmark(*arguments) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", "gpu", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_without_a_gpu_it_says_so_in_a_sentence_and_leaves_nothing(tmp_path):
    done = benchmark("--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{NEEDS_A_GPU}\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_parts_on_the_cpu(tmp_path):
    asked = ["keras-fit", "two-optimizers", "train-and-test"]
    done = benchmark("--out", tmp_path, "--on-cpu", "--parts", ",".join(asked))
    assert done.returncode == 0, done.stdout + done.stderr
    parts = json.loads((tmp_path / "gpu.json").read_text())["parts"]
    assert list(parts) == asked
    (fit,) = parts["keras-fit"]["result"]["sorts"]
    (gan,) = parts["two-optimizers"]["result"]["sorts"]
    assert gan["stopwatch"]["steps"] == gan["alexprof"]["steps"] == sizes.CPU.steps
    assert {"opt_g", "opt_d"} <= set(gan["alexprof"]["layers"])
    assert 0 < gan["alexprof"]["optimizer_s"] < gan["alexprof"]["busy_s"]
    sorts = parts["train-and-test"]["result"]["sorts"]
    assert {row["sort"] for row in sorts} == {"train", "eval"}
    for row in (fit, *sorts):
        assert row["stopwatch"]["steps"] == row["alexprof"]["steps"] == sizes.CPU.steps
        # A marker lies inside of what the stopwatch takes; little is outside of it.
        assert -0.5 < row["difference"] < 0.01
    page = (tmp_path / "gpu.md").read_text()
    assert "two-optimizers" in page
    assert "train-and-test eval" in page


def test_a_part_that_fails_is_a_row(tmp_path):
    failed = run_one("no-such", Namespace(on_cpu=True, part_timeout_s=100.0), tmp_path)
    assert failed["error"].startswith("exit code 1: ValueError: no part 'no-such'")
    late = run_one("machine", Namespace(on_cpu=True, part_timeout_s=0.01), tmp_path)
    assert late["error"] == "it took longer than 0.01 s"
    parts = {"x": failed, "late": late, "jax": {"seconds": 1.0, "not_here": "no JAX | here"}}
    page = as_markdown({"on_cpu": False, "machine": MACHINE, "parts": parts})
    assert page.startswith("# AlexProf on a GPU\n")
    assert "| late | it took longer than 0.01 s |" in page
    assert "| jax | no JAX / here |" in page


def test_names_of_parts_are_known_before_anything_runs(tmp_path):
    assert {"profile-32", "ablate-512", "loop-128", "keras-fit", "tests"} <= set(names(sizes.GPU))
    done = benchmark("--out", tmp_path / "out", "--on-cpu", "--parts", "keras-fit,nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("no part nothing: there are profile-2, ")
    assert not (tmp_path / "out").exists()


def test_what_is_not_installed_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    from benchmarks.gpu.not_here import NotHere

    with pytest.raises(NotHere, match="JAX isn't installed"):
        run_part("jax-async-loop", sizes.CPU, tmp_path)


def test_a_step_lasts_until_the_next_begins():
    taken = lengths(["a", "b", "a"], [1.0, 3.0, 4.0, 9.0])
    assert taken == {"a": [2.0, 5.0], "b": [1.0]}
    ran: list[str] = []
    found = laps([("x", lambda: ran.append("x")), ("y", lambda: ran.append("y"))], ran.clear)
    assert {sort: len(seconds) for sort, seconds in found.items()} == {"x": 1, "y": 1}
    assert ran == []


def test_sorts_are_set_side_by_side():
    train = steps((0, 4_000), (10_000, 16_000), name="train")
    evaluate = steps((5_000, 6_000), (17_000, 18_000), name="eval")
    trace = on_host(python=[*train, *evaluate], one=[("a:A", 100, 200), ("b:B", 5_100, 5_200)])
    watch = {"train": [4e-6, 6e-6], "eval": [1e-6, 1e-6], "other": [1.0]}
    rows = {row["sort"]: row for row in compared(watch, attribute_phases(trace))}
    assert rows["other"]["alexprof"] is None
    assert rows["other"]["difference"] is None
    for sort in ("train", "eval"):
        assert rows[sort]["difference"] == pytest.approx(0)
        assert rows[sort]["alexprof"]["mean_s"] == pytest.approx(sum(watch[sort]) / 2)
    assert rows["train"]["alexprof"]["mean_without_first_s"] == pytest.approx(6e-6)
    # One sort on each side: the same steps, though only one of them has a name.
    alone = on_host(python=steps((0, 4_000), name="train"), one=[("a:A", 100, 200)])
    (row,) = compared({"": [5e-6]}, attribute_phases(alone))
    assert (row["sort"], row["difference"]) == ("train", pytest.approx(-0.2))


def test_figures_have_three_digits_and_ablations_say_whether_they_are_inside():
    answer = {
        **{"name": "lrn", "phase": "forward", "error": -0.416, "inside": False},
        **{"measured_s": 0.000322, "ci95_s": [0.000262, 0.000381]},
        **{"predicted_s": 0.000188, "predicted_from": "share"},
    }
    part = {"seconds": 1.0, "result": {"batch_size": 32, "phases": [], "ablations": [answer]}}
    page = as_markdown({"on_cpu": False, "machine": MACHINE, "parts": {"profile-32": part}})
    row = "| 32 | lrn | forward | 0.322 | 0.262 to 0.381 | 0.188 | share | -41.6% | no |"
    assert row in page.splitlines()


def test_outcomes_of_tests_are_counted(tmp_path):
    report = tmp_path / "tests.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="t.a" name="one" time="0.5"/>'
        '<testcase classname="t.a" name="two" time="1"><failure message="no"/></testcase>'
        '<testcase classname="t.b" name="three" time="0"><skipped/></testcase>'
        '<testcase classname="t.b" name="four" time="0"><error message="no"/></testcase>'
        "</testsuite></testsuites>"
    )
    failed = ["t.a::two", "t.b::four"]
    assert counted(report) == {"passed": 1, "failed": failed, "skipped": 1, "seconds": 1.5}
