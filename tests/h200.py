"""Traces and runs that were recorded on an NVIDIA H200 for this project, packed in tests/data.

TensorFlow 2.21, Keras 3.15.1, JAX 0.11.2. What is right of each is known by timings beside the
trace and by sums over the file.
"""

from __future__ import annotations

import json
import lzma
from functools import cache
from pathlib import Path

import msgspec
import polars as pl
from msgspec.structs import replace

from alexprof.analysis.ablation import explained
from alexprof.analysis.assemble import Beside, traced_phase
from alexprof.attribute import Attribution, GraphFacts, attribute
from alexprof.attribute.costs import attribute_phases
from alexprof.capture.executed import Executed, Node
from alexprof.record.ablation import Ablation
from alexprof.record.phase import Phase
from alexprof.record.run import MachineRecord, Run, Variant, WorkloadRecord
from alexprof.record.timed import Timed
from alexprof.record.trace import Replay
from alexprof.xplane import Trace, parse_trace
from tests import factory

DATA = Path(__file__).parent / "data" / "h200"
TRACES = sorted(path.name.removesuffix(".xplane.pb.xz") for path in DATA.glob("*.xplane.pb.xz"))
RUNS = ("alexnet_gpu32", "alexnet_gpu128")
MEASURED = (
    *("name", "phase", "reference", "without", "kinds", "layers", "paired", "measured_s"),
    *("ci95_s", "measured_median_s", "median_ci95_s"),
)
"""What an ablation says without a trace."""


def trace_of(name: str) -> Trace:
    """Reads a packed trace."""
    return parse_trace(lzma.decompress((DATA / f"{name}.xplane.pb.xz").read_bytes()), name)


@cache
def phases_of(name: str) -> dict[str, Attribution]:
    """Attributes a packed trace, once."""
    return attribute_phases(trace_of(name))


@cache
def run_of(name: str) -> Run:
    """A packed run: its timed steps as they were recorded, its traces read by today's code.

    The record is of schema 1; what it concluded from the traces is not taken over.
    """
    folder = DATA / name
    old = json.loads(lzma.decompress((folder / "run.json.xz").read_bytes()))
    costs: dict[tuple[str, str], pl.DataFrame] = {}
    variants = {}
    for variant, record in old["variants"].items():
        phases = {}
        for key, phase in record["phases"].items():
            trace = lzma.decompress((folder / f"{variant}.{key}.xplane.pb.xz").read_bytes())
            timed = msgspec.convert({**phase["timed"], "warm_up": None}, Timed)
            attribution = attribute(parse_trace(trace, key), facts=GraphFacts(timed_s=timed.mean_s))
            costs[variant, key] = attribution.costs
            nodes = {op["name"]: Node(op["type"], tuple(op["fused"])) for op in phase["ops"]}
            new = Phase(label=phase["label"], timed=timed)
            beside = Beside(timed=new, file=key, executed=Executed((), {}, nodes, b""))
            read = traced_phase(attribution, beside)
            gone = {name: tuple(ops) for name, ops in phase["replay"]["gone_with"].items()}
            replay = replace(read.replay or Replay(), dependents=gone)
            phases[key] = replace(read, replay=replay)
        variants[variant] = Variant(label=record["label"], phases=phases)
    ablations = []
    for ablation in old["ablations"]:
        measured = msgspec.convert({field: ablation[field] for field in MEASURED}, Ablation)
        phases = {name: variant.phases[measured.phase] for name, variant in variants.items()}
        ablations.append(explained(measured, phases, costs))
    return factory.run_of(
        name,
        variants,
        started=old["started"],
        workload=msgspec.convert(old["workload"], WorkloadRecord),
        machine=msgspec.convert(old["machine"], MachineRecord),
        ablations=tuple(ablations),
    )
