"""How good the timed steps are: levels, outliers, why measuring stopped, what else was running."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.analysis.interference import (
    gpu_clock_notes,
    interference_notes,
    level_clock_notes,
)
from alexprof.record.note import distinct
from alexprof.record.phase import Phase
from alexprof.record.timed import Steadiness, Timed
from alexprof.show import numbers
from alexprof.show.document import Note, Warn
from alexprof.show.note_texts import note_text
from alexprof.show.text import in_sentence, plural, sentence_case
from alexprof.show.view import View, on_gpu

MOST_UNSTEADY = 4
"""Warnings of steps that hold no level; the others are counted."""
_LEVELS_SHOWN = 4
_STOPPED_BY = {
    "precision": "by the precision reached",
    "plateau": "because four times the steps had not narrowed the interval, the machine drifts",
    "max-time": "by the time allowed",
    "steps": "by the most steps allowed",
}
_LOCK_CLOCKS = (
    "Lock the GPU’s clocks (nvidia-smi --lock-gpu-clocks) or let it warm up longer (--burn-in)."
)
_SAME_CLOCK = "Let it warm up longer (--burn-in), or rerun while the host is idle."


def quality(view: View) -> Iterator[Note | Warn]:
    """What to know of the timed steps before their means are believed."""
    for key in view.phases:
        yield from _stopped(view, key)
    if texts := [text for key in view.phases if (text := _outliers(view, key))]:
        yield Note(f"Outliers, none dropped: {'; '.join(texts)}.")
    for key in view.phases:
        for where, timed in _timed(view, key):
            if timed.warm_up and timed.warm_up.settled is False:
                ran = plural(timed.warm_up.steps, "warm-up step")
                yield Warn(f"{where}: not steady after {ran}, the most that there may be")
    unsteady = list(_unsteady(view))
    yield from map(Warn, unsteady[:MOST_UNSTEADY])
    if len(unsteady) > MOST_UNSTEADY:
        yield Warn(f"… and {len(unsteady) - MOST_UNSTEADY} more that held no level from the start")


def _timed(view: View, key: str) -> list[tuple[str, Timed]]:
    """The timed steps of a phase's variants, by where in sentences."""
    return [
        (", ".join((view.phase_label(key), *view.needed_label(name))), timed)
        for name, timed in view.timed_of(key).items()
    ]


def _stopped(view: View, key: str) -> Iterator[Note | Warn]:
    """Why there are no more steps, once for variants that took turns."""
    groups: dict[tuple[object, ...], list[tuple[str, Timed]]] = {}
    for where, timed in _timed(view, key):
        how = (timed.stopped_by, timed.requested_precision, timed.steps)
        groups.setdefault(how, []).append((where, timed))
    for group in groups.values():
        where, timed = group[0]
        reached = max((timed.precision or 0.0 for _, timed in group), default=0.0)
        if reason := _why(timed, reached):
            where = view.phase_label(key) if len(groups) == 1 else where
            missed = timed.requested_precision is not None and not _met(timed, reached)
            yield (
                Warn(f"{where}: {reason}") if missed else Note(f"{sentence_case(where)}: {reason}.")
            )


def _why(timed: Timed, reached: float) -> str:
    """Why measuring stopped; nothing if all steps asked for are there and no more was asked."""
    steps = plural(timed.steps, "step")
    if timed.requested_precision is None:
        return f"stopped by the time allowed, after {steps}" * (timed.stopped_by == "max-time")
    now = numbers.percent_half_width(reached) if reached else "an interval not known"
    wanted = numbers.percent_half_width(timed.requested_precision)
    met = "within" if _met(timed, reached) else "not"
    by = _STOPPED_BY[timed.stopped_by or "steps"]
    return f"stopped {by}, at {now} after {steps}, {met} the {wanted} asked"


def _met(timed: Timed, reached: float) -> bool:
    """Whether the precision asked for is there, be it that it was not yet time to look for it."""
    wanted = timed.requested_precision
    return timed.stopped_by == "precision" or (wanted is not None and 0 < reached <= wanted)


def _outliers(view: View, key: str) -> str:
    """Says: forward 3 slow (1 far out) of 100 steps, which add 0.40 % to the mean; "" without."""
    outliers = [timed.outliers for timed in view.timed_of(key).values() if timed.outliers]
    counts = [
        f"{mild + severe} {word}" + (f" ({severe} far out)" if severe else "")
        for word, mild, severe in (
            ("slow", sum(o.mild_high for o in outliers), sum(o.severe_high for o in outliers)),
            ("quick", sum(o.mild_low for o in outliers), sum(o.severe_low for o in outliers)),
        )
        if mild + severe
    ]
    if not counts:
        return ""
    steps = plural(sum(o.steps for o in outliers), "step")
    text = f"{view.phase_label(key)} {' and '.join(counts)} of {steps}"
    most = max(o.mean_share for o in outliers)
    if most <= 0:
        return text
    at_most = "at most " if len(outliers) > 1 else ""
    return f"{text}, which add {at_most}{numbers.percent_unit(most)} to the mean"


