"""A trace with no run around it."""

from __future__ import annotations

import json
import os
import random
from collections import Counter

import pytest

from alexprof.errors import DamageError, TraceError, UsageError
from alexprof.record.note import Note
from alexprof.record.store import save_run
from alexprof.show import ReportOptions
from alexprof.tracer.sources import load
from alexprof.tracer.traces import find_traces, load_trace
from tests.attribute.hand import draw, steps
from tests.record.test_store import run_named
from tests.show.full import render
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
    for style in ("html", "json", "markdown", "text"):
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
        "launches": 1,
        "grid": None,
        "block": None,
        "registers": None,
        "shared_memory_bytes": None,
        "occupancy": None,
        "copied_bytes": None,
        "copied_from": None,
        "copied_to": None,
        "total_bytes": 0,
        "tensor_cores": None,
    }


def test_what_the_profiler_lost_makes_it_incomplete(tmp_path):
    built = gpu_trace(**SOME)
    built.warning("dropped 5 events")
    run = load_trace(built.write(tmp_path / "vm.xplane.pb"))
    assert not run.complete
    assert run.stopped == Note("profiler_warning", text="dropped 5 events")
    assert "dropped 5 events" in render(run, "text")


def test_of_a_trace_that_is_cut_nothing_is_shown(tmp_path):
    built = gpu_trace(**SOME)
    whole = built.to_bytes()
    file = tmp_path / "vm.xplane.pb"
    host = len(message(1, built.planes[0].to_bytes()))
    file.write_bytes(whole[: host + 50])
    with pytest.raises(DamageError, match=f"^{file}: byte {host}: a field of "):
        load_trace(file)
    built.planes[0].lines[0].raw(b"\x22\x7f")
    with pytest.raises(DamageError):
        load_trace(built.write(file))


def test_of_several_hosts_with_a_damaged_trace_nothing_is_shown(tmp_path):
    whole = gpu_trace(**SOME).write(tmp_path / "vm1.xplane.pb")
    built = gpu_trace(**SOME)
    built.planes[1].lines[0].event("gemm", 0, 5, raw=b"\x0c")  # seen once events are read
    with pytest.raises(DamageError, match="vm2"):
        load_trace(whole, built.write(tmp_path / "vm2.xplane.pb"))


def test_a_session_gives_its_name(tmp_path):
    session = tmp_path / "plugins" / "profile" / "2026_11_24"
    file = gpu_trace(**SOME).write(session / "vm.xplane.pb")
    assert find_traces(str(file)) == (file,)
    assert find_traces(str(session)) == (file,)
    for folder in (tmp_path, tmp_path / "plugins", session.parent):
        assert find_traces(str(folder)) == (file,)
    gpu_trace(**SOME).write(session.parent / "_graph_build" / "vm.xplane.pb")
    assert find_traces(str(tmp_path)) == (file,)
    assert load_trace(file).run == "2026_11_24"


def test_of_several_traces_one_has_to_be_named(tmp_path):
    for session in ("one", "two"):
        gpu_trace(**SOME).write(tmp_path / "plugins" / "profile" / session / "vm.xplane.pb")
    with pytest.raises(UsageError, match=r"holds 2 traces: name one of .*one, .*two$"):
        find_traces(str(tmp_path))


def test_runs_and_what_is_no_trace_are_left_to_others(tmp_path):
    (tmp_path / "run").mkdir()
    record = tmp_path / "run" / "run.json"
    record.write_text("{}")
    gpu_trace(**SOME).write(tmp_path / "run" / "vm.xplane.pb")
    (tmp_path / "empty").mkdir()
    for name in ("run", "run/run.json", "empty", "nothing"):
        assert find_traces(str(tmp_path / name)) == ()


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


def host_trace(*spans, at=(0, 100)):
    built = TraceBuilder()
    draw(built.plane("/host:CPU"), {"python": steps(at, (at[0] + 100, at[1] + 100))})
    draw(built.plane("/host:CPU"), {"tf_Compute/1": [(name, *span) for name, *span in spans]})
    return built


