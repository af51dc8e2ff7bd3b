"""Columns of a trace to costs per step and op.

    attribution = attribute(read_trace("vm.xplane.pb"))
    by_layer(attribution.costs)

Each nanosecond of a step goes to one op, or to idle time: where k events run at once, each gets
1/k of the time.

    costs      a trace to the table       names     op to layer and pass
    rollup     the table to summaries     kinds     type to kind
    division   a device's steps           steps     where steps begin and end
    timeline   intervals to shares        ops       what ran on host and devices
    rounding   whole nanoseconds          streams   kernels to ops
    recorded   the trace unclipped        symbols   names of events to ops
    cores      work of thread pools       replay    a step run again on paper
    predict    what leaving out saves     dependencies  what an op waits for
"""

from __future__ import annotations

from alexprof.attribute.costs import (
    IDLE_OP,
    UNASSIGNED_OP,
    Attribution,
    attribute,
    check_closure,
)
from alexprof.attribute.dependencies import Inputs
from alexprof.attribute.division import IDLE_REASONS
from alexprof.attribute.predict import Replayed
from alexprof.attribute.rollup import (
    Totals,
    by_kind,
    by_layer,
    by_layer_whole,
    by_op,
    sum_per_step,
    totals,
)

__all__ = [
    "IDLE_OP",
    "IDLE_REASONS",
    "UNASSIGNED_OP",
    "Attribution",
    "Inputs",
    "Replayed",
    "Totals",
    "attribute",
    "by_kind",
    "by_layer",
    "by_layer_whole",
    "by_op",
    "check_closure",
    "sum_per_step",
    "totals",
]
