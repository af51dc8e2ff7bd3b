"""A measured difference as rows that add up to it: own ops, other layers, idle time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from alexprof.analysis.difference import leading_estimator
from alexprof.analysis.predictions import prediction_agrees
from alexprof.record.ablation import Ablation, AblationPart
from alexprof.record.run import Run
from alexprof.record.trace import OneSided
from alexprof.record.values import Interval

RowKind = Literal[
    "own", "own part", "others", "layer", "not significant", "gone", "new", "unassigned", "idle"
]
_PARTS, _LAYERS, _TYPES = 8, 8, 4
"""So many own parts, other layers and one-sided types have rows of their own."""


class AccountRow(Struct, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """A row of an account.

    Attributes:
        kind: What it is of. Parts of "own" are in it already; all other rows add up.
        name: The layer or type; "" where the kind says it all, and of several together.
        pass_: Of own parts.
        count: How many ops of the type it has; or how many rows it joins.
        value_s: By how much a step is shorter without it; None if not known.
        ci95_s: Its 95 % interval from traced steps; None if not known.
    """

    kind: RowKind
    name: str = ""
    pass_: str = ""
    count: int = 1
    value_s: float | None
    ci95_s: Interval | None = None


class Account(Struct, frozen=True, kw_only=True):
    """A measured saving taken apart; its figures are those of `Ablation`.

    Attributes:
        phase: Key of the phase.
        name: What was left out.
        reference: The variant with it.
        without: The variant without it.
        rows: What they add up to is `sum_s`.
        sum_s: None where the rest is not known.
        own_over_measured: Own ops over the difference of the means; None where that may be nothing.
        own_within_interval: Whether own ops are within its interval; None without either.
        step_off: Predicted over measured step without the ops, less 1, by the leading estimator.
        saving_off: The same of the saving; None also where that is small or may be nothing.
        prediction_agrees: Whether prediction and measurement agree, given both intervals.
    """

    phase: str
    name: str
    reference: str
    without: str
    rows: tuple[AccountRow, ...]
    sum_s: float | None
    own_over_measured: float | None
    own_within_interval: bool | None
    step_off: float | None
    saving_off: float | None
    prediction_agrees: bool | None


def accounts(run: Run) -> tuple[Account, ...]:
    """The account of every ablation of a run."""
    return tuple(
        account_of(run, ablation)
        for ablation in run.ablations
        if {ablation.reference, ablation.without} <= run.variants.keys()
    )


def account_of(run: Run, ablation: Ablation) -> Account:
    """Takes a measured saving apart."""
    ratio, within = _own_over_measured(ablation)
    parts_s = (ablation.attributed_s, ablation.others_s, ablation.idle_s)
    error, by_median = ablation.predicted_error, leading_estimator(run) == "median"
    step_off = saving_off = None
    if error is not None:
        step_off = error.step_median if by_median else error.step_mean
        saving_off = error.saving_median if by_median else error.saving_mean
    return Account(
        phase=ablation.phase,
        name=ablation.name,
        reference=ablation.reference,
        without=ablation.without,
        rows=tuple(_rows(ablation)),
        sum_s=None if ablation.others_s is None else math.fsum(part for part in parts_s if part),
        own_over_measured=ratio,
        own_within_interval=within,
        step_off=step_off,
        saving_off=saving_off,
        prediction_agrees=prediction_agrees(run, ablation),
    )


def _own_over_measured(ablation: Ablation) -> tuple[float | None, bool | None]:
    own_s, interval = ablation.attributed_s, ablation.ci95_s
    if own_s is None or not ablation.measured_s:
        return None, None
    if interval is None:
        return own_s / ablation.measured_s, None
    if interval[0] <= 0 <= interval[1]:
        return None, None
    return own_s / ablation.measured_s, interval[0] <= own_s <= interval[1]


def _rows(ablation: Ablation) -> Iterator[AccountRow]:
    if ablation.attributed_s is None and ablation.others_s is None:
        return
    yield AccountRow(kind="own", value_s=ablation.attributed_s, ci95_s=ablation.attributed_ci95_s)
    if len(ablation.parts) > 1:
        yield from _own_parts(ablation.parts)
    if ablation.others:
        yield from _layers(ablation)
    elif ablation.others_s is not None:
        yield AccountRow(kind="others", value_s=ablation.others_s, ci95_s=ablation.others_ci95_s)
    yield from _one_sided("gone", ablation.only_with)
    yield from _one_sided("new", ablation.only_without)
    if change := ablation.unassigned:
        yield AccountRow(kind="unassigned", value_s=change.change_s, ci95_s=change.ci95_s)
    if ablation.idle_s is not None:
        yield AccountRow(kind="idle", value_s=ablation.idle_s, ci95_s=ablation.idle_ci95_s)


def _own_parts(parts: Sequence[AblationPart]) -> Iterator[AccountRow]:
    """The largest in the order given, then the others as one."""
    ranked = sorted(parts, key=lambda part: -abs(part.attributed_s))
    largest = [part for part in parts if part in ranked[:_PARTS]]
    rows = [
        AccountRow(
            kind="own part",
            name=part.layer,
            pass_=part.pass_,
            value_s=part.attributed_s,
            ci95_s=part.ci95_s,
        )
        for part in (*largest, *ranked[_PARTS:])
    ]
    return _limited(rows, _PARTS)


def _layers(ablation: Ablation) -> Iterator[AccountRow]:
    """The layers whose change is significant, then the others as one."""
    rows = [
        AccountRow(kind="layer", name=change.name, value_s=change.change_s, ci95_s=change.ci95_s)
        for change in ablation.others
        if change.significant
    ]
    yield from _limited(rows, _LAYERS)
    if rest := ablation.not_significant:
        yield AccountRow(
            kind="not significant",
            count=len(rest.names),
            value_s=rest.change_s,
            ci95_s=rest.ci95_s,
        )


def _one_sided(kind: RowKind, changes: Sequence[OneSided]) -> Iterator[AccountRow]:
    rows = [
        AccountRow(
            kind=kind,
            name=change.type,
            count=len(change.ops),
            value_s=change.change_s,
            ci95_s=change.ci95_s,
        )
        for change in changes
    ]
    return _limited(rows, _TYPES)


def _limited(rows: Sequence[AccountRow], most: int) -> Iterator[AccountRow]:
    """The first rows, and the sum of the rest."""
    yield from rows[:most]
    if rest := rows[most:]:
        value_s = math.fsum(row.value_s or 0.0 for row in rest)
        yield AccountRow(kind=rest[0].kind, count=len(rest), value_s=value_s)
