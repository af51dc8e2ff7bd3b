"""Changed files must give sums that close, or one plain error.

A failing example is printed with a line that reproduces it (`reproduce_failure`). More of them:

    pytest tests/test_fuzz.py -n 0 --hypothesis-profile=long --hypothesis-seed=1
"""

from __future__ import annotations

import hashlib
import random
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexprof.attribute import check_closure
from alexprof.errors import AlexProfError, RunError
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE, load_costs, load_steps
from alexprof.record.store import RUN_FILE, load_run, save_run
from alexprof.tracer.importing import import_trace
from alexprof.tracer.traces import load_with_tables
from benchmarks.stress.adversary import ordinary
from benchmarks.stress.hostile import STATS, handed_over
from benchmarks.stress.mutations import NUMBERS, changed_message, mutated
from benchmarks.stress.records import change_json, change_table
from tests.traces import Ref, TraceBuilder, Unsigned

BASES = [ordinary(), handed_over(int, int, 20)]
PLANES = ("/host:CPU", "/device:GPU:0", "/device:GPU:1", "/host:CUPTI", "Task Environment", "")
LINES = ("python", "tf_Compute/1", "tf_numa_-1_Eigen/1", "tf_data/1", "Stream #7(Kernel)", "Steps")
EVENTS = (
    *("conv1/Conv2D:Conv2D", "gradients/conv1/Relu_grad:ReluGrad", "train", "k", "fusion.1", ""),
    *("ThreadpoolListener::Record", "ThreadpoolListener::StartRegion", "SessionRun"),
    *("ThreadpoolListener::StopRegion", "ThunkExecutor::Execute", "IteratorGetNext::DoCompute"),
)
small = st.integers(0, 6)
times = st.integers(0, 40).map(lambda number: number * 997) | st.sampled_from(NUMBERS)
values = (
    small
    | st.sampled_from(NUMBERS).map(Unsigned)
    | st.sampled_from(("conv1/Conv2D:Conv2D", "fusion.1", "7", "", "a/b")).map(Ref)
    | st.sampled_from(("jit(f)/jvp(conv1)/mul", "grid:1,1,1 block:1,1,1"))
    | st.floats()
    | st.binary(max_size=3)
)
stats = st.dictionaries(st.sampled_from(STATS), values, max_size=3)
events = st.tuples(st.sampled_from(EVENTS), times, times, stats)
lines = st.tuples(st.sampled_from(LINES), small, st.lists(events, max_size=8))
planes = st.tuples(st.sampled_from(PLANES), stats, st.lists(lines, max_size=3))
LOADS = {STEPS_FILE: load_steps, COSTS_FILE: load_costs}
chances = st.randoms(use_true_random=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """A run whose record and tables are to be changed."""
    trace = folder / "made.xplane.pb"
    trace.write_bytes(ordinary())
    import_trace(trace, logdir=folder, name="made")
    return folder / "made"


def read(path: Path, content: bytes) -> None:
    """Reads a whole trace, and checks that its sums close."""
    path.write_bytes(content)
    try:
        loaded = load_with_tables(path)
    except AlexProfError:
        return
    msgspec.json.encode(loaded.run)
    for costs in loaded.costs.values():
        check_closure(costs)
        assert (costs["share_ns"] >= 0).all()
    for phase in loaded.run.variants["trace"].phases.values():
        for device in phase.attribution.devices if phase.attribution else ():
            assert device.share_ns + device.idle_ns == device.wall_ns


@given(st.sampled_from(BASES), st.booleans(), chances)
def test_changed_traces(folder: Path, base: bytes, is_message: bool, chance: random.Random):
    change = changed_message if is_message else mutated
    read(folder / "changed.xplane.pb", change(base, chance))


@given(st.lists(planes, min_size=1, max_size=3))
def test_traces_of_anything(folder: Path, made: list[Any]):
    trace = TraceBuilder()
    for name, own, of_plane in made:
        plane = trace.plane(name, stats=own)
        for title, timestamp_ns, of_line in of_plane:
            line = plane.line(title, timestamp_ns=timestamp_ns)
            for event, start_ps, duration_ps, of_event in of_line:
                line.event(event, start_ps, duration_ps, of_event)
                if start_ps % 2:
                    line.aggregate(event, start_ps, duration_ps)
    read(folder / "made.xplane.pb", trace.to_bytes())


@given(st.sampled_from((RUN_FILE, STEPS_FILE, COSTS_FILE)), chances)
def test_changed_records(run: Path, folder: Path, name: str, chance: random.Random):
    changed = folder / "changed"
    shutil.rmtree(changed, ignore_errors=True)
    shutil.copytree(run, changed)
    if name == RUN_FILE:
        change_json(changed / name, chance)
    else:
        how = change_table(changed / name, chance)
        if (changed / name).read_bytes() != (run / name).read_bytes():
            with pytest.raises(RunError, match="not the table that the run wrote"):
                LOADS[name](changed)
        if how != "bytes":  # changed bytes with their checksum might make polars abort
            checksum = hashlib.sha256((changed / name).read_bytes()).hexdigest()
            record = load_run(run)
            tables = {**record.tables, name: (checksum,)}
            save_run(changed, msgspec.structs.replace(record, tables=tables))
    for load in load_run, *LOADS.values():
        with suppress(AlexProfError):
            load(changed)
