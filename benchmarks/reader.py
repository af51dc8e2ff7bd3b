"""From a trace file to a table of ops: AlexProf against other readers, each in its own process.

Traces come from a small real session, with as many steps as give the wanted number of events. The
profiler itself runs out of memory long before ten million, so the largest is four traces in one
file, as of four hosts; xprof takes one of them, so it is left out there. Where the traces of a GPU
lie beside the repository, a real one with 7.0 million stats is read as well, by the whole command
too.
What xprof keeps beside a trace is deleted before each of its runs; start-up (imports) is left out
of the table's time and stands beside it as the whole command's.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import lzma
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

EVENTS = {"0.2 M": 200_000, "2.4 M": 2_400_000}
LARGEST = "9.6 M"
COPIES = 4
ROUNDS = 3
GPU = "0.8 M, 7.0 M stats"
GPU_TRACE = "traces/h200/big_session_400_steps.xplane.pb.xz"
SHARED = Path(__file__).parents[2] / "shared"

_SESSION = """
import sys, time
from pathlib import Path
from alexprof.capture.runtime import start_tensorflow
from alexprof.capture.trace import trace_steps
start_tensorflow()
import tensorflow as tf
v1 = tf.compat.v1
with tf.Graph().as_default() as graph, v1.Session(graph=graph) as session:
    # Thin convolutions hand over much work, in little time: many events a second.
    images = v1.random_normal([8, 64, 64, 8])
    for layer in range(6):
        with v1.name_scope(f"conv{layer}"):
            images = tf.nn.relu(v1.nn.conv2d(images, v1.random_normal([3, 3, 8, 8]), 1, "SAME"))
    target = tf.reduce_sum(images)
    steps = int(sys.argv[2])
    session.run(target)
    trace_steps(lambda: session.run(target), steps, folder=Path(sys.argv[1]),
                session_name="s", doing="benchmark")
"""

# Each prints the seconds from file to table, the number of ops in it, and the peak memory.
# A child's ru_maxrss begins with what its parent had, so the high-water mark is read in /proc.
_TAIL = """
import json
with open("/proc/self/status") as status:
    peak = next(int(row.split()[1]) << 10 for row in status if row.startswith("VmHWM"))
print(json.dumps([took, ops, peak]))
"""
_READERS = {
    "alexprof": """
import sys, time
import numpy, polars
from alexprof.attribute import attribute, by_op
from alexprof.xplane import read_trace
start = time.perf_counter()
ops = by_op(attribute(read_trace(sys.argv[1]), cores=False).costs).height
took = time.perf_counter() - start
""",
    "alexprof with core times": """
import sys, time
import numpy, polars
from alexprof.attribute import attribute, by_op
from alexprof.xplane import read_trace
start = time.perf_counter()
ops = by_op(attribute(read_trace(sys.argv[1])).costs).height
took = time.perf_counter() - start
""",
    "alexprof report --json": """
import contextlib, io, json, sys, time
start = time.perf_counter()
from alexprof.cli import main
sys.argv = ["alexprof", "report", sys.argv[1], "--json"]
printed = io.StringIO()
with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
    main()
took = time.perf_counter() - start
ops = len(json.loads(printed.getvalue())["variants"]["trace"]["phases"]["trace"]["ops"])
""",
    "xprof framework_op_stats": """
import json, sys, time
from xprof.convert import raw_to_tool_data
start = time.perf_counter()
content, _ = raw_to_tool_data.xspace_to_tool_data([sys.argv[1]], "framework_op_stats", {})
ops = len(json.loads(content)[0]["rows"])
took = time.perf_counter() - start
""",
    "xprof Parquet, DuckDB": """
import os, sys, time
import duckdb
from xprof.convert.events_db.python.pywrap_events_db_c_api import xspace_to_parquet
start = time.perf_counter()
events = os.path.join(os.path.dirname(sys.argv[1]), "events.parquet")
xspace_to_parquet(input_path=sys.argv[1], output_path=events)
table = duckdb.connect().execute(
    "SELECT tf_op_name, tf_op_type, count(*), sum(end_ns - start_ns), sum(self_time_ns)"
    " FROM read_parquet(?) WHERE tf_op_name IS NOT NULL GROUP BY ALL ORDER BY 5 DESC", [events]
).fetchall()
ops = len(table)
took = time.perf_counter() - start
""",
    "protobuf, Python loop": """
import sys, time
from collections import Counter
from tensorflow.tsl.profiler.protobuf import xplane_pb2
start = time.perf_counter()
space = xplane_pb2.XSpace()
with open(sys.argv[1], "rb") as file:
    space.ParseFromString(file.read())
