"""Kernels and the ops of GPUs against xprof's `kernel_stats` and `framework_op_stats`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from alexprof.attribute import attribute
from alexprof.attribute.table import UNASSIGNED_OP
from alexprof.xplane import read_trace
from tests.attribute.hand import draw
from tests.attribute.test_samples import BERT, SAMPLES, needs_samples
from tests.attribute.xprof_tables import ops_by_xprof, xprof_table
from tests.traces import TraceBuilder

pytestmark = pytest.mark.slow

COPIES = {"MemcpyH2D", "MemcpyD2H", "MemcpyD2D", "MemcpyP2P", "Memset"}
SAMPLE_PATHS = sorted(SAMPLES.glob("*.xplane.pb"))
# Kernels whose op xprof takes from the compiled module, AlexProf from what XLA noted at the launch.
# The module may have more of the scope (`jit(sqrt)/sqrt`), or the name of a parameter (`a`) …
OTHER_NAMES = {"wrapped_transpose.kd", "input_reduce_fusion.kd", "loop_sqrt_fusion.kd"}
# … or nothing: then xprof's kernels have no op, and its ops the module's own word (`copy.1`).
NAMELESS = {"loop_convert_fusion.kd", "loop_reduce_fusion.kd", "__amd_rocclr_copyBuffer.kd"}


class Sum(NamedTuple):
    """Executions of a kernel; sum of their durations in microseconds."""

    executions: int
    total_us: float

    def near(self, other: Sum) -> bool:
        # xprof rounds each of its rows to a nanosecond, and several are added up.
        return self == pytest.approx(other, rel=1e-12, abs=0.005)


def kernels_by_us(path: Path) -> dict[tuple[str, str], Sum]:
    """Returns what ran by kernel and op, the op empty where none is named."""
    found: dict[tuple[str, str], Sum] = defaultdict(lambda: Sum(0, 0.0))
    kernels = attribute(read_trace(path), cores=False).kernels
    rows = kernels.select("name", "op", "executions", "total_ns").iter_rows()
    for name, op, executions, total_ns in rows:
        key = (name, "" if op == UNASSIGNED_OP else op)
        found[key] = Sum(found[key].executions + executions, found[key].total_us + total_ns / 1e3)
    return dict(found)


def kernels_by_xprof(path: Path, folder: Path) -> dict[tuple[str, str], Sum]:
    """Returns the same of xprof's table, which has a row per grid and block too."""
    found: dict[tuple[str, str], Sum] = defaultdict(lambda: Sum(0, 0.0))
    for row in xprof_table(path, "kernel_stats", folder):
        key = (row["kernel_name"], row["op_name"])
        executions = found[key].executions + int(row["occurrences"])
        found[key] = Sum(executions, found[key].total_us + row["total_duration_us"])
    return dict(found)


def by_kernel(found: dict[tuple[str, str], Sum]) -> dict[str, Sum]:
    return {name: _added(s for (of, _), s in found.items() if of == name) for name, _ in found}


def _added(sums: Iterable[Sum]) -> Sum:
    executions, total_us = zip(*sums, strict=True)
    return Sum(sum(executions), sum(total_us))


@needs_samples
@pytest.mark.parametrize("path", SAMPLE_PATHS, ids=lambda path: path.stem)
def test_each_kernel_has_xprof_s_numbers(path, tmp_path):
    ours, theirs = by_kernel(kernels_by_us(path)), by_kernel(kernels_by_xprof(path, tmp_path))
    assert len(theirs) >= 6
    assert {name for name in theirs if not theirs[name].near(ours[name])} == set()
    assert ours.keys() - theirs.keys() <= COPIES  # test_copies_are_no_kernels


@needs_samples
@pytest.mark.parametrize("path", SAMPLE_PATHS, ids=lambda path: path.stem)
def test_each_kernel_of_each_op_has_xprof_s_numbers(path, tmp_path):
    ours, theirs = kernels_by_us(path), kernels_by_xprof(path, tmp_path)
    if path == BERT:  # test_older_annotations_name_ops
        assert {op for _, op in theirs} == {""}
        return
    other = {key for key in theirs if key not in ours or not theirs[key].near(ours[key])}
    assert {kernel for kernel, op in other if op} <= OTHER_NAMES
    assert {kernel for kernel, op in other if not op} <= NAMELESS
    assert len(theirs.keys() - other) >= len(theirs) / 2


@needs_samples
@pytest.mark.parametrize("path", SAMPLE_PATHS, ids=lambda path: path.stem)
def test_each_op_has_xprof_s_time(path, tmp_path):
    theirs = ops_by_xprof(path, tmp_path, "Device")
    if path == BERT:
        assert theirs == {}
        return
    kernels = kernels_by_us(path)
    ours: dict[str, float] = defaultdict(float)
    for (kernel, op), found in kernels.items():
        ours[op] += 0 if kernel in NAMELESS else found.total_us
    known = theirs.keys() & ours.keys()
    assert {op: ours[op] for op in known} == pytest.approx(
        {op: theirs[op].self_us for op in known}, abs=0.005
    )
    # What has other names is all there.
    named = sum(found.total_us for (_, op), found in kernels.items() if op)
    assert named == pytest.approx(sum(cost.self_us for cost in theirs.values()), abs=0.01)
    of_others = {op for kernel, op in kernels_by_xprof(path, tmp_path / "again") if op}
    words = {kernel.removesuffix(".kd") for kernel in NAMELESS} | {"copy.1"}
    assert theirs.keys() - known <= (of_others | words)


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


def test_older_annotations_name_ops(tmp_path):
    """TensorFlow wrote the op as `annotation` or `level 0` once, where xprof no longer looks."""
    stream = [
        ("gemm", 0, 1000, {**DETAILS, "annotation": "m:MatMul"}),
        ("relu", 1000, 1500, {**DETAILS, "level 0": "r:Relu"}),
    ]
    path = on_gpu(tmp_path, **{"Stream #7(Compute)": stream})
    assert kernels_by_us(path).keys() == {("gemm", "m"), ("relu", "r")}
    assert kernels_by_xprof(path, tmp_path / "kernels").keys() == {("gemm", ""), ("relu", "")}
    assert ops_by_xprof(path, tmp_path / "ops", "Device") == {}


def test_names_that_xprof_does_not_split(tmp_path):
    """It keeps the type in the op's name where it does not know the name's letters."""
    names = ("tower:0/m", "größe", "a;b", "_retval_m_0_0")
    stream = [
        (f"k{i}", 100 * i, 100 * i + 50, {**DETAILS, "tf_op": f"{name}:MatMul"})
        for i, name in enumerate(names)
    ]
    path = on_gpu(tmp_path, **{"Stream #7(Compute)": stream})
    ours, theirs = kernels_by_us(path), kernels_by_xprof(path, tmp_path / "kernels")
    assert {op for _, op in ours} == set(names)
    assert theirs == {
        (kernel, f"{op}:MatMul"): pytest.approx(found) for (kernel, op), found in ours.items()
    }


def test_xprof_keeps_a_thousand_kernels(tmp_path):
    stream = [
        (f"k{i}", 1000 * i, 1000 * i + i + 1, {**DETAILS, "tf_op": f"op{i}:Mul"})
        for i in range(1200)
    ]
    path = on_gpu(tmp_path, **{"Stream #7(Compute)": stream})
    ours, theirs = kernels_by_us(path), kernels_by_xprof(path, tmp_path / "kernels")
    assert (len(ours), len(theirs)) == (1200, 1000)
    assert all(theirs[key].near(ours[key]) for key in theirs)
