"""A part of the fuzzing that `python -m tests.xplane.fuzz` does at length."""

from __future__ import annotations

from tests.xplane.fuzz import on_a_cpu, on_a_gpu, run, without_steps

CASES = 1_000


def test_a_damaged_trace_is_an_error_or_closes_its_books():
    outcomes = run(CASES, 11, [on_a_cpu(), on_a_gpu(), without_steps()])
    assert sum(outcomes.values()) == CASES
    # Each comes often enough to say that the changes change something, and not everything.
    assert min(outcomes[one] for one in ("error", "partial", "whole")) > CASES // 20
