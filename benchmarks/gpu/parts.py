"""The parts of the benchmark, by name. Each returns what JSON can hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu.programs import PROGRAMS
from benchmarks.gpu.sizes import Sizes

TRACES = tuple(PROGRAMS)


def names(sizes: Sizes) -> list[str]:
    """Returns the names of all parts in the order in which they run."""
    alexnet = [f"{kind}-{batch}" for kind in ("profile", "ablate") for batch in sizes.batches]
    return [*alexnet, *(f"loop-{batch}" for batch in sizes.batches), *TRACES, "tests"]


def run_part(name: str, sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Runs one part in this process.

    Args:
        name: One of `names`, or "machine".
        sizes: How large.
        folder: For what it leaves; its own.

    Raises:
        NotHere: There is nothing here to run it on.
        ValueError: There is no such part.
    """
    if name in TRACES:
        from benchmarks.gpu.traces import beside_stopwatch

        return beside_stopwatch(name, sizes, folder)
    if name == "tests":
        from benchmarks.gpu.suite import run_tests

        return run_tests(sizes, folder)
    from benchmarks.gpu import profiles

    if name == "machine":
        return profiles.machine()
    kind, _, batch = name.rpartition("-")
    run: dict[str, Callable[[int, Sizes, Path], dict[str, Any]]] = {
        "profile": profiles.profiled,
        "ablate": profiles.ablated,
        "loop": profiles.loops,
    }
    if kind not in run or not batch.isdigit():
        raise ValueError(f"no part {name!r}: there are {', '.join(names(sizes))}")
    return run[kind](int(batch), sizes, folder)
