"""The workloads that come with AlexProf; a new one is a file beside this and an entry here."""

from __future__ import annotations

from importlib import import_module

from alexprof.errors import check_name
from alexprof.workload.base import Workload

WORKLOADS = {"alexnet": "alexprof.workload.alexnet:alexnet"}
"""Where each workload is made, by its name: module and function. The function takes `batch_size`
and `seed` and returns a `Workload`; its module may import TensorFlow only inside functions."""


def make_workload(name: str, *, batch_size: int, seed: int) -> Workload:
    """Makes a workload by its name.

    Args:
        name: A key of `WORKLOADS`.
        batch_size: Images in a batch, at least 1.
        seed: Of weights and images.

    Raises:
        UsageError: If there is no such workload, or an argument is out of range.
    """
    check_name("workload", name, WORKLOADS)
    module, _, function = WORKLOADS[name].partition(":")
    workload: Workload = getattr(import_module(module), function)(batch_size=batch_size, seed=seed)
    return workload
