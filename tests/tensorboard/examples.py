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
from alexprof.record.run import Run, Variant, WorkloadRecord
from alexprof.tensorboard.scalars import TimedSteps
from tests.factory import OpTimes, block, costs_of, idle, measured, run_of

NAME = "alexnet-20261124-044200"
STARTED_S = 1_795_495_320.0  # 2026-11-24T04:42:00Z
WITH, WITHOUT = "with_lrn", "without_lrn"
# With this module there, TensorBoard does not look for TensorFlow (3 s to import).
sys.modules.setdefault("tensorboard.compat.notf", types.ModuleType("tensorboard.compat.notf"))


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


def run(variants: dict[str, Variant] | None = None, **fields: Any) -> Run:
    """A run of two variants and a phase, or of the variants given and no ablation."""
    means_s, lrn_s = {WITH: 0.0295, WITHOUT: 0.0205}, {WITH: 0.00875, WITHOUT: 0.0}
    phases, ablations, _ = measured(
        "forward",
        {name: blocks(name, mean_s) for name, mean_s in means_s.items()},
        {name: op_times(means_s[name], lrn_s[name]) for name in means_s},
        [AblationSpec("lrn", WITH, WITHOUT, kinds=("LRN",))],
    )
    both = {name: Variant(label=name, phases={"forward": phases[name]}) for name in phases}
    shown = {"batch_size": 4, "learning_rate": 0.5}
    left_out = {"phases": ["forward", "train"], "left_out": ["LRN"], "image_size": 224}
    settings: dict[str, Any] = {**shown, **left_out, "fetch": True, "intra_op": None}
    usual = {
        "started": "2026-11-24T05:42:00+01:00",
        "workload": WorkloadRecord(name="alexnet", settings=settings),
        "ablations": () if variants else ablations,
    }
    return run_of(NAME, variants or both, **{**usual, **fields})


def run_of_phase(name: str, variant: str = WITH, *, with_trace: bool = True) -> Run:
    """A run of a variant and a phase."""
    times = {variant: op_times(0.02, 0.0)} if with_trace else {}
    phases, _, _ = measured(name, {variant: blocks(variant, 0.02)}, times)
    return run({variant: Variant(label="with", phases={name: phases[variant]})})


NO_FILTER = {
    "allowedStatuses": [
        f"STATUS_{status}" for status in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")
    ],
    "colParams": [],
    "startIndex": 0,
    "sliceSize": 100,
}


class Served:
    """TensorBoard's web application over a log directory, without a port.

    TensorBoard's reader written in Python loads the files: it checks every record's CRC.
    """

    def __init__(self, logdir: Path, *options: str) -> None:
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

        from alexprof.tensorboard.plugin import AlexProfPlugin

        plugins = [
            CorePluginLoader(),
            *(ScalarsPlugin, HistogramsPlugin, GraphsPlugin, HParamsPlugin, TextPlugin),
            AlexProfPlugin,
        ]
        board = program.TensorBoard(plugins=plugins)
        once = ("--load_fast=false", "--reload_interval=0", "--reload_task=blocking")
        where = options or ("--logdir", str(logdir))
        board.configure(argv=("tensorboard", *where, *once))
        ingester = LocalDataIngester(board.flags)
        ingester.start()
        self._logdir = logdir
        self._multiplexer = ingester.deprecated_multiplexer
        self.provider = ingester.data_provider
        self._client = Client(
            TensorBoardWSGIApp(board.flags, plugins, ingester.data_provider, None, None)
        )

    def reload(self) -> None:
        """What TensorBoard does every few seconds."""
        self._multiplexer.AddRunsFromDirectory(str(self._logdir))
        self._multiplexer.Reload()

    def open(self, path: str, **request: Any) -> Any:
        """The whole answer to a request of a plugin's data."""
        return self._client.open(f"/data/plugin/{path}", **request)

    def text(self, path: str, *, body: Any = None, **query: str) -> str:
        """The answer to a request of a plugin's data, with a body or a query."""
        method = "POST" if body else "GET"
        response = self.open(path, method=method, json=body, query_string=query)
        assert response.status_code == 200, response.text
        return str(response.text)

    def json(self, path: str, **query: Any) -> Any:
        """The same, decoded."""
        return json.loads(self.text(path, **query))

    def groups(self) -> Any:
        """The rows of the HParams tab."""
        return self.json("hparams/session_groups", body=NO_FILTER)["sessionGroups"]

    def scalar(self, run_name: str, tag: str) -> list[tuple[float, int, float]]:
        """A line's points: wall time, step, value."""
        points = self.json("scalars/scalars", run=run_name, tag=tag)
        return [(wall_time_s, step, value) for wall_time_s, step, value in points]
