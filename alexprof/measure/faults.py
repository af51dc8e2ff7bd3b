"""Page faults: how often this process touched memory that the system had yet to provide."""

from __future__ import annotations


def page_faults() -> int | None:
    """Page faults of this process so far that needed no disk; None where nobody counts them.

    From getrusage(2), ru_minflt.
    """
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def page_faults_since(before: int | None) -> int | None:
    """Page faults since an earlier `page_faults()`; None where nobody counts them."""
    now = page_faults()
    return None if before is None or now is None else now - before


def faults_per_step(faults: list[int | None], steps: int) -> float | None:
    """Mean number a step, from counts over all steps; None if one of them is not known."""
    known = [count for count in faults if count is not None]
    return sum(known) / steps if steps and len(known) == len(faults) else None
