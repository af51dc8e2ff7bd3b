"""A measured difference reconciled with two traces: own ops, every other layer, idle.

Shares are of traced steps. Here each variant's are brought to the scale of its timed steps (see
`timed_scale`), so that both are as long in the mean. Every row of both tables of costs goes into
one account and no other, so that the accounts' changes add up to the measured difference of the
means.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from msgspec.structs import replace

from alexprof.analysis.timed_scale import StepCosts, timed_part
from alexprof.attribute import IDLE_OP, UNASSIGNED_OP
from alexprof.measure.chunks import chunks, step_interval
from alexprof.measure.intervals import welch
from alexprof.measure.ratios import LEVEL, adjust_p_values
from alexprof.measure.spread import Floats
from alexprof.record.ablation import Ablation, AblationPart
from alexprof.record.phase import Phase
from alexprof.record.trace import LayerChange, OneSided, SeenOps
from alexprof.record.values import Interval
from alexprof.workload.base import matches

if TYPE_CHECKING:
    import polars as pl

_COLUMNS = ("op", "type", "kind", "layer", "pass")
AccountKind = Literal["own", "gone", "new", "layer", "unassigned", "idle"]


class _Op(NamedTuple):
    name: str
    type: str
    kind: str
    layer: str
    pass_: str


@dataclass(frozen=True)
class _Side:
    """A variant."""

    # What each op took in each traced step, float64 [steps], on the timed scale
    seconds: Mapping[_Op, Floats]
    traced_over_timed: float  # How much longer traced steps were than timed ones
    # Half the 95 % interval of the timed mean, as a part of it; 0 where there is none, and on a
    # GPU, whose kernels' times do not rest on it
    unsure: float

    def sum(self, ops: Collection[_Op]) -> Floats:
        """What some ops took together in each step."""
        none = np.zeros_like(next(iter(self.seconds.values())))
        return sum((self.seconds[op] for op in ops if op in self.seconds), none)


def reconciled(
    ablation: Ablation, phases: Mapping[str, Phase], costs: Mapping[str, pl.DataFrame]
) -> Ablation:
    """Adds to a measured difference what the traces of both variants say of it."""
    a, b = (_side(phases[name], costs[name]) for name in (ablation.reference, ablation.without))
    only_a, only_b = _one_sided(a, b)
    accounts: dict[tuple[AccountKind, str], set[_Op]] = defaultdict(set)
    for op in (*a.seconds, *b.seconds):
        accounts[_account(op, ablation, only_a, only_b)].add(op)
    own = accounts.pop(("own", ""), set())
    changes = {key: _change(key[1], a.sum(ops), b.sum(ops)) for key, ops in accounts.items()}
    layers = {name: ops for (what, name), ops in accounts.items() if what == "layer"}
    others = _layers(a, b, layers, [changes["layer", name] for name in layers])
    small = [op for change in others if not change.significant for op in layers[change.name]]
    rest = [op for (account, _), ops in accounts.items() if account != "idle" for op in ops]
    idle = changes.get(("idle", ""), LayerChange(name="", with_s=0, without_s=0, change_s=0))
    own_s = a.sum(own)
    attributed_s = float(own_s.mean()) if own else None
    others_s = math.fsum(change.change_s for (what, _), change in changes.items() if what != "idle")
    return replace(
        ablation,
        attributed_s=attributed_s,
        attributed_ci95_s=step_interval(own_s) if own else None,
        ops=len({op.name for op in own}),
        parts=_parts(a, own),
        seen=_seen(own),
        others=tuple(others),
        others_s=others_s,
        others_ci95_s=_interval(a.sum(rest), b.sum(rest)),
        not_significant_ci95_s=_interval(a.sum(small), b.sum(small)) if small else None,
        only_with=_by_type("gone", accounts, changes),
        only_without=_by_type("new", accounts, changes),
        unassigned=changes.get(("unassigned", "")),
        idle_s=idle.change_s,
        idle_ci95_s=idle.ci95_s,
        traced_over_timed=(a.traced_over_timed, b.traced_over_timed),
    )


def _side(phase: Phase, costs: pl.DataFrame) -> _Side:
    """The costs of the device that the step is divided on."""
    import polars as pl

    assert phase.timed is not None
    assert phase.attribution is not None
    idle = pl.col("op") == IDLE_OP  # a row for each reason
    rows = costs.filter(pl.col("device") == phase.attribution.device).with_columns(
        pl.when(idle).then(pl.lit("")).otherwise("type").alias("type")
    )
    mean_s = phase.timed.mean_s
    step_costs = StepCosts(rows, mean_s, on_cpu=not phase.on_gpu)
    seconds = {_Op(*names): values for names, values in step_costs.by(*_COLUMNS).items()}
    return _Side(seconds, step_costs.traced_s / mean_s, timed_part(phase, "mean"))


def _one_sided(a: _Side, b: _Side) -> tuple[set[_Op], set[_Op]]:
    """The ops that a side has and the other lacks."""
    # An op that is fused with others has the name of the last of them, so names alone do not say
    # what is gone: ops of another name and the same layer, kind and pass are taken for the same, in
    # the order of what they cost. One of the same name and another kind is another op.
    in_both = {(op.name, op.kind) for op in a.seconds} & {(op.name, op.kind) for op in b.seconds}
    groups: dict[tuple[str, str, str], tuple[list[_Op], list[_Op]]]
    groups = defaultdict(lambda: ([], []))
    for place, side in enumerate((a, b)):
        for op in sorted(side.seconds, key=lambda op: (-float(side.seconds[op].mean()), op)):
            if (op.name, op.kind) not in in_both:
                groups[op.layer, op.kind, op.pass_][place].append(op)
    only_a: set[_Op] = set()
    only_b: set[_Op] = set()
    for of_a, of_b in groups.values():
        only_a.update(of_a[len(of_b) :])
        only_b.update(of_b[len(of_a) :])
    return only_a, only_b


def _account(
    op: _Op, ablation: Ablation, only_a: set[_Op], only_b: set[_Op]
) -> tuple[AccountKind, str]:
    if op.name == IDLE_OP:
        return "idle", ""
    if op.name == UNASSIGNED_OP:
        return "unassigned", ""
    if op in only_a:
        own = matches(ablation, op.name, op.kind, op.layer)
        return ("own", "") if own else ("gone", op.type)
    return ("new", op.type) if op in only_b else ("layer", op.layer)


def _change(name: str, a: Floats, b: Floats) -> LayerChange:
    with_s, without_s = float(a.mean()), float(b.mean())
    return LayerChange(
        name=name,
        with_s=with_s,
        without_s=without_s,
        change_s=with_s - without_s,
        ci95_s=_interval(a, b),
    )


def _interval(a: Floats, b: Floats) -> Interval | None:
    error = welch(chunks(a), chunks(b))
    return None if error is None else error.interval(float(a.mean() - b.mean()))


def _layers(
    a: _Side, b: _Side, layers: Mapping[str, Collection[_Op]], changes: Sequence[LayerChange]
) -> list[LayerChange]:
    """The change of each layer, and whether it is significant; the largest first."""
    p_values = []
    for ops, change in zip(layers.values(), changes, strict=True):
        error = welch(chunks(a.sum(ops)), chunks(b.sum(ops)))
        p_values.append(1.0 if error is None else error.p_value(change.change_s))
    judged = []
    for change, p_value in zip(changes, adjust_p_values(p_values), strict=True):
        # What the timed means leave open, which both variants are scaled to.
        open_s = math.hypot(change.with_s * a.unsure, change.without_s * b.unsure)
        significant = p_value <= LEVEL and abs(change.change_s) > open_s
        judged.append(replace(change, significant=significant))
    return sorted(judged, key=lambda change: (-abs(change.change_s), change.name))


def _by_type(
    what: AccountKind,
    accounts: Mapping[tuple[AccountKind, str], set[_Op]],
    changes: Mapping[tuple[AccountKind, str], LayerChange],
) -> tuple[OneSided, ...]:
    ops = [
        OneSided(
            type=key[1],
            ops=tuple(sorted({op.name for op in accounts[key]})),
            change_s=change.change_s,
            ci95_s=change.ci95_s,
        )
        for key, change in changes.items()
        if key[0] == what
    ]
    return tuple(sorted(ops, key=lambda group: (-abs(group.change_s), group.type)))


def _parts(side: _Side, own: Collection[_Op]) -> tuple[AblationPart, ...]:
    """Own ops by layer and pass."""
    groups: dict[tuple[str, str], set[_Op]] = defaultdict(set)
    for op in own:
        groups[op.layer, op.pass_].add(op)
    return tuple(
        AblationPart(
            layer=layer,
            pass_=pass_,
            attributed_s=float((seconds := side.sum(groups[layer, pass_])).mean()),
            ci95_s=step_interval(seconds),
        )
        for layer, pass_ in sorted(groups, key=lambda key: (key[0], key[1] != "forward", key[1]))
    )


def _seen(own: Collection[_Op]) -> tuple[SeenOps, ...]:
    groups: dict[tuple[bool, str, str], set[str]] = defaultdict(set)
    for op in own:
        groups[op.pass_ != "forward", op.pass_, op.type].add(op.name)
    return tuple(SeenOps(type=key[2], pass_=key[1], ops=len(groups[key])) for key in sorted(groups))
