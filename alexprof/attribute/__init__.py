"""Columns of a trace to costs per step and op.

    attribution = attribute(read_trace("vm.xplane.pb"))
    by_layer(attribution.costs)

Each nanosecond of a step goes to one op, or to idle time: where k events run at once, each gets
1/k of the time.

    costs      a trace to its costs       names     op to layer and pass
    hosts      the same of several hosts  scopes    around a model, of optimizers
    table      the table of costs         kinds     type to kind
    rollup     the table to summaries     symbols   names of events to ops
    notes      what a reader should know  steps     where steps begin and end
    division   a device's steps           outside   work between the steps
    timeline   intervals to shares        recorded  the trace unclipped
    waiting    a GPU and its host         kernel_facts  what kernels say of themselves
    activity   events of ops on a device  ops       what ran on host and devices
    on_host, on_gpu                       what ran there
    launches                              who launched a kernel
    cores      work of thread pools       thunks    XLA on a CPU
    xla        what XLA compiled          command_buffers  CUDA graphs of XLA
    jax        names that JAX gives
    predict    what leaving out saves     exclusive     which ops go with others
    replay, executions                    a step replayed by its ops
    launch_replay                         a GPU's step replayed by its launches
"""

from __future__ import annotations

from alexprof.attribute.costs import Attribution, attribute, attribute_phases
from alexprof.attribute.device_steps import long_first
from alexprof.attribute.division import IDLE_OP, IDLE_REASONS, UNASSIGNED_OP
from alexprof.attribute.predict import GraphFacts
from alexprof.attribute.replay import Inputs
from alexprof.attribute.rollup import (
    Totals,
    by_kind,
    by_layer,
    by_layer_whole,
    by_op,
    totals,
)
from alexprof.record.tables import check_closure

__all__ = [
    "IDLE_OP",
    "IDLE_REASONS",
    "UNASSIGNED_OP",
    "Attribution",
    "GraphFacts",
    "Inputs",
    "Totals",
    "attribute",
    "attribute_phases",
    "by_kind",
    "by_layer",
    "by_layer_whole",
    "by_op",
    "check_closure",
    "long_first",
    "totals",
]
