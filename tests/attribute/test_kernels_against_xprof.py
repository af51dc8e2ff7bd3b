"""Kernels and the ops of GPUs against xprof's `kernel_stats` and `framework_op_stats`.

By hand, and on real traces: there xprof_devices.py must lead to each of xprof's numbers, and
AlexProf may differ only where one of its rules says so. What AlexProf makes of each single event is
in test_device_events.py.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from alexprof.attribute import attribute
from alexprof.attribute.division import UNASSIGNED_OP
from alexprof.xplane import read_trace
from tests.attribute.hand import draw
from tests.attribute.xprof_devices import (
    KERNELS,
    NOTHING,
    Sum,
    device_events,
    kernels_by_rules,
    ops_by_rules,
)
from tests.attribute.xprof_tables import ROWS, ops_by_xprof, xprof_table
from tests.hlo import computation, instruction, keep, module
from tests.samples import EVERY, MARKERS, needs_samples
from tests.traces import TraceBuilder

pytestmark = pytest.mark.slow

# xprof lists no copies and fills among kernels, AlexProf all that a GPU ran.
COPIES = {"MemcpyH2D", "MemcpyD2H", "MemcpyD2D", "MemcpyP2P", "CopyDeviceToDevice"}


def near(ours: Sum | None, theirs: Sum) -> bool:
    # xprof rounds each of its rows to a nanosecond, and several are added up.
    return ours == pytest.approx(theirs, rel=1e-12, abs=0.005) if ours else False


def kernels_by_us(path: Path) -> dict[tuple[str, str], Sum]:
    """Returns what ran by kernel and op, the op empty where none is named."""
    sums: dict[tuple[str, str], Sum] = defaultdict(lambda: NOTHING)
    for kernel in attribute(read_trace(path), MARKERS.get(path.stem), cores=False).kernels:
        key = (kernel.name, "" if kernel.op == UNASSIGNED_OP else kernel.op)
        sums[key] = sums[key].plus(kernel.total_ns / 1e3, kernel.executions)
    return dict(sums)


def kernels_by_xprof(path: Path, folder: Path) -> dict[tuple[str, str], Sum]:
    """Returns the same of xprof's table, which has a row per grid and block too."""
    sums: dict[tuple[str, str], Sum] = defaultdict(lambda: NOTHING)
    for row in xprof_table(path, "kernel_stats", folder):
        key = (row["kernel_name"], row["op_name"])
        sums[key] = sums[key].plus(row["total_duration_us"], int(row["occurrences"]))
    return dict(sums)


def by_kernel(sums: dict[tuple[str, str], Sum]) -> dict[str, Sum]:
    added: dict[str, Sum] = defaultdict(lambda: NOTHING)
    for (name, _), (executions, total_us) in sums.items():
        added[name] = added[name].plus(total_us, executions)
    return dict(added)


@needs_samples
@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_each_kernel_has_xprof_s_numbers(path, tmp_path):
    ours, theirs = by_kernel(kernels_by_us(path)), by_kernel(kernels_by_xprof(path, tmp_path))
    assert theirs.keys() == {event.name for event in device_events(path) if event.is_kernel}
    assert {name for name in theirs if not near(ours.get(name), theirs[name])} == set()
    rest = {name.partition(" ")[0] for name in ours.keys() - theirs.keys()}
    assert rest <= COPIES | {"Memset"}  # test_copies_are_no_kernels


@needs_samples
@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_xprof_s_rules_lead_to_its_numbers(path, tmp_path):
    events = device_events(path)
    kernels, theirs = kernels_by_rules(events), kernels_by_xprof(path, tmp_path / "kernels")
    assert len(theirs) == min(len(kernels), KERNELS)
    assert {key for key in theirs if not near(kernels.get(key), theirs[key])} == set()
    ops, costs = ops_by_rules(events), ops_by_xprof(path, tmp_path / "ops", "Device")
    assert len(costs) == min(len(ops), ROWS)
    assert {op: ops[op] for op in costs} == pytest.approx(
        {op: cost.self_us for op, cost in costs.items()}, rel=1e-12, abs=0.005
    )


