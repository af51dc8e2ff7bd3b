"""Kernel times of ops of XLA against those that xprof prints for the same file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from alexprof.attribute import attribute
from alexprof.xplane import read_trace
from tests.attribute.test_samples import SAMPLES

pytestmark = pytest.mark.slow

JAX = sorted(SAMPLES.glob("jax_gpu_*.xplane.pb"))


def devices_by_xprof(path: Path, folder: Path) -> dict[str, float]:
    """Self time by op in microseconds, over all devices; xprof keeps files beside the trace."""
    convert = pytest.importorskip("xprof.convert.raw_to_tool_data")
    copy = shutil.copy(path, folder / "vm.xplane.pb")
    content, _ = convert.xspace_to_tool_data([str(copy)], "framework_op_stats", {})
    table = json.loads(content)[0]
    names = [column["id"] for column in table["cols"]]
    rows = [
        dict(zip(names, [cell["v"] for cell in row["c"]], strict=True)) for row in table["rows"]
    ]
    return {
        row["operation"]: row["total_self_time"]
        for row in rows
        if row["host_or_device"] == "Device" and row["operation"] != "IDLE"
    }


def devices_by_us(path: Path) -> dict[str, float]:
    costs = attribute(read_trace(path), "no such marker", cores=False).costs
    ran = costs.filter(pl.col("device").str.starts_with("GPU"), pl.col("kernels") > 0)
    return dict(ran.group_by("op").agg(pl.col("busy_ns").sum() / 1000).iter_rows())


@pytest.mark.parametrize("path", JAX, ids=lambda path: path.stem)
def test_the_same_ops_have_the_same_times(path, tmp_path):
    ours, theirs = devices_by_us(path), devices_by_xprof(path, tmp_path)
    ours.pop("(unassigned)")  # copies that no op asked for, which xprof leaves out
    assert sum(ours.values()) == pytest.approx(sum(theirs.values()), abs=0.1)
    # It knows fusions only by their annotation. Those without one it lists as instructions, which
    # we give to ops by what the fusions hold.
    instructions = theirs.keys() - ours.keys()
    for op in theirs.keys() - instructions:
        if instructions:
            assert ours[op] > theirs[op] - 0.01, op
        else:
            assert ours[op] == pytest.approx(theirs[op], abs=0.01), op
    assert not any("/" in name for name in instructions)
    assert len(ours) >= len(theirs)
