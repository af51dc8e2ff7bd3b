"""What measuring itself cost: the trace by its events, timed steps by their two clock readings."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.record.phase import OpCost, Phase
from alexprof.record.tracing import LevelCost
from alexprof.show import numbers
from alexprof.show.fit import clean
from alexprof.show.sections.shares import Division
from alexprof.show.view import View

MATTERS = 0.01
"""An op whose share is longer than without tracing by this part of it is named."""
_NAMED = 4


def overhead(view: View, phase: Phase) -> str:
    """What tracing cost the step, and what the clock costs a timed one; "" of a trace alone."""
    return "" if view.trace_alone else " ".join([*_tracing(view, phase), *_clock(view, phase)])


def untraced_note(division: Division, top: int) -> str:
    """Names ops whose share is shorter without tracing; "" if that is not known.

    Args:
        division: The step.
        top: How many ops are listed.
    """
    listed = [op for op in division.ops[:top] if op.untraced_share_s is not None]
    longer = [op for op in listed if _longer(op)]
    if not longer:
        least = numbers.percent_unit(MATTERS)
        return (
            f"What tracing recorded inside of ops is less than {least} of each." if listed else ""
        )
    said = [
        f"{clean(op.name)} {_unit(op, division).plain(op.untraced_share_s)} of "
        f"{_unit(op, division).named(op.share_mean_s)}"
        for op in longer[:_NAMED]
    ]
    more = f", and {len(longer) - _NAMED} more" if len(longer) > _NAMED else ""
    return f"Less what tracing recorded inside of them: {', '.join(said)}{more}."


def _unit(op: OpCost, division: Division) -> numbers.Unit:
    return numbers.spoken_unit(op.share_mean_s, division.step_s)


def _longer(op: OpCost) -> bool:
    untraced_s = op.untraced_share_s
    return untraced_s is not None and op.share_mean_s - untraced_s > MATTERS * op.share_mean_s


def _tracing(view: View, phase: Phase) -> Iterator[str]:
    tracing, traced = view.run.tracing, phase.traced
    if traced is None:
        return
    if tracing is None:
        yield "What tracing costs per event was not calibrated."
        return
    if tracing.reason is not None:
        yield f"What tracing costs per event is not known: {clean(tracing.reason)}."
        return
    level = next((one for one in tracing.levels if one.level == traced.host_level), None)
    if level is None or level.event_s is None or traced.events_per_step is None:
        yield "What tracing costs per event was not seen."
        return
    yield _events(level, level.event_s, traced.events_per_step, phase)


def _events(level: LevelCost, event_s: float, events: float, phase: Phase) -> str:
    span, unit = "", numbers.spoken_unit(event_s)
    if level.event_ci95_s is not None:
        low_s, high_s = level.event_ci95_s
        ends = f"{unit.plain(low_s)} to {unit.plain(high_s)}"
        span = f" (95{numbers.NBSP}% interval {ends})"
    part = ""
    if phase.timed is not None and phase.timed.mean_s:
        ratio = numbers.percent_unit(events * event_s / phase.timed.mean_s)
        part = f", {ratio} of the timed step"
    return (
        f"Tracing recorded {numbers.plain(events)} events a step at {unit.named(event_s)} "
        f"each{span}: {_beside(phase, events * event_s)} if one after another{part}."
    )


def _beside(phase: Phase, seconds: float) -> str:
    """A time in the unit that it has beside the timed step."""
    step_s = phase.timed.mean_s if phase.timed is not None else None
    return numbers.time(seconds, step_s)


def _clock(view: View, phase: Phase) -> Iterator[str]:
    clock_s = view.run.clock_s
    if clock_s is None or phase.timed is None or not phase.timed.mean_s:
        return
    part = numbers.percent_unit(2 * clock_s / phase.timed.mean_s)
    yield (
        "Timed steps carry no profiler, only two readings of the clock: "
        f"{numbers.time(2 * clock_s)}, {part} of the step."
    )