def _unsteady(view: View) -> Iterator[str]:
    for key in view.phases:
        if any(on_gpu(view.phase(name, key)) for name in view.run.variants):
            continue  # said in a GPU's words, with its clocks
        for where, timed in _timed(view, key):
            if timed.steadiness and (text := _state(timed, timed.steadiness)):
                yield f"{where}: {text}"


def _state(timed: Timed, steadiness: Steadiness) -> str:
    """What is wrong with a sequence of steps; nothing if it is steady."""
    if steadiness.state == "steady":
        return ""
    levels = f" ({levels})" if (levels := level_text(timed)) else ""
    settled = steadiness.settled_step
    if settled is None:
        return f"no steady state{levels}: the mean is of this stretch of time alone"
    includes = f"until its step {settled}{levels}, the mean includes those steps:"
    if steadiness.state == "warming":
        waited = timed.warm_up is not None and timed.warm_up.settled is not None
        advice = "others used the machine?" if waited else "more --burn-in, or --until-steady"
        return f"warming {includes} {advice}"
    every = zip(steadiness.first_steps, steadiness.levels_s, strict=True)
    before = [level for first, level in every if first < settled]
    quicker = all(level < steadiness.levels_s[-1] for level in before)
    state = "quicker" if quicker else "unsteady"
    return f"{state} {includes} a clock changed, or others used the machine"


def level_text(timed: Timed) -> str:
    """The levels that steps had, one after the other: "1.38 → 1.61 ms"; "" if there is one."""
    steadiness = timed.steadiness
    if steadiness is None or not 1 < len(steadiness.levels_s) <= _LEVELS_SHOWN:
        return ""
    unit = numbers.spoken_unit(max(steadiness.levels_s))
    levels = dict.fromkeys(map(unit.plain, steadiness.levels_s))
    return numbers.unit(" → ".join(levels), unit.name)


def interference_warnings(view: View) -> Iterator[str]:
    """A line for each thing that interfered with a phase; once for variants that took turns."""
    for key in view.phases:
        labels: dict[str, list[str]] = {}
        for name in view.timed_of(key):
            phase = view.phase(name, key)
            if phase is not None and phase.interference is not None:
                on_host = not on_gpu(phase)
                for note in interference_notes(phase.interference, host_clock=on_host):
                    if on_host or not note.code.startswith("gpu"):
                        labels.setdefault(note_text(note), []).append(view.variant_label(name))
        for text, variants in labels.items():
            every = len(variants) == len(view.run.variants)
            whose = "" if every else f", {' and '.join(variants)}"
            yield f"{sentence_case(view.phase_label(key))}{whose}: {text}"
        yield from gpu_speed_warnings(view, key)


def gpu_speed_warnings(view: View, key: str) -> Iterator[str]:
    """The warning of a phase, if its steps ran on a GPU and their speed changed."""
    phases = {
        name: phase
        for name in view.run.variants
        if (phase := view.phase(name, key)) is not None and phase.timed and on_gpu(phase)
    }
    changed = [text for name, phase in phases.items() if (text := _changed(view, name, phase))]
    readings = [phase.interference for phase in phases.values() if phase.interference]
    clocks = distinct(note for reading in readings for note in gpu_clock_notes(reading))
    if not changed and not clocks:
        return
    advice = _LOCK_CLOCKS if clocks else _SAME_CLOCK
    facts = []
    if changed:
        facts.append(
            f"steps changed while they were timed ({'; '.join(changed)}); the means include all "
            "steps."
        )
        level = (note for reading in readings for note in level_clock_notes(reading))
        clocks = clocks or distinct(level)
    facts += map(note_text, clocks)
    text = in_sentence(" ".join(map(sentence_case, facts)))
    yield f"{sentence_case(view.phase_label(key))}: {text} {advice}"


def _changed(view: View, name: str, phase: Phase) -> str:
    """How a variant's steps changed: "with LRN 1.38 → 1.61 ms, level from step 44 on"."""
    timed = phase.timed
    if timed is None or timed.steadiness is None or timed.steadiness.state == "steady":
        return ""
    levels, settled = level_text(timed), timed.steadiness.settled_step
    since = "not steady by the end" if settled is None else f"level from step {settled} on"
    return " ".join((*view.needed_label(name), *([f"{levels},"] if levels else []), since))
