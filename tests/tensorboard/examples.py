"""A small run whose numbers a test knows, and TensorBoard to show it."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from alexprof.attribute import IDLE_OP
from alexprof.record.ablation import Ablation
from alexprof.record.environment import Device, Machine, Software
from alexprof.record.note import Note
from alexprof.record.phase import AttributedTimes, Phase, Traced
from alexprof.record.run import MachineRecord, Run, Variant, WorkloadRecord
from alexprof.record.timed import Timed
from alexprof.tensorboard.scalars import TimedSteps
from tests.factory import run_of

NAME = "alexnet-20261124-044200"
STARTED_S = 1_795_495_320.0  # 2026-11-24T04:42:00Z
WITH, WITHOUT = "with_lrn", "without_lrn"


def steps(count: int, first_ms: float = 10.0) -> TimedSteps:
    """Steps that take first_ms, first_ms + 1, … and end one second apart."""
    numbers = np.arange(count, dtype=np.float64)
    return TimedSteps(np.arange(count), (first_ms + numbers) / 1e3, STARTED_S + 1 + numbers)


def costs(shares_ms: dict[tuple[str, str], tuple[float, float]]) -> pl.DataFrame:
    """Two traced steps of 20 and 22 ms; shares by layer and kind, the rest is idle."""
    rows = [
        (step, wall_ms, device, "op", layer, kind, of_step[step])
        for step, wall_ms in enumerate((20.0, 22.0))
        for (layer, kind), of_step in shares_ms.items()
        for device in ("CPU", "GPU:0")
    ]
    for step, wall_ms in enumerate((20.0, 22.0)):
        idle_ms = wall_ms - sum(of_step[step] for of_step in shares_ms.values())
        rows.append((step, wall_ms, "CPU", IDLE_OP, "", "", idle_ms))
    schema = ["step", "wall_ns", "device", "op", "layer", "kind", "share_ns"]
    return pl.DataFrame(rows, schema, orient="row").with_columns(
        pl.col("wall_ns", "share_ns") * 1e6
    )


def phase(label: str, mean_s: float, *, with_trace: bool = True) -> Phase:
    timed = Timed(40, 10, mean_s, 0.002, None, mean_s - 0.001, None, 0.01, 0.05, True, ())
    mean = {"mean_s": mean_s * 1.25, "std_s": None, "slowdown": 1.25, "wall_clock_mean_s": None}
    trace = Traced(steps=2, **mean, file="x", host_level=3, events=9)  # type: ignore[arg-type]
    times = AttributedTimes(
        device="CPU", wall_ns=2, share_ns=1, idle_ns=1, unassigned_ns=0, devices=()
    )
    traced = {"traced": trace, "attribution": times} if with_trace else {}
    return Phase(label=label, timed=timed, **traced)  # type: ignore[arg-type]


def run(
    variants: dict[str, Variant] | None = None,
    *,
    complete: bool = True,
    ablations: bool = True,
    accelerators: tuple[Device, ...] = (),
) -> Run:
    """A run of two variants and two phases, or of the variants given."""
    known = {
        WITH: Variant(label="with LRN", phases={"forward": phase("Forward", 0.0295)}),
        WITHOUT: Variant(label="without LRN", phases={"forward": phase("Forward", 0.0205)}),
    }
    settings: dict[str, Any] = {
        "batch_size": 4,
        "device": "cpu",
        "fetch": True,
        "learning_rate": 0.5,
        "image_size": 224,
        "phases": ["forward", "train"],
        "left_out": ["LRN"],
        "intra_op": None,
    }
    lrn = Ablation(
        name="lrn",
        phase="forward",
        reference=WITH,
        without=WITHOUT,
        measured_s=0.009,
        ci95_s=None,
        measured_median_s=0.009,
        median_ci95_s=None,
        attributed_s=0.00875,
    )
    return run_of(
        NAME,
        known if variants is None else variants,
        complete=complete,
        stopped=None if complete else Note("unfinished"),
        started="2026-11-24T05:42:00+01:00",
        workload=WorkloadRecord(name="alexnet", settings=settings),
        machine=MachineRecord(
            Machine("A processor", 2, None, "Linux 6", None),
            Software("0.1.0", "3.11", "2.21", "2.0", onednn=True),
            accelerators,
        ),
        ablations=(lrn,) if ablations else (),
    )


class Served:
    """TensorBoard's web application over a log directory, without a port.

    TensorBoard's reader written in Python loads the files: it checks every record's CRC.
    """

    def __init__(self, logdir: Path) -> None:
        # With this module there, TensorBoard does not look for TensorFlow (3 s to import).
        without = "tensorboard.compat.notf"
        sys.modules.setdefault(without, types.ModuleType(without))
        from tensorboard import program
        from tensorboard.backend.application import TensorBoardWSGIApp
        from tensorboard.backend.event_processing.data_ingester import LocalDataIngester
        from tensorboard.plugins.core.core_plugin import CorePluginLoader
        from tensorboard.plugins.graph.graphs_plugin import GraphsPlugin
        from tensorboard.plugins.histogram.histograms_plugin import HistogramsPlugin
        from tensorboard.plugins.hparams.hparams_plugin import HParamsPlugin
        from tensorboard.plugins.scalar.scalars_plugin import ScalarsPlugin
        from tensorboard.plugins.text.text_plugin import TextPlugin
        from werkzeug.test import Client

        plugins = [
            CorePluginLoader(),
            *(ScalarsPlugin, HistogramsPlugin, GraphsPlugin, HParamsPlugin, TextPlugin),
        ]
        board = program.TensorBoard(plugins=plugins)
        once = ("--load_fast=false", "--reload_interval=0", "--reload_task=blocking")
        board.configure(argv=("tensorboard", "--logdir", str(logdir), *once))
        ingester = LocalDataIngester(board.flags)
        ingester.start()
        self._logdir = logdir
        self._multiplexer = ingester.deprecated_multiplexer
        self._client = Client(
            TensorBoardWSGIApp(board.flags, plugins, ingester.data_provider, None, None)
        )

    def reload(self) -> None:
        """What TensorBoard does every few seconds."""
        self._multiplexer.AddRunsFromDirectory(str(self._logdir))
        self._multiplexer.Reload()

    def text(self, path: str, **query: str) -> str:
        """The answer to a request of a plugin's data."""
        response = self._client.get(f"/data/plugin/{path}", query_string=query)
        assert response.status_code == 200, response.text
        return str(response.text)

    def json(self, path: str, **query: str) -> Any:
        """The same, decoded."""
        return json.loads(self.text(path, **query))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The same for a request with a body."""
        response = self._client.post(f"/data/plugin/{path}", json=body)
        assert response.status_code == 200, response.text
        return json.loads(response.text)

    def scalar(self, run_name: str, tag: str) -> list[tuple[float, int, float]]:
        """A line's points: wall time, step, value."""
        points = self.json("scalars/scalars", run=run_name, tag=tag)
        return [(wall_time_s, step, value) for wall_time_s, step, value in points]
