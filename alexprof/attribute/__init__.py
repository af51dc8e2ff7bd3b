"""Columns of a trace to costs per step and op.

    attribution = attribute(read_trace("vm.xplane.pb"))
    by_layer(attribution.costs)

Each nanosecond of a step goes to one op, or to idle time: where k events run at once, each gets
1/k of the time. `costs` has the way from a trace to its table; `metrics` what is measured of ops.
"""

from __future__ import annotations

from alexprof.attribute.costs import Attribution, attribute
from alexprof.attribute.division import UNASSIGNED_OP
from alexprof.attribute.predict import GraphFacts
from alexprof.attribute.replay import Inputs
from alexprof.attribute.rollup import (
    bound_by,
    by_kind,
    by_layer,
    by_layer_whole,
    by_op,
    totals,
)
from alexprof.record.metrics import IDLE_OP
from alexprof.record.parquet import check_closure

__all__ = [
    "IDLE_OP",
    "UNASSIGNED_OP",
    "Attribution",
    "GraphFacts",
    "Inputs",
    "attribute",
    "bound_by",
    "by_kind",
    "by_layer",
    "by_layer_whole",
    "by_op",
    "check_closure",
    "totals",
]