def test_hosts_of_one_session_are_one_trace(tmp_path):
    session = tmp_path / "plugins" / "profile" / "day"
    kernels = [("gemm", 10, 60, {"tf_op": "a:MatMul"}), ("gemm", 110, 130, {"tf_op": "a:MatMul"})]
    one = host_trace(("a:MatMul", 5, 8))
    draw(one.plane("/device:GPU:0"), {"Stream #1": kernels})
    one.write(session / "vm1.xplane.pb")
    # Another clock, and longer steps.
    two = TraceBuilder()
    draw(two.plane("/host:CPU"), {"python": steps((5000, 5200), (5200, 5400))})
    draw(two.plane("/host:CPU"), {"tf_Compute/1": [("b:Relu", 5010, 5050), ("b:Relu", 5210, 5250)]})
    two.warning("dropped 5 events")
    two.write(session / "vm2.xplane.pb")

    run = load(str(tmp_path), tmp_path / "logdir")
    phase = run.variants["trace"].phases["trace"]
    assert run.run == "day"
    assert [device.device for device in phase.attribution.devices] == [
        "vm1/CPU",
        "vm1/GPU:0",
        "vm2/CPU",
    ]
    assert phase.attribution.device == "vm1/GPU:0"
    for books in phase.attribution.devices:
        assert books.share_ns + books.idle_ns == books.wall_ns
    walls = {books.device: books.wall_ns for books in phase.attribution.devices}
    assert walls == {"vm1/CPU": 200, "vm1/GPU:0": 200, "vm2/CPU": 400}
    assert [(device.name, device.kind) for device in phase.devices] == [
        ("vm1/CPU", "cpu"),
        ("vm1/GPU:0", "gpu"),
        ("vm2/CPU", "cpu"),
    ]
    assert phase.kernels[0].device == "vm1/GPU:0"
    (relu,) = [op for op in phase.ops if op.name == "b"]
    assert relu.device == "vm2/CPU"
    assert relu.share_fraction == pytest.approx(80 / 400)
    assert not run.complete
    assert Note("profiler_warning", host="vm2", text="dropped 5 events") in phase.notes
    text = render(run, "text")
    assert "vm1/GPU:0" in text
    assert "vm2/CPU" in text


def test_hosts_whose_steps_differ_and_one_without_ops_are_told(tmp_path):
    host_trace(("a:MatMul", 5, 8)).write(tmp_path / "vm1.xplane.pb")
    two = TraceBuilder()
    draw(two.plane("/host:CPU"), {"python": steps((0, 100)), "tf_1": [("a:MatMul", 0, 50)]})
    two.write(tmp_path / "vm2.xplane.pb")
    three = TraceBuilder()
    draw(three.plane("/host:CPU"), {"python": steps((0, 100))})
    three.write(tmp_path / "vm3.xplane.pb")
    notes = load(str(tmp_path), tmp_path).variants["trace"].phases["trace"].notes
    assert Note("steps_not_on_all_hosts", {"steps": 1, "of_steps": 2}) in notes
    assert Note("host_not_shown", host="vm3") in notes


def test_a_marker_and_a_depth_are_for_traces_alone(tmp_path):
    built = TraceBuilder()
    marked = [*steps((0, 100), name="outer"), *steps((10, 50), name="inner")]
    draw(built.plane("/host:CPU"), {"python": marked, "tf_1": [("m/a/b:MatMul", 20, 40)]})
    file = str(built.write(tmp_path / "vm.xplane.pb"))
    chosen = load(file, tmp_path, marker="inner", depth=2).variants["trace"].phases["trace"]
    assert chosen.traced.mean_s == pytest.approx(40e-9)
    assert [layer.name for layer in chosen.layers] == ["m/a"]
    save_run(tmp_path / "mine", run_named("mine"))
    for asked in ({"marker": "inner"}, {"depth": 2}, {"cores": False}):
        with pytest.raises(UsageError, match="work only on a trace"):
            load("mine", tmp_path, **asked)
    with pytest.raises(UsageError, match="at least 1 name scope"):
        load(file, tmp_path, depth=0)
    with pytest.raises(UsageError, match="one file for each host"):
        load_trace()