# By hand: a GPU as TensorFlow writes it today, times in nanoseconds.
DETAILS = {"kernel_details": "regs:32 shm:0 grid:64,1,1 block:256,1,1 occ_pct:50"}
COPY = {"memcpy_details": "kind_src:pageable kind_dst:device size:4096 dest:0 async:1"}


def on_gpu(folder: Path, **streams) -> Path:
    built = TraceBuilder()
    built.plane("/host:CPU")
    for device in range(2):
        draw(built.plane(f"/device:GPU:{device}", device + 1), streams)
    return built.write(folder / "hand.xplane.pb")


def test_streams_of_two_gpus(tmp_path):
    first = [
        ("gemm", 0, 1000, {**DETAILS, "tf_op": "dense/MatMul:MatMul"}),
        ("bias", 1000, 1500, {**DETAILS, "tf_op": "dense/MatMul:MatMul"}),
        ("gemm", 2000, 3000, {**DETAILS, "tf_op": "out/MatMul:MatMul"}),
        ("relu", 3000, 3200, {**DETAILS, "tf_op": "dense/Relu:Relu"}),
    ]
    second = [("relu", 500, 1700, {**DETAILS, "tf_op": "dense/Relu:Relu"})]
    path = on_gpu(tmp_path, **{"Stream #7(Compute)": first, "Stream #8(Compute)": second})
    expected = {
        ("gemm", "dense/MatMul"): pytest.approx(Sum(2, 2.0)),
        ("bias", "dense/MatMul"): pytest.approx(Sum(2, 1.0)),
        ("gemm", "out/MatMul"): pytest.approx(Sum(2, 2.0)),
        ("relu", "dense/Relu"): pytest.approx(Sum(4, 2.8)),
    }
    assert kernels_by_us(path) == expected
    assert kernels_by_xprof(path, tmp_path / "kernels") == expected
    ops = ops_by_xprof(path, tmp_path / "ops", "Device")
    assert {op: cost.self_us for op, cost in ops.items()} == pytest.approx(
        {"dense/MatMul": 3.0, "out/MatMul": 2.0, "dense/Relu": 2.8}
    )
    # To xprof an op ran as often as the kernel of it that ran most.
    assert ops["dense/MatMul"].executions == 2


def test_copies_are_no_kernels(tmp_path):
    """They are work of the device all the same, so AlexProf counts them; xprof's ops have them."""
    stream = [("MemcpyH2D", 0, 1000, {**COPY, "tf_op": "images:_Send"})]
    path = on_gpu(tmp_path, **{"Stream #9(MemcpyH2D)": stream})
    assert kernels_by_us(path) == {("MemcpyH2D", "images"): Sum(2, 2.0)}
    assert kernels_by_xprof(path, tmp_path / "kernels") == {}
    assert ops_by_xprof(path, tmp_path / "ops", "Device")["images"].self_us == pytest.approx(2.0)


def test_a_kernel_without_length_ran_all_the_same(tmp_path):
    """A clock that is too slow for it is no reason to leave it out, as xprof does."""
    stream = [("relu", 10, 10, {**DETAILS, "tf_op": "r:Relu"})]
    path = on_gpu(tmp_path, **{"Stream #7(Compute)": stream})
    assert kernels_by_us(path) == {("relu", "r"): Sum(2, 0.0)}
    assert kernels_by_xprof(path, tmp_path / "kernels") == {}


