"""LRN's attributed cost against its measured ablation cost, at the default size."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """One profile of both variants; the ratio attributed / measured per phase, and the books."""
    from alexprof.capture.runtime import start_tensorflow

    start_tensorflow()
    import polars as pl

    from alexprof.attribute import UNASSIGNED_OP
    from alexprof.record.tables import load_costs
    from alexprof.tracer.options import ProfileOptions
    from alexprof.tracer.profiling import profile
    from alexprof.workload.alexnet import alexnet

    workload = alexnet(batch_size=arguments.batch_size)
    with tempfile.TemporaryDirectory() as logdir:
        folder = Path(logdir) / "run"
        options = ProfileOptions(num_batches=arguments.num_batches or 100)
        run = profile(workload, folder, options)
        costs = load_costs(folder)
    result: dict[str, Any] = {
        "batch_size": arguments.batch_size,
        "steps": arguments.num_batches or 100,
    }
    print(f"LRN attributed / measured, batch {arguments.batch_size}")
    for one in run.ablations:
        assert one.attributed_s is not None
        result[one.phase] = {
            "measured_s": one.measured_s,
            "ci95_s": one.ci95_s,
            "measured_median_s": one.measured_median_s,
            "attributed_s": one.attributed_s,
            "ratio": one.attributed_s / one.measured_s,
            "ratio_by_medians": one.attributed_s / one.measured_median_s,
        }
        print(
            f"  {one.phase:<18}{one.attributed_s * 1e3:.2f} ms / {one.measured_s * 1e3:.2f} ms = "
            f"{one.attributed_s / one.measured_s:.3f} by means, "
            f"{one.attributed_s / one.measured_median_s:.3f} by medians"
        )
    steps = costs.group_by("variant", "phase", "step", "device").agg(
        pl.col("share_ns").sum(), pl.col("wall_ns").first()
    )
    off = (steps["share_ns"] - steps["wall_ns"]).abs() / steps["wall_ns"]
    unassigned = int(costs.filter(pl.col("op") == UNASSIGNED_OP)["share_ns"].sum())
    result["largest_closure_error"] = max(off.to_list())
    result["unassigned_share"] = unassigned / int(steps["wall_ns"].sum())
    print(f"  largest |share + idle − wall| / wall: {result['largest_closure_error']:.1e}")
    print(f"  unassigned / wall: {result['unassigned_share']:.1e}")
    return result
