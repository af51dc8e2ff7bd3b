"""What travels to the dashboard with the summaries of a run: its record and its tables.

It is a tensor of bytes with the plugin's name, in the event file of the first variant. What names
the run in a list is the summary's `plugin_data.content`, which TensorBoard hands out without the
rest. It is no blob sequence, because TensorBoard's data server (0.7.2) finds no blobs of a run that
has a quotation mark in its name.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace
from tensorboard.compat.proto.summary_pb2 import (
    DATA_CLASS_TENSOR,
    Summary,
    SummaryMetadata,
)
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING

from alexprof.errors import RunError
from alexprof.record.json_text import json_text
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE
from alexprof.record.run import Run
from alexprof.record.store import RUN_FILE, run_of

DashboardSummary: TypeAlias = Summary
PLUGIN = TAG = "alexprof"
MOST_BYTES = 200_000
"""What would make a run's parts larger stays behind, and is read from the run's folder: tables, and
where the record alone is larger, its long lists."""
_LONG_LISTS = ("kernels", "not_timed", "ops", "replay")
"""Fields of a phase that a record may do without, in the order in which they are left out."""
LARGEST_BYTES = 200_000_000
"""The most bytes of JSON that a record may unpack to."""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What the parts after the first are."""

    names: tuple[str, ...]  # Files of the run
    left_out: tuple[str, ...] = ()  # Lists of phases that the record lacks


@dataclass(frozen=True)
class Held:
    """A run as it traveled."""

    run: Run
    tables: dict[str, bytes]  # Contents by name
    whole: bool  # Whether the record has all its lists and all its tables are there


class Label(msgspec.Struct, frozen=True):
    """A variant or phase."""

    name: str
    label: str


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of runs shows of one."""

    run: str
    started: str
    complete: bool
    is_trace: bool
    variants: tuple[Label, ...]
    phases: tuple[Label, ...]
    answer: str = ""  # The first sentence of the report
    workload: str = ""  # Its name; "" without one


def head_of(run: Run, answer: str, phase_labels: Sequence[str]) -> Head:
    """Makes the head of a run; the labels are those of its phases, in their order."""
    return Head(
        run=run.run,
        started=run.started,
        complete=run.complete,
        is_trace=run.is_trace,
        variants=tuple(Label(name, variant.label) for name, variant in run.variants.items()),
        phases=tuple(map(Label, run.phase_keys, phase_labels)),
        answer=answer,
        workload=run.workload.name if run.workload else "",
    )


def encode(run: Run, folder: Path, head: Head) -> DashboardSummary:
    """Makes the summary of a run on disk: head, record, and the tables that have room."""
    record, left_out = _record(run)
    parts, names = [record], [RUN_FILE]
    for name in (STEPS_FILE, COSTS_FILE):
        path = folder / name
        content = path.read_bytes() if name in run.tables and path.exists() else b""
        if content and sum(map(len, parts)) + len(content) <= MOST_BYTES:
            parts.append(content)
            names.append(name)
    metadata = SummaryMetadata(
        plugin_data=SummaryMetadata.PluginData(
            plugin_name=PLUGIN, content=msgspec.json.encode(head)
        ),
        data_class=DATA_CLASS_TENSOR,
    )
    contents = Contents(names=tuple(names), left_out=left_out)
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(parts) + 1)])
    tensor = TensorProto(
        dtype=DT_STRING, tensor_shape=shape, string_val=[msgspec.json.encode(contents), *parts]
    )
    return Summary(value=[Summary.Value(tag=TAG, metadata=metadata, tensor=tensor)])


def _record(run: Run) -> tuple[bytes, tuple[str, ...]]:
    """The record, compressed, and the lists that it lacks because it would be too large."""
    for count in range(len(_LONG_LISTS) + 1):
        left_out = _LONG_LISTS[:count]
        record = gzip.compress(json_text(_without(run, left_out), indent=0).encode(), mtime=0)
        if len(record) <= MOST_BYTES:
            break
    return record, left_out


def _without(run: Run, names: tuple[str, ...]) -> Run:
    nothing: dict[str, Any] = {name: None if name == "replay" else () for name in names}
    variants = {
        name: replace(
            variant,
            phases={key: replace(phase, **nothing) for key, phase in variant.phases.items()},
        )
        for name, variant in run.variants.items()
    }
    return replace(run, variants=variants)


def decode_head(content: bytes) -> Head:
    """Reads a head; a RunError if it is none."""
    try:
        return msgspec.json.decode(content, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(f"the summary of a run is damaged: {error}") from error


def decode(parts: Sequence[bytes], name: str) -> Held:
    """Reads a run from its parts.

    Raises:
        RunError: If they are damaged.
    """
    try:
        contents = msgspec.json.decode(parts[0], type=Contents)
        held = dict(zip(contents.names, parts[1:], strict=True))
        with gzip.open(io.BytesIO(held.pop(RUN_FILE))) as file:
            content = file.read(LARGEST_BYTES + 1)
    except (LookupError, ValueError, EOFError, OSError) as error:
        raise RunError(f"the summary of run {name} is damaged: {error}") from error
    if len(content) > LARGEST_BYTES:
        raise RunError(f"the record of run {name} has over {LARGEST_BYTES / 1e6:.0f} MB")
    run = run_of(content, name)
    return Held(run, held, whole=not contents.left_out and held.keys() >= run.tables.keys())
