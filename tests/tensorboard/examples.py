"""A small run whose numbers a test knows, and TensorBoard to show it."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from alexprof.measure.loop import Block
from alexprof.record.ablation import AblationSpec
from alexprof.record.environment import Device, Machine, Software
from alexprof.record.note import Note
from alexprof.record.phase import Phase
from alexprof.record.run import MachineRecord, Run, Variant, WorkloadRecord
from alexprof.tensorboard.scalars import TimedSteps
from tests.factory import OpTimes, block, costs_of, idle, measured, run_of

NAME = "alexnet-20261124-044200"
STARTED_S = 1_795_495_320.0  # 2026-11-24T04:42:00Z
WITH, WITHOUT = "with_lrn", "without_lrn"


def steps(count: int, first_ms: float = 10.0) -> TimedSteps:
    """Steps that take first_ms, first_ms + 1, … and end one second apart."""
    numbers = np.arange(count, dtype=np.float64)
    return TimedSteps(np.arange(count), (first_ms + numbers) / 1e3, STARTED_S + 1 + numbers)


def costs(shares_ms: dict[tuple[str, str], tuple[float, float]]) -> pl.DataFrame:
    """Two traced steps of 20 and 22 ms; shares by layer and kind, the rest is idle."""
    ops = [
        OpTimes(f"{layer}/op", kind, "forward", np.array(ms) * 1e6, device=device, layer=layer)
        for (layer, kind), ms in shares_ms.items()
        for device in ("CPU", "GPU:0")
    ]
    left_ns = np.array([20e6, 22e6]) - sum(op.share_ns for op in ops if op.device == "CPU")
    return costs_of([*ops, idle(left_ns)])


def blocks(variant: str, mean_s: float) -> list[Block]:
    """40 steps, each 1 ms longer than the one before."""
    parts = np.array_split(mean_s + (np.arange(40) - 19.5) / 1e3, 4)
    return [block(variant, number, number, part) for number, part in enumerate(parts)]


def op_times(mean_s: float, lrn_s: float) -> list[OpTimes]:
    """Two traced steps, 1.25 times as long as the timed ones; what is not LRN's is idle."""
    wall_ns = mean_s * np.array([1.2e9, 1.3e9])
    own = [OpTimes("lrn1/LRN", "LRN", "forward", wall_ns * lrn_s / mean_s)] if lrn_s else []
    return [*own, idle(wall_ns * (1 - lrn_s / mean_s))]


def phase(label: str, mean_s: float, *, with_trace: bool = True) -> Phase:
    times = {WITH: op_times(mean_s, 0.0)} if with_trace else {}
    phases, _, _ = measured(label, {WITH: blocks(WITH, mean_s)}, times)
    return phases[WITH]


def run(
    variants: dict[str, Variant] | None = None,
    *,
    complete: bool = True,
    ablations: bool = True,
    accelerators: tuple[Device, ...] = (),
) -> Run:
    """A run of two variants and a phase, or of the variants given."""
    means_s, lrn_s = {WITH: 0.0295, WITHOUT: 0.0205}, {WITH: 0.00875, WITHOUT: 0.0}
    phases, measured_ablations, _ = measured(
        "forward",
        {name: blocks(name, mean_s) for name, mean_s in means_s.items()},
        {name: op_times(means_s[name], lrn_s[name]) for name in means_s},
        [AblationSpec("lrn", WITH, WITHOUT, kinds=("LRN",))],
    )
    known = {
        name: Variant(label=name.replace("_lrn", " LRN"), phases={"forward": forward})
        for name, forward in phases.items()
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
        ablations=measured_ablations if ablations else (),
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
