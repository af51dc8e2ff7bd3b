"""What is profiled: workloads, their variants and phases."""

from __future__ import annotations

from alexprof.record.ablation import AblationSpec
from alexprof.record.workload import Layer, Published, Setting
from alexprof.workload.base import BuiltVariant, PhaseSpec, VariantSpec, Workload
from alexprof.workload.leave_ops_out import leaving_out
from alexprof.workload.registry import WORKLOADS, make_workload

Ablation = AblationSpec
"""Its earlier name."""

__all__ = [
    "WORKLOADS",
    "Ablation",
    "AblationSpec",
    "BuiltVariant",
    "Layer",
    "PhaseSpec",
    "Published",
    "Setting",
    "VariantSpec",
    "Workload",
    "leaving_out",
    "make_workload",
]