def program() -> bytes:
    """A fusion whose own metadata name no op, but what it holds does; an addition that has a name.

    With the shapes that xprof asks for, all float32 [4].
    """
    hlo_pb2 = pytest.importorskip("tensorflow.compiler.xla.service.hlo_pb2")
    inside = [
        instruction(1, "p", "parameter"),
        instruction(2, "t", "tanh", "jit(f)/act/tanh", operands=[1]),
        instruction(3, "m", "multiply", "jit(f)/act/mul", operands=[2, 2]),
    ]
    whole = [
        instruction(11, "q", "parameter"),
        instruction(12, "loop_fusion", "fusion", operands=[11], called=[4]),
        instruction(13, "add.1", "add", "jit(f)/add", operands=[12, 12]),
    ]
    proto = hlo_pb2.HloProto.FromString(
        module("jit_f", [computation(4, inside, 3), computation(9, whole, 13)])
    )
    made = proto.hlo_module
    made.entry_computation_name, made.entry_computation_id = made.computations[1].name, 9
    for part in made.computations:
        part.program_shape.parameter_names.append("p")
        shapes = [step.shape for step in part.instructions]
        for shape in (*shapes, part.program_shape.parameters.add(), part.program_shape.result):
            shape.element_type = 11  # F32
            shape.dimensions.append(4)
            shape.is_dynamic_dimension.append(False)
            shape.layout.minor_to_major.append(0)
    made.computations[1].instructions[1].fusion_kind = "kLoop"
    made.host_program_shape.CopyFrom(made.computations[1].program_shape)
    return bytes(proto.SerializeToString())


XLA = {**DETAILS, "tf_op": "XlaModule:", "hlo_module": "jit_f", "program_id": 7}


def of_xla(folder: Path, *instructions: str) -> Path:
    """A GPU that executes instructions of a program, each for a microsecond more."""
    built = TraceBuilder()
    keep(built, {7: ("jit_f", program())})
    built.plane("/host:CPU")
    stream = [
        (f"k{at}", 10_000 * at, 10_000 * at + 1000 * (at + 1), {**XLA, "hlo_op": op})
        for at, op in enumerate(instructions)
    ]
    draw(built.plane("/device:GPU:0", 1), {"Stream #7(Compute)": stream})
    return built.write(folder / "hand.xplane.pb")


def test_a_fusion_that_names_no_op(tmp_path):
    """To xprof it is a kernel without op, and an op of the instruction's name."""
    path = of_xla(tmp_path, "add.1", "loop_fusion")
    assert kernels_by_us(path) == {
        ("k0", "jit(f)/add"): Sum(1, 1.0),
        ("k1", "jit(f)/act/mul"): Sum(1, 2.0),
    }
    theirs = kernels_by_xprof(path, tmp_path / "kernels")
    assert theirs == {("k0", "jit(f)/add"): Sum(1, 1.0), ("k1", ""): Sum(1, 2.0)}
    ops = {op: cost.self_us for op, cost in ops_by_xprof(path, tmp_path / "ops", "Device").items()}
    assert ops == {"jit(f)/add": 1.0, "loop_fusion": 2.0}
    assert kernels_by_rules(device_events(path)) == theirs
    assert ops_by_rules(device_events(path)) == ops


def test_an_instruction_that_the_program_lacks(tmp_path):
    """As those of a command buffer. xprof's kernels are of `XlaModule`, its ops lack the time."""
    path = of_xla(tmp_path, "add.1", "command_buffer")
    ours = kernels_by_us(path)
    assert sum(total_us for _, total_us in ours.values()) == pytest.approx(3.0)
    theirs = kernels_by_xprof(path, tmp_path / "kernels")
    assert theirs == {("k0", "jit(f)/add"): Sum(1, 1.0), ("k1", "XlaModule"): Sum(1, 2.0)}
    ops = {op: cost.self_us for op, cost in ops_by_xprof(path, tmp_path / "ops", "Device").items()}
    assert ops == {"jit(f)/add": 1.0}
    assert kernels_by_rules(device_events(path)) == theirs
    assert ops_by_rules(device_events(path)) == ops
