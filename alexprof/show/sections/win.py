"""What would I win? What leaving ops out saved, beside what the trace gives those ops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexprof.runs.record import Ablation
from alexprof.show import numbers
from alexprof.show.document import Block, Lead, Note, Section, Table
from alexprof.show.sections.ablations import ablations_table
from alexprof.show.sections.predict import FEW, prediction
from alexprof.show.sections.waterfall import waterfall
from alexprof.show.view import View, centre, includes_zero, measured


def win_section(view: View, key: str) -> Section | None:
    """Answers what a phase would win; None where nothing is measured and nothing predicted."""
    blocks = tuple(_blocks(view, key))
    if not blocks:
        return None
    return Section("What would I win?", _aside(view, key), blocks)


def _aside(view: View, key: str) -> str:
    said = "" if view.trace_alone else view.phase_label(key)
    found = view.ablations(key)
    if len(found) != 1:
        return said
    reference, without = found[0].reference, found[0].without
    return f"{said}, {view.variant_label(reference)} minus {view.other_label(without, reference)}"


def _blocks(view: View, key: str) -> Iterator[Block]:
    found = view.ablations(key)
    if len(found) > FEW:
        yield Lead(_largest(view, found))
        yield from ablations_table(view, key, found)
    for one in found if len(found) <= FEW else ():
        yield Lead(_answer(view, one))
        yield waterfall(view, one)
        yield Note(" ".join(_explained(view, one)))
    predicted = tuple(prediction(view, key))
    if any(isinstance(one, Table) for one in predicted) and not found:
        yield Lead("No ops were left out in this phase: what follows is predicted, not measured.")
    yield from predicted


def _largest(view: View, found: Sequence[Ablation]) -> str:
    """The answer for the ablation that saved most."""
    by_median = view.by_median(found[0].phase)
    return _answer(view, max(found, key=lambda one: measured(one, by_median=by_median)[0]))


def _answer(view: View, one: Ablation) -> str:
    """Says: without LRN, 55.9 ms shorter, 9.20 % (medians; 95 % interval 19.9 to 64.7 ms)."""
    by_median = view.by_median(one.phase)
    saved_s, interval = measured(one, by_median=by_median)
    name, kind = view.ablation_label(one), "medians" if by_median else "means"
    size = numbers.ms_unit(abs(saved_s))
    if interval is None:
        return (
            f"Without {name}: {numbers.ms_unit(saved_s)} by the {kind}; fewer than two blocks of "
            "steps, so no interval and no claim."
        )
    span = f"95{numbers.NBSP}% interval {numbers.unit(numbers.ms_interval(interval), 'ms')}"
    if includes_zero(interval):
        return f"Without {name}: no difference seen ({kind}: {numbers.ms_unit(saved_s)}, {span})."
    way = "shorter" if saved_s > 0 else "longer"
    timed = view.timed(one.reference, one.phase)
    part = ""
    if timed is not None:
        whole_s = centre(timed, by_median=by_median)
        part = f", {numbers.percent_unit(abs(saved_s) / whole_s)}" if whole_s else ""
    return f"Without {name}: {size} {way}{part} ({kind}; {span})."


def _explained(view: View, one: Ablation) -> Iterator[str]:
    name = view.ablation_label(one)
    if one.attributed_s is None:
        yield f"What {name}’s own ops take is not known: it needs traces of both variants."
        return
    own = f"The trace gives {name}’s own ops {numbers.ms_unit(one.attributed_s)}"
    yield own + _ratio(view, one, one.attributed_s)
    yield "Shares are scaled to the timed mean; std is over traced steps."
    if one.others_s is None or one.idle_s is None:
        yield "The remainder is other layers, idle time and chance: traces of both would tell."
    else:
        yield "Own ops + other layers + idle = measured, by the means."


def _ratio(view: View, one: Ablation, attributed_s: float) -> str:
    """Attributed over measured, in words."""
    saved_s, interval = measured(one, by_median=view.by_median(one.phase))
    if includes_zero(interval) or not saved_s:
        return "; what was measured may be nothing, so there is no ratio."
    ratio = f": {numbers.times(attributed_s / saved_s)} what was measured"
    if interval is None:
        return f"{ratio}."
    inside = interval[0] <= attributed_s <= interval[1]
    return f"{ratio}, {'within' if inside else 'outside'} its interval."
