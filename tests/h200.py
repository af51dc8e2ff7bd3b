"""Traces and runs that were recorded on an NVIDIA H200 for this project, packed in tests/data.

TensorFlow 2.21, Keras 3.15.1, JAX 0.11.2. What is right of each is known by a stopwatch beside the
trace and by sums over the file.
"""

from __future__ import annotations

import lzma
from functools import cache
from pathlib import Path

from alexprof.attribute import Attribution, attribute_phases
from alexprof.xplane import Trace, parse_trace

DATA = Path(__file__).parent / "data" / "h200"
TRACES = sorted(path.name.removesuffix(".xplane.pb.xz") for path in DATA.glob("*.xplane.pb.xz"))
RUNS = ("alexnet_gpu32", "alexnet_gpu128")


def trace_of(name: str) -> Trace:
    """Reads a packed trace."""
    return parse_trace(lzma.decompress((DATA / f"{name}.xplane.pb.xz").read_bytes()), name)


@cache
def phases_of(name: str) -> dict[str, Attribution]:
    """Attributes a packed trace, once."""
    return attribute_phases(trace_of(name))


def unpack_run(name: str, folder: Path) -> Path:
    """Writes a packed run (record and tables, without its traces) to a folder."""
    run = folder / name
    run.mkdir(parents=True)
    for path in (DATA / name).iterdir():
        if path.suffix == ".xz":
            (run / path.stem).write_bytes(lzma.decompress(path.read_bytes()))
        else:
            (run / path.name).write_bytes(path.read_bytes())
    return run
