"""Do runs compute the same? The fingerprints of what their steps fetched, beside each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from alexprof.analysis.caveats import Caveat, merge_runs
from alexprof.analysis.changes import ResultChange, ResultReason
from alexprof.analysis.selection import CommonPhase, Group, Selection, common_phases
from alexprof.measure.agreement import distance, same, tolerance
from alexprof.record.program import TensorFingerprint

Tensors = tuple[TensorFingerprint, TensorFingerprint]
"""A tensor of A and the one at its place in B."""


def result_changes(a: Group, b: Group) -> tuple[ResultChange, ...]:
    """Sets what two groups' steps fetched beside each other: each run beside A's first."""
    first = a.runs[0]
    return tuple(
        _phase(first, run, phase)
        for run in (*a.runs[1:], *b.runs)
        for phase in common_phases(first, run)
    )


def result_caveats(results: Sequence[ResultChange]) -> list[Caveat]:
    """What results say against comparing two groups; variants of one run differ on purpose."""
    return merge_runs(
        Caveat(
            code="results_differ",
            effect="work",
            runs=(change.b,),
            phases=(change.phase,),
            variants=tuple(dict.fromkeys((change.variant, change.b_variant))),
            what=change.reason,
            names=change.values or (),
            numbers=_norms(change),
            text=change.tensor or "",
        )
        for change in results
        if change.same is False and not change.on_purpose
    )


def _norms(change: ResultChange) -> dict[str, float]:
    if change.reason != "norm" or change.difference is None:
        return {}
    norms = {"norm_a": change.a_norm or 0.0, "norm_b": change.b_norm or 0.0}
    return {"difference_fraction": change.difference, **norms}


def whether_same(results: Sequence[ResultChange]) -> bool | None:
    """Whether all compute the same; None if not known."""
    answers = {change.same for change in results}
    return False if False in answers else True if answers == {True} else None


def _phase(a: Selection, b: Selection, phase: CommonPhase) -> ResultChange:
    def change(
        equal: bool | None,
        reason: ResultReason,
        compared: Tensors | None = None,
        *,
        run: str | None = None,
        values: tuple[object, object] | None = None,
    ) -> ResultChange:
        return ResultChange(
            variant=phase.variants[0],
            phase=phase.key,
            b=b.name,
            b_variant=phase.variants[1],
            on_purpose=a.folder == b.folder,
            same=equal,
            reason=reason,
            run=run,
            values=(str(values[0]), str(values[1])) if values else None,
            tensor=compared[0].name if compared else None,
            difference=distance(*compared) if compared else None,
            allowed=tolerance(compared[0].dtype) if compared else None,
            a_norm=compared[0].norm if compared else None,
            b_norm=compared[1].norm if compared else None,
        )

    of_a, of_b = phase.a.fingerprint, phase.b.fingerprint
    for selection, fingerprint in ((a, of_a), (b, of_b)):
        if not fingerprint:
            return change(None, "not_recorded", run=selection.name)
    works = (a.run.workload, b.run.workload)
    if len({str(work.settings.get("seed")) for work in works if work is not None}) > 1:
        return change(None, "seeds_differ")
    if len(of_a) != len(of_b):
        return change(False, "tensor_count", values=(len(of_a), len(of_b)))
    tensors = list(zip(of_a, of_b, strict=True))
    # Tensors that differ from step to step within a run can still differ in type or shape.
    different = [
        (x, y)
        for x, y in tensors
        if (x.dtype, x.shape) != (y.dtype, y.shape) or (x.repeats and y.repeats and not same(x, y))
    ]
    worst = max(different or tensors, key=_distance)
    if different:
        reason, values = _reason(*worst)
        return change(False, reason, worst, values=values)
    for x, y in tensors:
        if not (x.repeats and y.repeats):
            return change(None, "not_repeatable", (x, y))
    return change(True, "equal", worst)


def _distance(tensors: Tensors) -> float:
    apart = distance(*tensors)
    return math.inf if apart is None else apart


def _reason(
    a: TensorFingerprint, b: TensorFingerprint
) -> tuple[ResultReason, tuple[object, object] | None]:
    """In what two tensors differ, and A's and B's value of it."""
    if a.dtype != b.dtype:
        return "dtype", (a.dtype, b.dtype)
    if a.shape != b.shape:
        return "shape", (list(a.shape), list(b.shape))
    if a.nonfinite != b.nonfinite:
        return "nonfinite", (a.nonfinite, b.nonfinite)
    return "norm", None
