"""What each layer would save: from a replay of the step, or by its share where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alexprof.record.phase import Phase, on_cpu
from alexprof.record.trace import Replay
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Note, Row, Table, Warn
from alexprof.show.fit import clean
from alexprof.show.note_texts import note_text
from alexprof.show.sections.covers import gone_with, listed
from alexprof.show.sections.shares import Division, divide
from alexprof.show.view import View, includes_zero, measured, plural

LEAST = 0.01
"""Layers below this part of the step are counted, not listed."""
LAYERS_SHOWN = 10
_HOW = {
    "ops": "the step replayed without it",
    "launches": "its launches replayed without it",
    "kernels": "its kernels, and launching them",
    "share": "the share, if nothing else changes",
}
FEW = 2
"""More ablations than this share a table; so few have a chart each."""


@dataclass(frozen=True)
class _Guess:
    """What a step would save without a layer (or all ops of a kind), as parts of the step.

    `key` is what is asked and the name of the saving that it comes from.
    """

    name: str
    without: float
    std: float | None
    halved: float
    key: tuple[str, str] = ("", "")


def prediction(view: View, key: str) -> Iterator[Block]:
    """A table of what the variant in view would save, what was left out by others set beside it."""
    variant = view.variant
    phase = view.phase(variant, key) if variant is not None else None
    division = divide(phase)
    if variant is None or phase is None or division is None or not division.layers:
        return
    bound_by = phase.attribution.bound_by if phase.attribution else ""
    if bound_by not in {"", "kernels"} and _unknown(phase):
        replay_reason = phase.replay.reason if phase.replay else None
        reason = note_text(replay_reason) if replay_reason else "its launches were not replayed"
        what = "the step is launch-bound, and " if bound_by == "launching" else ""
        yield Note(f"Savings can’t be predicted: {what}{reason}.")
        return
    replayed = bool(phase.replay and phase.replay.savings)
    guesses = list(_replayed(phase.replay) if phase.replay and replayed else _shares(division))
    found = view.ablations(key)
    left_out = {part.layer for one in found for part in one.parts if one.reference == variant}
    if not replayed:
        guesses = [one for one in guesses if one.name not in left_out]
    shown = [one for one in guesses if one.without >= LEAST][:LAYERS_SHOWN]
    asked = list(_left_out(view, key, phase)) if replayed and len(found) <= FEW else []
    drift = _replay(phase.replay, trace_alone=view.trace_alone)
    if not shown and not asked:
        if drift:
            yield Note(drift)
        return
    timed = view.timed(variant, key)
    step_s = timed.mean_s if timed and division.step_s else division.step_s
    title = "Predicted for the others" if left_out and not replayed else "Predicted"
    sort = phase.replay.how if phase.replay and replayed else "share"
    how = _HOW[sort]
    listed = (*asked, *shown)
    unit = numbers.table_unit([step_s])
    yield Table(
        _columns(unit.name),
        tuple(_row(one, step_s, unit) for one in listed),
        title=f"{title}: {how}",
        part="predictions",
        aside=", ".join(view.needed_label(variant)),
    )
    by_time = any(layer.launching_s for layer in phase.layers_whole)
    scale = _scale(sort, division, timed=timed is not None, by_time=by_time)
    yield Note(" ".join((scale, *_not_listed(guesses, shown))))
    if phase.replay and (gone := gone_with(phase.replay, [one.key for one in listed])):
        yield Note(gone)
    if said := _fused(phase, division.device):
        yield Warn(said)
    if drift:
        yield Note(drift)


def _fused(phase: Phase, device: str) -> str:
    """Says what a GPU's step can't tell of: ops that are fused into others."""
    ops = [op for op in phase.ops if op.fused and op.device == device and not on_cpu(device)]
    if not ops:
        return ""
    types = listed(list(dict.fromkeys(clean(type_) for op in ops for type_ in op.fused)))
    kinds = listed(list(dict.fromkeys(clean(op.kind) for op in ops)))
    count = plural(len(ops), "op")
    kernels = sum(op.kernels_per_step for op in ops)
    return (
        f"{types} have no time of their own because they are fused into {kinds} ({count}, "
        f"{kernels:.0f} kernels a step). On a GPU a fusion may launch more kernels and cost more "
        "than it saves; measure it with alexprof ablate --measure."
    )


def _unknown(phase: Phase) -> bool:
    return phase.replay is None or not phase.replay.savings


def _shares(division: Division) -> Iterator[_Guess]:
    for one in division.layers:
        std = one.std_s / division.step_s if one.std_s is not None else None
        yield _Guess(one.name, one.fraction, std, one.fraction / 2)


def _replayed(replay: Replay) -> Iterator[_Guess]:
    for one in replay.savings:
        if one.what == "layer":
            key = (one.what, one.name)
            yield _Guess(clean(one.name), one.fraction, one.fraction_std, one.halved_fraction, key)


def _left_out(view: View, key: str, phase: Phase) -> Iterator[_Guess]:
    """What was predicted for the ops that another variant leaves out, to be set beside it."""
    savings = phase.replay.savings if phase.replay else ()
    asked = {one.name: one for one in savings if one.what == "ablation"}
    for one in view.ablations(key):
        if one.reference == view.variant and one.name in asked:
            saving = asked[one.name]
            source = (saving.what, saving.name)
            saved_s, interval = measured(one, by_median=view.by_median)
            name = view.ablation_label(one)
            if name in {layer.name for layer in phase.layers}:
                name += ", as left out"
            if not includes_zero(interval):
                timed = view.timed(one.reference, key)
                saved = numbers.time(saved_s, timed.mean_s if timed else None)
                name += f" (measured: {saved})"
            yield _Guess(name, saving.fraction, saving.fraction_std, saving.halved_fraction, source)


def _columns(unit: str) -> tuple[Column, ...]:
    return (
        Column("layer", align="name"),
        Column("saves", unit),
        Column("std", unit, drop=2),
        Column("speed-up"),
        Column("2× as fast", unit, drop=1),
        Column("speed-up", drop=1),
    )


def _row(one: _Guess, step_s: float, unit: numbers.Unit) -> Row:
    return Row(
        (
            one.name,
            unit.plain(one.without * step_s),
            unit.plain(one.std * step_s if one.std is not None else None),
            _speed_up(one.without),
            unit.plain(one.halved * step_s),
            _speed_up(one.halved),
        )
    )


def _speed_up(saved: float) -> str:
    return numbers.times(1 / (1 - saved)) if saved < 0.9999 else numbers.MISSING


def _scale(sort: str, division: Division, *, timed: bool, by_time: bool) -> str:
    """What the times of the table rest on."""
    if not timed:
        return f"Of the traced step, {numbers.time(division.step_s)}: there are no timed ones."
    if on_cpu(division.device):
        return "Scaled to the timed mean."
    if sort == "launches":
        return "The host’s time is scaled until the replayed step is as long as a timed one."
    if sort == "kernels":
        by = "in proportion to the host’s launch time" if by_time else "equally among launches"
        return f"Kernels as traced; the timed step’s idle time is divided {by}."
    return "Kernels as traced."


def _not_listed(others: list[_Guess], shown: list[_Guess]) -> Iterator[str]:
    small = sum(one.without < LEAST for one in others)
    large = len(others) - small - len(shown)
    missing = [plural(large, "more layer")] if large else []
    if small:
        least = f"less than 1{numbers.NBSP}%{'' if small == 1 else ' each'}"
        missing.append(f"{plural(small, 'layer')} that would save {least}")
    if missing:
        yield f"Not listed: {', '.join(missing)}."
    if all(one.key == ("", "") for one in others):
        yield "What goes with a layer, such as conversions around it, is not counted."


def _replay(replay: Replay | None, *, trace_alone: bool) -> str | None:
    """How far the replay is off, or why there is none."""
    if replay is None or (replay.reason and trace_alone):
        return None
    if replay.reason is not None:
        return f"Not replayed: {note_text(replay.reason)}."
    if replay.drift is None:
        return None
    if replay.how == "launches":
        return f"Replayed from the host’s launches in {plural(replay.steps, 'traced step')}."
    drift = (
        f"Replayed from the graph and the ops’ durations, {plural(replay.steps, 'traced step')} "
        f"came out {numbers.percent_unit(replay.drift)} off in the median, "
        f"{numbers.percent_unit(replay.drift_worst or 0.0)} at most"
    )
    return f"{drift}." if replay.savings else f"{drift}: too far to predict from it."
