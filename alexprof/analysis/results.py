"""Do runs compute the same? The fingerprints of what their steps fetched, beside each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from alexprof.analysis.changes import Doubt, ResultChange
from alexprof.analysis.sides import Member, Pair, Side, phases_of, variant_pairs
from alexprof.measure.agreement import distance, same, tolerance
from alexprof.record.phase import Phase
from alexprof.record.program import TensorFingerprint

Tensors = tuple[TensorFingerprint, TensorFingerprint]
"""A tensor of A and the one at its place in B."""


def result_changes(a: Side, b: Side) -> tuple[ResultChange, ...]:
    """Sets what two sides' steps fetched beside each other: each run beside A's first."""
    first = a.members[0]
    changes: list[ResultChange] = []
    for one in (*a.members[1:], *b.members):
        on_purpose = one.folder == first.folder
        for pair in variant_pairs(first, one):
            for key in phases_of(first, one, pair):
                changes.append(_phase(first, one, pair, key, on_purpose=on_purpose))
    return tuple(changes)


def result_doubts(found: Sequence[ResultChange]) -> Iterator[Doubt]:
    """What results say against comparing two sides; variants of one run differ on purpose."""
    for one in found:
        if one.same is False and not one.on_purpose:
            yield Doubt(text=f"they don't compute the same: {one.text}", spoils="cause")


def whether_same(found: Sequence[ResultChange]) -> tuple[bool | None, str]:
    """Whether all compute the same, and what stands behind it, in a clause."""
    answers = [one.same for one in found]
    wrong = [one for one in found if one.same is False]
    if wrong and all(one.on_purpose for one in wrong):
        return False, f"on purpose, as variants of one run: {_together(wrong)}"
    if wrong:
        return False, _together([one for one in wrong if not one.on_purpose])
    if not answers:
        return None, "no phase is in all of them"
    if None in answers:
        return None, _together([one for one in found if one.same is None])
    worst = max(found, key=lambda one: one.difference or 0.0)
    if not worst.difference:
        return True, "their results' fingerprints are equal"
    where = f"{worst.phase} of {worst.variant}"
    return True, f"largest difference {_part(worst.difference)} of a result ({where})"


def _together(found: Sequence[ResultChange]) -> str:
    return "; ".join(dict.fromkeys(one.text for one in found))


def _part(difference: float) -> str:
    """A part as people write it: 0.12, 3e-7."""
    if difference >= 0.01:
        return f"{difference:.2g}"
    return f"{difference:.0e}".replace("e-0", "e-")


def _phase(a: Member, b: Member, pair: Pair, key: str, *, on_purpose: bool) -> ResultChange:
    ours, theirs = (
        member.run.variants[name].phases[key] for member, name in zip((a, b), pair, strict=True)
    )
    where = f"{key} of {pair[0] if pair[0] == pair[1] else ' and '.join(pair)}"

    def answer(equal: bool | None, text: str, tensors: Tensors | None = None) -> ResultChange:
        return ResultChange(
            variant=pair[0],
            phase=key,
            b=b.name,
            b_variant=pair[1],
            on_purpose=on_purpose,
            same=equal,
            text=text if tensors is None and equal is None else f"{where}: {text}",
            tensor=tensors[0].name if tensors else None,
            difference=distance(*tensors) if tensors else None,
            allowed=tolerance(tensors[0].dtype) if tensors else None,
            a_norm=tensors[0].norm if tensors else None,
            b_norm=tensors[1].norm if tensors else None,
        )

    if why := _unknown(a, b, ours, theirs):
        return answer(None, why)
    counts = len(ours.fingerprint), len(theirs.fingerprint)
    if counts[0] != counts[1]:
        return answer(False, f"{counts[0]} and {counts[1]} tensors are fetched")
    return answer(*_judged(list(zip(ours.fingerprint, theirs.fingerprint, strict=True))))


def _unknown(a: Member, b: Member, ours: Phase, theirs: Phase) -> str | None:
    """Why two phases' results say nothing about the programs."""
    for member, phase in ((a, ours), (b, theirs)):
        if not phase.fingerprint:
            return f"no result is recorded in {member.name}"
    seeds = [member.run.workload.settings.get("seed") for member in (a, b) if member.run.workload]
    if len(set(map(str, seeds))) > 1:
        return "the seeds differ, so other numbers are to be expected"
    return None


def _judged(pairs: Sequence[Tensors]) -> tuple[bool | None, str, Tensors]:
    """Whether all are the same, in words, with the tensors that say so.

    Tensors that differ from step to step within a run can still differ in type or shape.
    """
    different = [
        (a, b)
        for a, b in pairs
        if (a.dtype, a.shape) != (b.dtype, b.shape) or (a.repeats and b.repeats and not same(a, b))
    ]
    worst = max(different or pairs, key=_excess)
    if different:
        return False, _difference(*worst), worst
    for a, b in pairs:
        if not (a.repeats and b.repeats):
            return None, f"{a.name} differs from step to step within a run", (a, b)
    return True, f"largest difference {_part(distance(*worst) or 0.0)} of the result", worst


def _excess(tensors: Tensors) -> float:
    apart = distance(*tensors)
    return math.inf if apart is None else apart


def _difference(a: TensorFingerprint, b: TensorFingerprint) -> str:
    said = f"{a.name} differs"
    if a.dtype != b.dtype:
        return f"{said}: {a.dtype}, {b.dtype}"
    if a.shape != b.shape:
        return f"{said}: shapes {list(a.shape)}, {list(b.shape)}"
    if a.nonfinite != b.nonfinite:
        return f"{said}: {a.nonfinite} and {b.nonfinite} values are NaN or infinite"
    if a.norm is None or b.norm is None:
        return said
    return f"{said} by {_part(distance(a, b) or 0.0)} of its norm ({a.norm:.6g}, {b.norm:.6g})"
