"""A trace with no run around it."""

from __future__ import annotations

import json
import os
import random
from collections import defaultdict

import pytest

from alexprof.errors import DamageError, TraceError, UsageError
from alexprof.record.note import Note
from alexprof.record.store import save_run
from alexprof.show.options import ReportOptions
from alexprof.tracer.sources import load
from alexprof.tracer.traces import find_traces, load_trace
from tests.attribute.hand import draw, steps
from tests.factory import run_of
from tests.show.full import render
from tests.traces import TraceBuilder, message


def built(host, gpu=None):
    """A trace of what each line of a host and of a GPU ran; spans in ns."""
    trace = TraceBuilder()
    draw(trace.plane("/host:CPU"), host)
    if gpu is not None:
        draw(trace.plane("/device:GPU:0"), gpu)
    return trace


def gpu_trace(gpu):
    """A step of 1,000 ns on the host beside what a GPU ran."""
    return built({"python": steps((0, 1000)), "tf_Compute/1": [("a:MatMul", 100, 200)]}, gpu)


def host_trace():
    """Two steps of 100 ns, and an op in the first."""
    return built({"python": steps((0, 100), (100, 200)), "tf_Compute/1": [("a:MatMul", 5, 8)]})


def kernel(name, start, end, op):
    return (name, start, end, {"tf_op": op} if op else {})


def loaded(trace, folder):
    """The run of a trace that is written there, and its phase."""
    run = load_trace(trace.write(folder / "vm.xplane.pb"))
    return run, run.variants["trace"].phases["trace"]


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
    run, phase = loaded(gpu_trace(SOME), tmp_path)
    assert (run.run, run.complete, run.workload, run.machine) == ("vm", True, None, None)
    assert (list(run.variants), list(run.variants["trace"].phases)) == (["trace"], ["trace"])
    assert (phase.timed, phase.traced.steps, phase.traced.slowdown) == (None, 1, None)
    assert phase.attribution.device == "GPU:0"
    timeline = phase.attribution.timeline
    assert timeline.share_ns + timeline.idle_ns == 1000
    for style in ("html", "json", "markdown", "text"):
        assert "gemm" in render(run, style)