total = Counter()
for plane in space.planes:
    for line in plane.lines:
        for event in line.events:
            total[event.metadata_id] += event.duration_ps
    names = {number: entry.name for number, entry in plane.event_metadata.items()}
ops = sum(":" in name for name in names.values())
took = time.perf_counter() - start
""",
}
PARQUET = "xprof Parquet, DuckDB"
"""Only newer versions of xprof have it."""
COMMAND = "alexprof report --json"
"""Its seconds are those of the whole command."""
ON_SEVERAL = ("alexprof", "alexprof with core times")
"""Readers that read all of several hosts in one file."""
ON_A_GPU = (*ON_SEVERAL, COMMAND, "xprof framework_op_stats")
"""Readers that know ops of GPUs."""


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Times each reader on each trace, in turns; medians and ratios to AlexProf's."""
    del arguments
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        per_step = events_of(record_session(Path(folder) / "probe", 2)) / 2
        for name, wanted in EVENTS.items():
            trace = record_session(
                Path(folder) / name.replace(" ", ""), max(round(wanted / per_step), 1)
            )
            result[name] = _timed(name, trace, _readers())
        several = Path(folder) / "several" / "vm.xplane.pb"
        several.parent.mkdir()
        # Messages one after the other are one message with all their fields.
        several.write_bytes(trace.read_bytes() * COPIES)
        result[LARGEST] = _timed(LARGEST, several, ON_SEVERAL)
        if (SHARED / GPU_TRACE).exists():
            result[GPU] = _timed(GPU, _unpacked(SHARED / GPU_TRACE, Path(folder) / "gpu"), ON_A_GPU)
    return result


def _unpacked(packed: Path, folder: Path) -> Path:
    folder.mkdir()
    trace = folder / packed.stem
    with lzma.open(packed) as source, trace.open("wb") as target:
        shutil.copyfileobj(source, target)
    return trace


def _readers() -> tuple[str, ...]:
    left_out = {COMMAND}
    if not importlib.util.find_spec("xprof.convert.events_db"):
        print("xprof here writes no Parquet: left out")
        left_out.add(PARQUET)
    return tuple(reader for reader in _READERS if reader not in left_out)


def _timed(name: str, trace: Path, readers: tuple[str, ...]) -> dict[str, Any]:
    events = events_of(trace)
    print(f"{name} events ({events:,}; {trace.stat().st_size / 1e6:.0f} MB), {ROUNDS} rounds")
    took: dict[str, list[list[float]]] = {reader: [] for reader in readers}
    for turn in range(ROUNDS):
        for reader in readers if turn % 2 == 0 else reversed(readers):
            took[reader].append(_run(reader, trace))
    result: dict[str, Any] = {"events": events, "bytes": trace.stat().st_size, "readers": {}}
    base = [statistics.median(column) for column in zip(*took["alexprof"], strict=True)]
    for reader, rows in took.items():
        seconds, ops, peak, whole = (
            statistics.median(column) for column in zip(*rows, strict=True)
        )
        result["readers"][reader] = {
            "table_s": seconds,
            "command_s": whole,
            "peak_bytes": peak,
            "rows": ops,
        }
        print(
            f"  {reader:<26}{seconds:8.3f} s {seconds / base[0]:6.1f}×   command {whole:7.2f} s "
            f"{whole / base[3]:5.1f}×   peak {peak / 1e6:6.0f} MB {peak / base[2]:5.1f}×",
            flush=True,
        )
    return result


def _run(reader: str, trace: Path) -> list[float]:
    """Seconds to the table, rows, peak bytes, seconds of the whole process."""
    import time

    for kept in trace.parent.iterdir():
        if kept != trace:
            kept.unlink()
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _READERS[reader] + _TAIL, str(trace)],
        capture_output=True,
        text=True,
        check=True,
    )
    whole = time.perf_counter() - start
    return [*json.loads(done.stdout.splitlines()[-1]), whole]


def record_session(folder: Path, steps: int) -> Path:
    """Traces so many steps of a small session; returns the trace."""
    subprocess.run(
        [sys.executable, "-c", _SESSION, str(folder), str(steps)], check=True, capture_output=True
    )
    (trace,) = folder.rglob("*.xplane.pb")
    return trace


def events_of(trace: Path) -> int:
    """How many events a trace has."""
    from alexprof.xplane import read_trace

    return sum(len(plane.events()) for plane in read_trace(trace).planes)