def test_kernels_say_how_they_were_launched(tmp_path):
    small = {"tf_op": "a:MatMul", "kernel_details": "regs:32 grid:8,1,1 block:64,1,1 occ_pct:25"}
    large = {**small, "kernel_details": "regs:40 grid:160,2,1 block:256,1,1 occ_pct:62.5"}
    copy = {"memcpy_details": "kind_src:device kind_dst:pinned size:4096 dest:0 async:1"}
    kernels = [
        ("nvjet_hsh_128x256_64x4", 0, 10, small),
        ("nvjet_hsh_128x256_64x4", 10, 40, large),
        ("MemcpyD2H", 40, 45, copy),
    ]
    built = TraceBuilder()
    draw(built.plane("/host:CPU"), {"python": steps((0, 100))})
    draw(built.plane("/device:GPU:0"), {"Stream #7(Kernel,MemcpyD2H)": kernels})
    run = load_trace(built.write(tmp_path / "vm.xplane.pb"))
    kernel, copied = run.variants["trace"].phases["trace"].kernels
    assert (kernel.executions, kernel.total_ns, kernel.launches) == (2, 40, 2)
    assert (kernel.grid, kernel.block) == ((160, 2, 1), (256, 1, 1))
    assert (kernel.registers, kernel.occupancy, kernel.tensor_cores) == (40, 0.625, True)
    assert (copied.copied_bytes, copied.grid, copied.tensor_cores) == (4096, None, False)
    text = render(run, "text", ReportOptions(width=150))
    assert "160×2" in text
    assert "#7 " in text
    assert "Stream" not in text


def test_two_streams_of_one_name_are_two(tmp_path):
    built = TraceBuilder()
    draw(built.plane("/host:CPU"), {"python": steps((0, 100))})
    plane = built.plane("/device:GPU:0")
    for number in (5, 6):
        plane.line("Compute", number).event("k", 10_000 * number, 1000, {"tf_op": "a:MatMul"})
    run = load_trace(built.write(tmp_path / "vm.xplane.pb"))
    kernels = run.variants["trace"].phases["trace"].kernels
    assert sorted(one.stream for one in kernels) == ["Compute 5", "Compute 6"]


def test_hosts_are_judged_by_the_device_that_was_busiest_in_steps(tmp_path):
    for host, spans in (("vm1", [(10, 20), (2000, 9000)]), ("vm2", [(10, 90)])):
        built = TraceBuilder()
        draw(built.plane("/host:CPU"), {"python": steps((0, 100)), "tf_1": [("a:MatMul", 5, 8)]})
        kernels = [("gemm", *span, {"tf_op": "a:MatMul"}) for span in spans]
        draw(built.plane("/device:GPU:0"), {"Stream #1": kernels})
        built.write(tmp_path / f"{host}.xplane.pb")
    phase = load(str(tmp_path), tmp_path).variants["trace"].phases["trace"]
    assert phase.attribution.device == "vm2/GPU:0"
    assert Note("several_hosts", {"hosts": 2}) in phase.notes


def test_a_name_that_is_no_text_is_shown_all_the_same(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff.xplane.pb")
    path.write_bytes(host_trace(("a:MatMul", 5, 8)).to_bytes())
    assert json.loads(render(load_trace(path), "json"))["run"] == "\ufffd"


def test_the_host_s_level_is_told_where_graphs_run(tmp_path):
    # profile_options: host_tracer_level (2) = 2, as tsl/profiler/protobuf/profiler_options.proto.
    for executor, told in (("tf_Compute/1", True), ("python", False)):
        built = TraceBuilder()
        draw(built.plane("/host:CPU"), {"marks": steps((0, 100)), executor: [("a:MatMul", 5, 8)]})
        built.plane("Task Environment", stats={"profile_options": b"\x10\x02"})
        run = load_trace(built.write(tmp_path / f"{told}.xplane.pb"))
        notes = run.variants["trace"].phases["trace"].notes
        assert (Note("host_level_low", {"level": 2, "full_level": 3}) in notes) is told


def test_a_marker_that_marks_nothing_is_an_error(tmp_path):
    file = host_trace(("a:MatMul", 5, 8)).write(tmp_path / "vm.xplane.pb")
    with pytest.raises(UsageError, match=r'vm.xplane.pb: no step marked "nope" .*, only "forward"'):
        load_trace(file, marker="nope")


def test_a_session_below_a_run_of_tensorboard_s_is_found(tmp_path):
    below = tmp_path / "train" / "plugins" / "profile" / "day" / "vm.xplane.pb"
    file = host_trace(("a:MatMul", 5, 8)).write(below)
    assert find_traces(str(tmp_path)) == (file,)
    with pytest.raises(UsageError, match="is empty"):
        find_traces("")


def test_traces_that_were_taken_one_after_the_other_are_no_hosts_of_one_program(tmp_path):
    for host, begin_s in (("a", 0), ("b", 60)):
        built = host_trace((f"{host}:MatMul", 5, 8))
        times = {"profile_start_time": begin_s * 10**9, "profile_stop_time": (begin_s + 1) * 10**9}
        built.plane("Task Environment", stats=times)
        built.write(tmp_path / f"{host}.xplane.pb")
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
