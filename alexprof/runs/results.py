"""Do runs compute the same? What their steps fetched, set beside each other."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alexprof.capture.results import TensorResult, norms_apart
from alexprof.errors import RunError
from alexprof.runs.changes import Doubt, ResultChange
from alexprof.runs.record import Phase
from alexprof.runs.sides import Member, Pair, Side, phases_of, variant_pairs

if TYPE_CHECKING:
    from alexprof.measure.agreement import Values


_DAMAGE = (
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,  # zipfile: encrypted, or packed in a way that it doesn't know
    zipfile.BadZipFile,
    zlib.error,
)
"""What NumPy and zipfile raise on a file that is no whole archive of arrays."""


def results_file(folder: Path, variant: str, phase: str) -> Path:
    """Where the kept values of a phase are: an array for each tensor, named by its place."""
    return folder / variant / "results" / f"{phase}.npz"


def load_values(folder: Path, variant: str, phase: str) -> dict[int, Values]:
    """Reads the kept values of a phase, by the tensor's place in `Phase.results`.

    Raises:
        RunError: If they are not there or are damaged.
    """
    import numpy as np

    path = results_file(folder, variant, phase)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {int(place): arrays[place] for place in arrays.files}
    except FileNotFoundError:
        raise RunError(f"no {path}: the record speaks of results that are not there") from None
    except OSError as error:
        raise RunError(f"can't read {path}: {error.strerror or error}") from error
    except _DAMAGE as error:
        raise RunError(f"{path} is damaged: it holds no whole arrays") from error


def result_changes(a: Side, b: Side) -> tuple[ResultChange, ...]:
    """Sets what two sides' steps fetched beside each other: each run beside A's first.

    Where kept values are gone or damaged it is not known whether both compute the same.
    """
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
        return True, "no difference in what is kept of each result"
    where = f"{worst.phase} of {worst.variant}"
    return True, f"largest difference {_part(worst.difference)} of the largest value ({where})"


def _together(found: Sequence[ResultChange]) -> str:
    return "; ".join(dict.fromkeys(one.text for one in found))


def _part(difference: float) -> str:
    """A part as people write it: 0.12, 3e-7."""
    if difference >= 0.01:
        return f"{difference:.2g}"
    return f"{difference:.0e}".replace("e-0", "e-")


def _phase(a: Member, b: Member, pair: Pair, key: str, *, on_purpose: bool) -> ResultChange:
    sides = [(a, pair[0]), (b, pair[1])]
    ours, theirs = (one.run.variants[name].phases[key] for one, name in sides)
    where = f"{key} of {pair[0] if pair[0] == pair[1] else ' and '.join(pair)}"

    def answer(same: bool | None, text: str, worst: _Apart | None = None) -> ResultChange:
        return ResultChange(
            variant=pair[0],
            phase=key,
            b=b.name,
            b_variant=pair[1],
            on_purpose=on_purpose,
            same=same,
            text=text if worst is None and same is None else f"{where}: {text}",
            tensor=worst.ours.name if worst else None,
            difference=worst.difference if worst else None,
            allowed=worst.allowed if worst else None,
            a_norm=worst.ours.norm if worst else None,
            b_norm=worst.theirs.norm if worst else None,
        )

    if why := _unknown(a, b, ours, theirs):
        return answer(None, why)
    if len(ours.results) != len(theirs.results):
        return answer(
            False,
            f"{len(ours.results)} and {len(theirs.results)} tensors are fetched",
        )
    try:
        values = [load_values(one.folder, name, key) for one, name in sides]
    except RunError as error:
        return answer(None, str(error))
    apart = [
        _Apart.of(one, other, values[0].get(place), values[1].get(place))
        for place, (one, other) in enumerate(zip(ours.results, theirs.results, strict=True))
    ]
    return answer(*_judged(apart))


def _unknown(a: Member, b: Member, ours: Phase, theirs: Phase) -> str | None:
    """Why two phases' results say nothing about the programs."""
    for one, phase in ((a, ours), (b, theirs)):
        if not phase.results:
            return f"no result is recorded in {one.name}"
    seeds = [one.run.workload.settings.get("seed") for one in (a, b) if one.run.workload]
    if len(set(map(str, seeds))) > 1:
        return "the seeds differ, so other numbers are to be expected"
    return None