def test_kernels_and_devices_are_what_the_file_holds_before_clipping(tmp_path):
    _, phase = loaded(gpu_trace(SOME), tmp_path)
    assert [
        (kernel.name, kernel.op, kernel.device, kernel.stream, kernel.executions, kernel.total_ns)
        for kernel in phase.kernels
    ] == [
        ("gemm", "a", "GPU:0", "Stream #7(Kernel)", 2, 300),
        ("gemm", "a", "GPU:0", "Stream #8(Kernel)", 1, 100),
        ("gemm", "b", "GPU:0", "Stream #7(Kernel)", 1, 20),
        ("copy", "(unassigned)", "GPU:0", "Stream #7(Kernel)", 1, 10),
    ]
    assert {(kernel.grid, kernel.copied_bytes) for kernel in phase.kernels} == {(None, None)}
    assert phase.kernels[0].tensor_cores is None
    assert [
        (device.name, device.kind, device.events, device.busy_ns) for device in phase.devices
    ] == [
        ("CPU", "cpu", 1, 100),
        # 200–350 on two streams, 400–410, 900–1100
        ("GPU:0", "gpu", 5, 150 + 10 + 200),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_kernels_add_up_as_if_counted_one_by_one(tmp_path, seed):
    draws = random.Random(seed)
    lines: dict[str, list[tuple[object, ...]]] = {}
    lengths = defaultdict(list)
    for stream in ("Stream #1", "Stream #2", "Stream #3"):
        lines[stream] = []
        for _ in range(draws.randrange(40)):
            start, length = draws.randrange(5000), draws.randrange(300)
            name, op = draws.choice("kmn"), draws.choice(["a:MatMul", "b:Mul", None])
            lines[stream].append(kernel(name, start, start + length, op))
            lengths[name, op.split(":")[0] if op else "(unassigned)", stream].append(length)
    _, phase = loaded(gpu_trace(lines), tmp_path)
    assert {
        (kernel.name, kernel.op, kernel.stream): (kernel.executions, kernel.total_ns)
        for kernel in phase.kernels
    } == {key: (len(of_key), sum(of_key)) for key, of_key in lengths.items()}
    totals = [kernel.total_ns for kernel in phase.kernels]
    assert totals == sorted(totals, reverse=True)


def test_of_a_trace_that_is_cut_nothing_is_shown(tmp_path):
    trace = gpu_trace(SOME)
    file = tmp_path / "vm.xplane.pb"
    host = len(message(1, trace.planes[0].to_bytes()))
    file.write_bytes(trace.to_bytes()[: host + 50])
    with pytest.raises(DamageError) as caught:
        load_trace(file)
    assert (caught.value.numbers, caught.value.names) == ({"byte": host}, (str(file),))
    trace.planes[0].lines[0].raw(b"\x22\x7f")
    with pytest.raises(DamageError):
        load_trace(trace.write(file))


def test_of_several_hosts_with_a_damaged_trace_nothing_is_shown(tmp_path):
    whole = gpu_trace(SOME).write(tmp_path / "vm1.xplane.pb")
    trace = gpu_trace(SOME)
    trace.planes[1].lines[0].event("gemm", 0, 5, raw=b"\x0c")  # seen once events are read
    with pytest.raises(DamageError, match="vm2"):
        load_trace(whole, trace.write(tmp_path / "vm2.xplane.pb"))


def test_a_session_gives_its_name(tmp_path):
    session = tmp_path / "train" / "plugins" / "profile" / "2026_11_24"
    file = host_trace().write(session / "vm.xplane.pb")
    # TensorBoard's logdir has runs like `train`.
    for place in (file, session, session.parent, session.parents[1], session.parents[2], tmp_path):
        assert find_traces(str(place)) == (file,)
    host_trace().write(session.parent / "_graph_build" / "vm.xplane.pb")
    assert find_traces(str(session.parents[2])) == (file,)
    assert load_trace(file).run == "2026_11_24"
    with pytest.raises(UsageError, match="is empty"):
        find_traces("")


def test_of_several_traces_one_has_to_be_named(tmp_path):
    for session in ("one", "two"):
        host_trace().write(tmp_path / "plugins" / "profile" / session / "vm.xplane.pb")
    with pytest.raises(UsageError, match=r"holds 2 traces: name one of .*one, .*two$"):
        find_traces(str(tmp_path))


def test_runs_and_what_is_no_trace_are_left_to_others(tmp_path):
    save_run(tmp_path / "run", run_of("run"))
    host_trace().write(tmp_path / "run" / "vm.xplane.pb")
    (tmp_path / "empty").mkdir()
    for name in ("run", "run/run.json", "empty", "nothing"):
        assert find_traces(str(tmp_path / name)) == ()


def test_a_trace_without_ops_is_an_error(tmp_path):
    with pytest.raises(TraceError, match="without ops and kernels"):
        loaded(built({"python": steps((0, 10))}), tmp_path)


def test_a_run_of_the_logdir_goes_before_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logdir = tmp_path / "logdir"
    save_run(logdir / "mine", run_of("mine"))
    host_trace().write("mine")
    host_trace().write("other.xplane.pb")
    assert load("mine", logdir).machine is not None
    assert load("other.xplane.pb", logdir).machine is None


def test_the_same_kernel_on_two_planes_of_a_device_is_one(tmp_path):
    trace = gpu_trace(SOME)
    draw(trace.plane("/device:GPU:0"), SOME)
    _, phase = loaded(trace, tmp_path)
    assert [(kernel.op, kernel.executions, kernel.total_ns) for kernel in phase.kernels] == [
        *(("a", 4, 600), ("a", 2, 200), ("b", 2, 40), ("(unassigned)", 2, 20))
    ]


def test_hosts_of_one_session_are_one_trace(tmp_path):
    session = tmp_path / "plugins" / "profile" / "day"
    kernels = [kernel("gemm", 10, 60, "a:MatMul"), kernel("gemm", 110, 130, "a:MatMul")]
    first = host_trace()
    draw(first.plane("/device:GPU:0"), {"Stream #1": kernels})
    first.write(session / "vm1.xplane.pb")
    # Another clock, and longer steps.
    ops = [("b:Relu", 5010, 5050), ("b:Relu", 5210, 5250)]
    second = built({"python": steps((5000, 5200), (5200, 5400)), "tf_Compute/1": ops})
    second.warning("dropped 5 events")
    second.write(session / "vm2.xplane.pb")

    run = load(str(tmp_path), tmp_path / "logdir")
    phase = run.variants["trace"].phases["trace"]
    assert run.run == "day"
    walls = {books.device: books.wall_ns for books in phase.attribution.devices}
    assert walls == {"vm1/CPU": 200, "vm1/GPU:0": 200, "vm2/CPU": 400}
    assert phase.attribution.device == "vm1/GPU:0"
    for books in phase.attribution.devices:
        assert books.share_ns + books.idle_ns == books.wall_ns
    assert [(device.name, device.kind) for device in phase.devices] == [
        *(("vm1/CPU", "cpu"), ("vm1/GPU:0", "gpu"), ("vm2/CPU", "cpu"))
    ]
    assert phase.kernels[0].device == "vm1/GPU:0"
    (relu,) = [op for op in phase.ops if op.name == "b"]
    assert relu.device == "vm2/CPU"
    assert relu.share_fraction == pytest.approx(80 / 400)
    lost = Note("profiler_warning", host="vm2", text="dropped 5 events")
    assert (run.complete, run.stopped) == (False, lost)
    assert lost in phase.notes
    text = render(run, "text")
    assert "vm1/GPU:0" in text
    assert "vm2/CPU" in text


def test_hosts_whose_steps_differ_and_one_without_ops_are_told(tmp_path):
    host_trace().write(tmp_path / "vm1.xplane.pb")
    fewer = built({"python": steps((0, 100)), "tf_1": [("a:MatMul", 0, 50)]})
    fewer.write(tmp_path / "vm2.xplane.pb")
    built({"python": steps((0, 100))}).write(tmp_path / "vm3.xplane.pb")
    notes = load(str(tmp_path), tmp_path).variants["trace"].phases["trace"].notes
    assert Note("steps_not_on_all_hosts", {"steps": 1, "of_steps": 2}) in notes
    assert Note("host_not_shown", host="vm3") in notes


def test_a_marker_and_a_depth_are_for_traces_alone(tmp_path):
    marked = [*steps((0, 100), name="outer"), *steps((10, 50), name="inner")]
    trace = built({"python": marked, "tf_1": [("m/a/b:MatMul", 20, 40)]})
    file = str(trace.write(tmp_path / "vm.xplane.pb"))
    chosen = load(file, tmp_path, marker="inner", depth=2).variants["trace"].phases["trace"]
    assert chosen.traced.mean_s == pytest.approx(40e-9)
    assert [layer.name for layer in chosen.layers] == ["m/a"]
    save_run(tmp_path / "mine", run_of("mine"))
    for asked in ({"marker": "inner"}, {"depth": 2}, {"cores": False}):
        with pytest.raises(UsageError, match="work only on a trace"):
            load("mine", tmp_path, **asked)
    with pytest.raises(UsageError, match="depth must be a whole number of at least 1"):
        load(file, tmp_path, depth=0)
    with pytest.raises(UsageError, match="one file for each host"):
        load_trace()
    with pytest.raises(UsageError, match=r'vm.xplane.pb: no step marked "nope" .*, only "inner"'):
        load_trace(file, marker="nope")


def test_kernels_say_how_they_were_launched(tmp_path):
    small = {"tf_op": "a:MatMul", "kernel_details": "regs:32 grid:8,1,1 block:64,1,1 occ_pct:25"}
    large = {**small, "kernel_details": "regs:40 grid:160,2,1 block:256,1,1 occ_pct:62.5"}
    copy = {"memcpy_details": "kind_src:device kind_dst:pinned size:4096 dest:0 async:1"}
    kernels = [
        ("nvjet_hsh_128x256_64x4", 0, 10, small),
        ("nvjet_hsh_128x256_64x4", 10, 40, large),
        ("MemcpyD2H", 40, 45, copy),
    ]
    streams = {"Stream #7(Kernel,MemcpyD2H)": kernels}
    run, phase = loaded(built({"python": steps((0, 100))}, streams), tmp_path)
    launched, copied = phase.kernels
    assert (launched.executions, launched.total_ns, launched.launches) == (2, 40, 2)
    assert (launched.grid, launched.block) == ((160, 2, 1), (256, 1, 1))
    assert (launched.registers, launched.occupancy, launched.tensor_cores) == (40, 0.625, True)
    assert (copied.copied_bytes, copied.grid, copied.tensor_cores) == (4096, None, False)
    text = render(run, "text", ReportOptions(width=150))
    assert "160×2" in text
    assert "#7 " in text
    assert "Stream" not in text


def test_two_streams_of_one_name_are_two(tmp_path):
    trace = built({"python": steps((0, 100))})
    plane = trace.plane("/device:GPU:0")
    for number in (5, 6):
        plane.line("Compute", number).event("k", 10_000 * number, 1000, {"tf_op": "a:MatMul"})
    _, phase = loaded(trace, tmp_path)
    assert sorted(kernel.stream for kernel in phase.kernels) == ["Compute 5", "Compute 6"]


def test_hosts_are_judged_by_the_device_that_was_busiest_in_steps(tmp_path):
    for host, spans in (("vm1", [(10, 20), (2000, 9000)]), ("vm2", [(10, 90)])):
        trace = host_trace()
        kernels = [kernel("gemm", *span, "a:MatMul") for span in spans]
        draw(trace.plane("/device:GPU:0"), {"Stream #1": kernels})
        trace.write(tmp_path / f"{host}.xplane.pb")
    phase = load(str(tmp_path), tmp_path).variants["trace"].phases["trace"]
    assert phase.attribution.device == "vm2/GPU:0"
    assert Note("several_hosts", {"hosts": 2}) in phase.notes


def test_a_name_that_is_no_text_is_shown_all_the_same(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.xplane.pb")
    path.write_bytes(host_trace().to_bytes())
    assert json.loads(render(load_trace(path), "json"))["run"] == "\ufffd"


@pytest.mark.parametrize(("executor", "told"), [("tf_Compute/1", True), ("python", False)])
def test_the_host_s_level_is_told_where_graphs_run(tmp_path, executor, told):
    # profile_options: host_tracer_level (2) = 2, as tsl/profiler/protobuf/profiler_options.proto.
    trace = built({"marks": steps((0, 100)), executor: [("a:MatMul", 5, 8)]})
    trace.plane("Task Environment", stats={"profile_options": b"\x10\x02"})
    _, phase = loaded(trace, tmp_path)
    assert (Note("host_level_low", {"level": 2, "full_level": 3}) in phase.notes) is told


def test_traces_that_were_taken_one_after_the_other_are_no_hosts_of_one_program(tmp_path):
    for host, begin_s in (("a", 0), ("b", 60)):
        trace = host_trace()
        times = {"profile_start_time": begin_s * 10**9, "profile_stop_time": (begin_s + 1) * 10**9}
        trace.plane("Task Environment", stats=times)
        trace.write(tmp_path / f"{host}.xplane.pb")
    with pytest.raises(TraceError, match="one after the other"):
        load_trace(*sorted(tmp_path.glob("*.xplane.pb")))


@pytest.mark.parametrize("name", ["vm.trace.json.gz", "vm.kernel_stats.pb"])
def test_a_file_beside_a_trace_is_answered_with_the_trace(tmp_path, name):
    (tmp_path / name).write_bytes(b"?")
    with pytest.raises(UsageError, match=r"no \.xplane\.pb"):
        find_traces(str(tmp_path / name))
    (tmp_path / "vm.xplane.pb").write_bytes(b"")
    with pytest.raises(UsageError, match=r"vm\.xplane\.pb"):
        find_traces(str(tmp_path / name))
