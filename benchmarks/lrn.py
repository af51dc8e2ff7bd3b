"""LRN's attributed cost against its measured ablation cost, at the default size."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """One profile of both variants; attributed / measured per phase, and whether sums close."""
    from alexprof.capture.runtime import start_tensorflow

    start_tensorflow()
    import polars as pl

    from alexprof.attribute import UNASSIGNED_OP
    from alexprof.record.parquet import load_costs
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
    for ablation in run.ablations:
        own_s, measured_s = ablation.attributed_s, ablation.measured_s
        assert own_s is not None
        figures = {
            "measured_s": measured_s,
            "ci95_s": ablation.ci95_s,
            "measured_median_s": ablation.measured_median_s,
            "attributed_s": own_s,
            "ratio": own_s / measured_s,
            "ratio_by_medians": own_s / ablation.measured_median_s,
        }
        result[ablation.phase] = figures
        print(
            f"  {ablation.phase:<18}{own_s * 1e3:.2f} ms / {measured_s * 1e3:.2f} ms = "
            f"{figures['ratio']:.3f} by means, {figures['ratio_by_medians']:.3f} by medians"
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
