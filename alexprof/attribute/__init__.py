"""Columns of a trace to costs per step and op.

    attribution = attribute(read_trace("vm.xplane.pb"))
    by_layer(attribution.costs)

Each nanosecond of a step goes to one op, or to idle time: where k events run at once, each gets
1/k of the time.

    costs      a trace to its costs       names     op to layer and pass
    table      the table and its closure
    rollup     the table to summaries     kinds     type to kind
    division   a device's steps           steps     where steps begin and end
    timeline   intervals to shares        ops       what ran on host and devices
    rounding   whole nanoseconds          streams   kernels to ops
    recorded   the trace unclipped        symbols   names of events to ops
    cores      work of thread pools       replay    a step run again on paper
    launches   who launched a kernel      launch_replay  the same for a GPU's launches
    outside    work between the steps
    roots      scopes around a model      optimizers     which scopes are theirs
    fused      fusions across layers      command_buffers, buffered  CUDA graphs of XLA
    predict    what leaving out saves     dependencies  what an op waits for
"""

from __future__ import annotations

from alexprof.attribute.costs import Attribution, attribute, attribute_phases
from alexprof.attribute.division import IDLE_REASONS
from alexprof.attribute.outside import long_first
from alexprof.attribute.predict import Known, Replayed
from alexprof.attribute.replay import Inputs
from alexprof.attribute.rollup import (
    Totals,
    by_kind,
    by_layer,
    by_layer_whole,
    by_op,
    totals,
)
from alexprof.attribute.table import IDLE_OP, UNASSIGNED_OP
from alexprof.record.tables import check_closure

__all__ = [
    "IDLE_OP",
    "IDLE_REASONS",
    "UNASSIGNED_OP",
    "Attribution",
    "Inputs",
    "Known",
    "Replayed",
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
