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
    assert rest <= COPIES | {"Memset"}


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


def test_copies_and_kernels_without_length_count(tmp_path):
    """By hand, for two GPUs; xprof lists no copies and nothing shorter than a nanosecond."""
    details = {"kernel_details": "regs:32 shm:0 grid:64,1,1 block:256,1,1 occ_pct:50"}
    copy = {"memcpy_details": "kind_src:pageable kind_dst:device size:4096 dest:0 async:1"}
    streams = {
        "Stream #7(Compute)": [
            ("gemm", 0, 1000, {**details, "tf_op": "dense/MatMul:MatMul"}),
            ("bias", 1000, 1500, {**details, "tf_op": "dense/MatMul:MatMul"}),
            ("gemm", 2000, 3000, {**details, "tf_op": "out/MatMul:MatMul"}),
            ("relu", 3000, 3200, {**details, "tf_op": "dense/Relu:Relu"}),
            ("relu", 4000, 4000, {**details, "tf_op": "r:Relu"}),
        ],
        "Stream #8(Compute)": [("relu", 500, 1700, {**details, "tf_op": "dense/Relu:Relu"})],
        "Stream #9(MemcpyH2D)": [("MemcpyH2D", 0, 1000, {**copy, "tf_op": "images:_Send"})],
    }
    built = TraceBuilder()
    built.plane("/host:CPU")
    for device in range(2):
        draw(built.plane(f"/device:GPU:{device}", device + 1), streams)
    path = built.write(tmp_path / "hand.xplane.pb")
    of_both = {
        ("gemm", "dense/MatMul"): pytest.approx(Sum(2, 2.0)),
        ("bias", "dense/MatMul"): pytest.approx(Sum(2, 1.0)),
        ("gemm", "out/MatMul"): pytest.approx(Sum(2, 2.0)),
        ("relu", "dense/Relu"): pytest.approx(Sum(4, 2.8)),
    }
    of_alexprof = {("relu", "r"): Sum(2, 0.0), ("MemcpyH2D", "images"): Sum(2, 2.0)}
    assert kernels_by_us(path) == of_both | of_alexprof
    assert kernels_by_xprof(path, tmp_path / "kernels") == of_both
