"""A trace with no run around it."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from alexprof.errors import TraceError, UsageError
from alexprof.runs.store import save_run
from alexprof.runs.traces import find_trace, load, load_trace
from alexprof.show import render
from alexprof.show.registry import styles
from tests.attribute.hand import draw, steps
from tests.runs.test_store import run_named
from tests.traces import TraceBuilder, message


def gpu_trace(**gpu):
    """A step of 1,000 ns on the host and what each line of a GPU ran; spans in ns."""
    built = TraceBuilder()
    host = {"python": steps((0, 1000)), "tf_Compute/1": [("a:MatMul", 100, 200)]}
    draw(built.plane("/host:CPU"), host)
    draw(built.plane("/device:GPU:0"), gpu)
    return built


def kernel(name, start, end, op):
    return (name, start, end, {"tf_op": op} if op else {})


SOME = {
    "Stream #7(Kernel)": [
        kernel("gemm", 200, 300, "a:MatMul"),
        kernel("gemm", 900, 1100, "a:MatMul"),  # a half of it after the step
        kernel("gemm", 300, 320, "b:MatMul"),
        kernel("copy", 400, 410, None),
    ],
    "Stream #8(Kernel)": [kernel("gemm", 250, 350, "a:MatMul")],
}


def test_the_record_has_one_variant_and_one_phase(tmp_path):
    run = load_trace(gpu_trace(**SOME).write(tmp_path / "vm.xplane.pb"))
    assert (run.run, run.complete, run.workload, run.machine) == ("vm", True, None, None)
    assert list(run.variants) == ["trace"]
    (phase,) = run.variants["trace"].phases.values()
    assert (phase.timed, phase.traced.steps, phase.traced.slowdown) == (None, 1, None)
    assert phase.attribution.device == "GPU:0"
    assert phase.attribution.share_ns + phase.attribution.idle_ns == 1000


def test_kernels_and_devices_are_what_the_file_holds_before_clipping(tmp_path):
    run = load_trace(gpu_trace(**SOME).write(tmp_path / "vm.xplane.pb"))
    phase = run.variants["trace"].phases["trace"]
    assert [
        (one.name, one.op, one.device, one.stream, one.executions, one.total_ns)
        for one in phase.kernels
    ] == [
        ("gemm", "a", "GPU:0", "Stream #7(Kernel)", 2, 300),
        ("gemm", "a", "GPU:0", "Stream #8(Kernel)", 1, 100),
        ("gemm", "b", "GPU:0", "Stream #7(Kernel)", 1, 20),
        ("copy", "(unassigned)", "GPU:0", "Stream #7(Kernel)", 1, 10),
    ]
    assert [(one.name, one.kind, one.events, one.busy_ns) for one in phase.devices] == [
        ("CPU", "cpu", 1, 100),
        # 200–350 on two streams, 400–410, 900–1100
        ("GPU:0", "gpu", 5, 150 + 10 + 200),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_kernels_add_up_as_if_counted_one_by_one(tmp_path, seed):
    draws = random.Random(seed)
    lines: dict[str, list[tuple[object, ...]]] = {}
    count: Counter[tuple[str, str, str]] = Counter()
    total: Counter[tuple[str, str, str]] = Counter()
    for stream in ("Stream #1", "Stream #2", "Stream #3"):
        spans = []
        for _ in range(draws.randrange(40)):
            start, long = draws.randrange(5000), draws.randrange(300)
            name, op = draws.choice("kmn"), draws.choice(["a:MatMul", "b:Mul", None])
            spans.append(kernel(name, start, start + long, op))
            key = (name, op.split(":")[0] if op else "(unassigned)", stream)
            count[key] += 1
            total[key] += long
        lines[stream] = spans
    run = load_trace(gpu_trace(**lines).write(tmp_path / "vm.xplane.pb"))
    found = run.variants["trace"].phases["trace"].kernels
    assert {(one.name, one.op, one.stream): one.executions for one in found} == dict(count)
    assert {(one.name, one.op, one.stream): one.total_ns for one in found} == dict(total)
    assert [one.total_ns for one in found] == sorted(total.values(), reverse=True)


def test_all_styles_show_it(tmp_path):
    run = load_trace(gpu_trace(**SOME).write(tmp_path / "vm.xplane.pb"))
    for style in styles():
        assert "gemm" in render(run, style)
    text = render(run, "text")
    assert "What does a step cost?" not in text
    assert "GPU:0 is idle for" in text
    assert "All kernels" in text
    record = json.loads(render(run, "json"))
    assert (record["workload"], record["machine"]) == (None, None)
    phase = record["variants"]["trace"]["phases"]["trace"]
    assert phase["timed"] is None
    assert phase["kernels"][0] == {
        "name": "gemm",
        "op": "a",
        "device": "GPU:0",
        "stream": "Stream #7(Kernel)",
        "executions": 2,
        "total_ns": 300,
    }


def test_what_the_profiler_lost_makes_it_incomplete(tmp_path):
    built = gpu_trace(**SOME)
    built.warning("dropped 5 events")
    run = load_trace(built.write(tmp_path / "vm.xplane.pb"))
    assert not run.complete
    assert run.stopped == "the profiler warns: dropped 5 events"
    assert "dropped 5 events" in render(run, "text")


def test_a_trace_that_is_cut_is_incomplete_and_says_what_is_missing(tmp_path):
    built = gpu_trace(**SOME)
    whole = built.to_bytes()
    file = tmp_path / "vm.xplane.pb"
    host = len(message(1, built.planes[0].to_bytes()))
    file.write_bytes(whole[: host + 50])
    run = load_trace(file)
    assert not run.complete
    assert run.stopped is not None
    assert run.stopped.startswith(f"the trace is damaged: {file}: byte {host}: a field of ")
    assert run.stopped.endswith("; plane '/device:GPU:0' and all behind it is left out")
    phase = run.variants["trace"].phases["trace"]
    assert phase.notes[0] == run.stopped
    assert [one.name for one in phase.devices] == ["CPU"]
    for style in styles():
        assert "the trace is damaged" in " ".join(render(run, style).split())
    assert "incomplete" in render(run, "text").splitlines()[0]


def test_what_is_left_of_a_trace_gives_no_step_that_was_not_marked(tmp_path):
    built = gpu_trace(**SOME)
    host = built.planes[0]
    host.lines[0].raw(b"\x22\x7f")  # the line with the steps
    with pytest.raises(
        TraceError, match=r"byte \d+: .*line 'python'.*no step is marked in the rest"
    ):
        load_trace(built.write(tmp_path / "vm.xplane.pb"))
    host.lines[0].name = "pool"
    host.lines[1].raw(b"\x22\x7f")  # and that with the ops
    built.planes.pop()
    with pytest.raises(TraceError, match="no op and no kernel is in the rest"):
        load_trace(built.write(tmp_path / "vm.xplane.pb"))


def test_a_line_that_is_damaged_makes_no_step_shorter(tmp_path):
    built = gpu_trace(**SOME)
    whole = load_trace(built.write(tmp_path / "vm.xplane.pb"))
    built.planes[1].lines[0].raw(b"\x22\x7f")
    left = load_trace(built.write(tmp_path / "vm.xplane.pb"))
    books = [run.variants["trace"].phases["trace"].attribution for run in (whole, left)]
    assert [one.wall_ns for one in books] == [1000, 1000]
    assert not left.complete
    assert "line 'Stream #7(Kernel)' (id 1) of '/device:GPU:0' is left out" in left.stopped


def test_a_session_gives_its_name(tmp_path):
    session = tmp_path / "plugins" / "profile" / "2026_11_24"
    file = gpu_trace(**SOME).write(session / "vm.xplane.pb")
    assert find_trace(str(file)) == file
    assert find_trace(str(session)) == file
    for folder in (tmp_path, tmp_path / "plugins", session.parent):
        assert find_trace(str(folder)) == file
    gpu_trace(**SOME).write(session.parent / "graph_build" / "vm.xplane.pb")
    assert find_trace(str(tmp_path)) == file
    assert load_trace(file).run == "2026_11_24"


def test_of_several_traces_one_has_to_be_named(tmp_path):
    for session in ("one", "two"):
        gpu_trace(**SOME).write(tmp_path / "plugins" / "profile" / session / "vm.xplane.pb")
    with pytest.raises(UsageError, match=r"holds 2 traces: name one of .*one/vm.xplane.pb, "):
        find_trace(str(tmp_path))


def test_runs_and_what_is_no_trace_are_left_to_others(tmp_path):
    (tmp_path / "run").mkdir()
    record = tmp_path / "run" / "run.json"
    record.write_text("{}")
    gpu_trace(**SOME).write(tmp_path / "run" / "vm.xplane.pb")
    (tmp_path / "empty").mkdir()
    for name in ("run", "run/run.json", "empty", "nothing"):
        assert find_trace(str(tmp_path / name)) is None


def test_a_trace_without_ops_is_an_error(tmp_path):
    built = TraceBuilder()
    draw(built.plane("/host:CPU"), {"python": steps((0, 10))})
    with pytest.raises(TraceError, match="without ops and kernels"):
        load_trace(built.write(tmp_path / "vm.xplane.pb"))


def test_a_run_of_the_logdir_goes_before_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logdir = tmp_path / "logdir"
    save_run(logdir / "mine", run_named("mine"))
    gpu_trace(**SOME).write("mine")
    gpu_trace(**SOME).write("other.xplane.pb")
    assert load("mine", logdir).machine is not None
    assert load("other.xplane.pb", logdir).machine is None


def test_the_same_kernel_on_two_planes_of_a_device_is_one(tmp_path):
    built = gpu_trace(**SOME)
    draw(built.plane("/device:GPU:0"), SOME)
    run = load_trace(built.write(tmp_path / "vm.xplane.pb"))
    found = run.variants["trace"].phases["trace"].kernels
    assert [(one.op, one.executions, one.total_ns) for one in found] == [
        ("a", 4, 600),
        ("a", 2, 200),
        ("b", 2, 40),
        ("(unassigned)", 2, 20),
    ]
