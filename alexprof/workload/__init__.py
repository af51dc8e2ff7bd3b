"""What is profiled: workloads, their variants and phases."""

from __future__ import annotations

from importlib import import_module

from alexprof.errors import UsageError
from alexprof.record.workload import Layer, Published, Setting
from alexprof.workload.base import AblationSpec, BuiltVariant, PhaseSpec, VariantSpec, Workload
from alexprof.workload.bypass import leaving_out

Ablation = AblationSpec
"""Its earlier name."""

__all__ = [
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
    "workload_names",
]


WORKLOADS = {"alexnet": "alexprof.workload.alexnet:alexnet"}
"""Where each workload is made, by its name: module and function. The function takes `batch_size`
and `seed` and returns a `Workload`; its module may import TensorFlow only inside functions."""


def workload_names() -> tuple[str, ...]:
    """The workloads that come with AlexProf."""
    return tuple(WORKLOADS)


def make_workload(name: str, *, batch_size: int, seed: int) -> Workload:
    """Makes a workload by its name.

    Args:
        name: One of `workload_names()`.
        batch_size: Images in a batch, at least 1.
        seed: Of weights and images.

    Raises:
        UsageError: If there is no such workload, or an argument is out of range.
    """
    if name not in WORKLOADS:
        raise UsageError(f"no workload {name!r}: there is {', '.join(WORKLOADS)}")
    module, _, function = WORKLOADS[name].partition(":")
    workload: Workload = getattr(import_module(module), function)(batch_size=batch_size, seed=seed)
    return workload
