"""How good the timed steps are: one level or several, outliers, why measuring stopped."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.record.values import Outliers, Steadiness, Timed
from alexprof.show import numbers
from alexprof.show.document import Note, Warn
from alexprof.show.sections.gpu_speed import level_text, on_gpu
from alexprof.show.view import View, plural, sentence_case

MOST_UNSTEADY = 4
"""Warnings of steps that hold no level; the others are counted."""


def quality(view: View) -> Iterator[Note | Warn]:
    """What to know of the timed steps before their means are believed."""
    for key in view.phases:
        yield from _stopped(view, key)
    if said := [text for key in view.phases if (text := _outliers(view, key))]:
        yield Note(f"Outliers, none dropped: {'; '.join(said)}.")
    yield from (Warn(text) for text in _not_settled(view))
    unsteady = list(_unsteady(view))
    yield from (Warn(text) for text in unsteady[:MOST_UNSTEADY])
    if len(unsteady) > MOST_UNSTEADY:
        yield Warn(f"… and {len(unsteady) - MOST_UNSTEADY} more that held no level from the start")


def _every(view: View, key: str) -> list[tuple[str, Timed]]:
    """By where in sentences, the timed steps of a phase's variants."""
    return [
        (", ".join((view.phase_label(key), *view.needed_label(name))), timed)
        for name in view.run.variants
        if (timed := view.timed(name, key))
    ]


def _stopped(view: View, key: str) -> Iterator[Note | Warn]:
    """Why there are no more steps, once for variants that took turns."""
    groups: dict[tuple[object, ...], list[tuple[str, Timed]]] = {}
    every = _every(view, key)
    for where, timed in every:
        how = (timed.stopped_by, timed.requested_precision, timed.steps)
        groups.setdefault(how, []).append((where, timed))
    for group in groups.values():
        timed = group[0][1]
        reached = max((one.precision or 0.0 for _, one in group), default=0.0)
        said = _why(timed, reached)
        if said:
            where = view.phase_label(key) if len(groups) == 1 else group[0][0]
            missed = timed.requested_precision is not None and not _met(timed, reached)
            yield Warn(f"{where}: {said}") if missed else Note(f"{sentence_case(where)}: {said}.")


def _why(timed: Timed, reached: float) -> str:
    """Why measuring stopped; nothing if all steps asked for are there and no more was asked.

    Args:
        timed: One of those that stopped together.
        reached: The widest half-width among them, as a part of the mean; 0 if there is none.
    """
    steps = plural(timed.steps, "step")
    now = numbers.percent_half_width(reached) if reached else "an interval not known"
    if timed.requested_precision is None:
        return f"stopped by the time allowed, after {steps}" * (timed.stopped_by == "max-time")
    asked = numbers.percent_half_width(timed.requested_precision)
    if timed.stopped_by == "precision":
        return f"stopped at the precision asked ({asked}): {now} after {steps}"
    if timed.stopped_by == "plateau":
        return (
            f"stopped at {now} after {steps}, not the {asked} asked: four times the steps had not "
            "narrowed the interval, the machine drifts"
        )
    by = "the time allowed" if timed.stopped_by == "max-time" else "the most steps allowed"
    met = "within" if _met(timed, reached) else "not"
    return f"stopped by {by}, at {now} after {steps}, {met} the {asked} asked"


def _met(timed: Timed, reached: float) -> bool:
    """Whether the precision asked for is there, be it that it was not yet time to look for it."""
    asked = timed.requested_precision
    return timed.stopped_by == "precision" or (asked is not None and 0 < reached <= asked)


def _outliers(view: View, key: str) -> str:
    found = [one.outliers for _, one in _every(view, key) if one.outliers]
    slow = sum(one.mild_high + one.severe_high for one in found)
    quick = sum(one.mild_low + one.severe_low for one in found)
    if not slow + quick:
        return ""
    of = plural(sum(one.steps for one in found), "step")
    return f"{view.phase_label(key)} {_counts(found, slow, quick)} of {of}{_added(found)}"


def _counts(found: list[Outliers], slow: int, quick: int) -> str:
    far = sum(one.severe_high for one in found)
    far_quick = sum(one.severe_low for one in found)
    said = [
        f"{number} {word}" + (f" ({of} far out)" if of else "")
        for number, word, of in ((slow, "slow", far), (quick, "quick", far_quick))
        if number
    ]
    return " and ".join(said)


def _added(found: list[Outliers]) -> str:
    """What the slow ones add to a mean."""
    most = max(one.mean_share for one in found)
    if most <= 0:
        return ""
    at_most = "at most " if len(found) > 1 else ""
    return f", which add {at_most}{numbers.percent_unit(most)} to the mean"


def _not_settled(view: View) -> Iterator[str]:
    for key in view.phases:
        for where, timed in _every(view, key):
            if timed.warm_up and timed.warm_up.settled is False:
                ran = plural(timed.warm_up.steps, "warm-up step")
                yield f"{where}: not steady after {ran}, the most that there may be"


def _unsteady(view: View) -> Iterator[str]:
    for key in view.phases:
        if any(on_gpu(view.phase(name, key)) for name in view.run.variants):
            continue  # told in a GPU's words, with its clocks
        for where, timed in _every(view, key):
            waited = timed.warm_up is not None and timed.warm_up.settled is not None
            if timed.steadiness and (said := _state(timed, timed.steadiness, waited=waited)):
                yield f"{where}: {said}"


def _state(timed: Timed, found: Steadiness, *, waited: bool) -> str:
    """What is wrong with a sequence of steps; nothing if it is steady.

    Args:
        timed: The steps.
        found: What was found of them.
        waited: Whether warm-up went on until it was steady already.
    """
    if found.state == "steady":
        return ""
    levels = f" ({levels})" if (levels := level_text(timed)) else ""
    if found.settled_step is None:
        return f"no steady state{levels}: the mean is of this stretch of time alone"
    if found.state == "warming":
        return (
            f"warming until its step {found.settled_step}{levels}, the mean includes those steps: "
            + ("others used the machine?" if waited else "more --burn-in, or --until-steady")
        )
    every = zip(found.first_steps, found.levels_s, strict=True)
    before = [level for first, level in every if first < found.settled_step]
    quicker = all(level < found.levels_s[-1] for level in before)
    return (
        f"{'quicker' if quicker else 'unsteady'} until its step {found.settled_step}{levels}, the "
        "mean includes those steps: a clock changed, or others used the machine"
    )