@dataclass(frozen=True)
class _Apart:
    """A tensor of A and the one at its place in B.

    Attributes:
        ours: A's.
        theirs: B's.
        difference: The largest difference of kept values, or of the norms if that is more, as a
            part of the largest value (of the larger norm); None where it has no size.
        allowed: What rounding may make it.
    """

    ours: TensorResult
    theirs: TensorResult
    difference: float | None
    allowed: float

    @classmethod
    def of(
        cls, ours: TensorResult, theirs: TensorResult, one: Values | None, other: Values | None
    ) -> _Apart:
        """Sets two tensors beside each other."""
        from alexprof.measure.agreement import largest_difference, tolerance

        allowed = tolerance(ours.dtype)
        if one is None or other is None or ours.norm is None or theirs.norm is None:
            empty = ours.elements == theirs.elements == 0
            return cls(ours, theirs, 0.0 if empty else None, allowed)
        difference = largest_difference(one, other)
        if difference is not None:
            difference = max(difference, norms_apart(ours.norm, theirs.norm))
        return cls(ours, theirs, difference, allowed)

    @property
    def alike(self) -> bool:
        """Whether both have the same shape, type and number of NaN and infinite values."""
        return all(
            getattr(self.ours, what) == getattr(self.theirs, what)
            for what in ("shape", "dtype", "nonfinite")
        )

    @property
    def steady(self) -> bool:
        """Whether it can be judged: each side gives the same in each step, in numbers."""
        sides = (self.ours, self.theirs)
        return all(one.repeats != "differs" and one.norm is not None for one in sides)

    @property
    def same(self) -> bool:
        """Whether both are the same, up to rounding."""
        return self.alike and self.difference is not None and self.difference <= self.allowed

    @property
    def excess(self) -> float:
        """For finding the one that differs most."""
        return math.inf if self.difference is None or not self.alike else self.difference


def _judged(apart: Sequence[_Apart]) -> tuple[bool | None, str, _Apart | None]:
    """Whether all are the same, in words, with the tensor that says so."""
    strange = [one for one in apart if not one.alike and one.ours.nonfinite == one.theirs.nonfinite]
    wrong = [one for one in apart if one.steady and not one.same]
    if strange or wrong:
        worst = max(strange or wrong, key=lambda one: one.excess)
        return False, _difference(worst), worst
    unsteady = [one for one in apart if not one.steady]
    if unsteady:
        first = unsteady[0]
        if first.ours.norm is None:
            return None, f"{first.ours.name} holds no numbers", first
        return None, f"{first.ours.name} differs from step to step within a run", first
    worst = max(apart, key=lambda one: one.excess)
    return True, f"largest difference {_part(worst.difference or 0.0)} of the largest value", worst


def _difference(worst: _Apart) -> str:
    ours, theirs = worst.ours, worst.theirs
    said = f"{ours.name} differs"
    if ours.dtype != theirs.dtype:
        return f"{said}: {ours.dtype}, {theirs.dtype}"
    if ours.shape != theirs.shape:
        return f"{said}: shapes {list(ours.shape)}, {list(theirs.shape)}"
    if ours.nonfinite != theirs.nonfinite:
        return f"{said}: {ours.nonfinite} and {theirs.nonfinite} values are NaN or infinite"
    norms = f"norms {ours.norm:.6g}, {theirs.norm:.6g}"
    if worst.difference is None:
        return f"{said}: NaN or infinite at other places ({norms})"
    return f"{said} by up to {_part(worst.difference)} of its largest value ({norms})"
