"""What would I win? What leaving ops out saved, beside what the trace gives those ops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexprof.record.ablation import Ablation
from alexprof.record.phase import on_cpu
from alexprof.record.values import Interval
from alexprof.show import numbers
from alexprof.show.document import Block, Lead, Note, Section, Table
from alexprof.show.fit import clean
from alexprof.show.sections.ablations import (
    ablations_table,
    saving_off,
    signed_percent,
    step_off,
)
from alexprof.show.sections.covers import coverage, gone_with, listed
from alexprof.show.sections.predict import FEW, prediction
from alexprof.show.sections.waterfall import waterfall
from alexprof.show.view import View, centre, includes_zero, measured, plural, sentence_case

_SOURCES = {
    "share": "by its share",
    "replay": "by replaying",
    "launches": "by replaying its launches",
    "kernels": "by kernel times and launch costs",
}
_SEEN = 0.01
"""Half widths below this take a smaller unit in a sentence."""
_CHANGED = 0.001
"""Changes of other layers below this part of the step are not worth a word."""
SAID = 3
"""So many changes of other layers stand in the answer."""


def win_section(view: View, key: str) -> Section | None:
    """Answers what a phase would win; None where nothing is measured and nothing predicted."""
    blocks = tuple(_blocks(view, key))
    if not blocks:
        return None
    return Section("What would I win?", _aside(view, key), blocks, "win")


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
        yield Lead(" ".join(filter(None, (_answer(view, one), _taken_apart(view, one)))))
        yield waterfall(view, one)
        yield Note(" ".join(_explained(view, one)))
        if one.predicted_s is not None:
            yield Note(" ".join(_predicted(view, one, one.predicted_s)))
    predicted = tuple(prediction(view, key))
    if any(isinstance(one, Table) for one in predicted) and not found:
        yield Lead("No ops were left out in this phase: what follows is predicted, not measured.")
    yield from predicted


def _largest(view: View, found: Sequence[Ablation]) -> str:
    """The answer for the ablation that saved most."""
    by_median = view.by_median
    return _answer(view, max(found, key=lambda one: measured(one, by_median=by_median)[0]))


def _answer(view: View, one: Ablation) -> str:
    """Says: LRN costs 55.9 ms of a 607 ms step, 9.20 % (medians; 95 % interval 19.9 to 64.7 ms)."""
    by_median = view.by_median
    saved_s, interval = measured(one, by_median=by_median)
    name, kind = view.ablation_label(one), "medians" if by_median else "means"
    timed = view.timed(one.reference, one.phase)
    whole_s = centre(timed, by_median=by_median) if timed else 0.0
    unit = numbers.spoken_unit(saved_s, whole_s)
    if interval is None:
        return (
            f"Without {name}: {unit.named(saved_s)} by the {kind}; fewer than two blocks of "
            "steps, so no interval and no claim."
        )
    span = f"95{numbers.NBSP}% interval {numbers.unit(unit.interval(interval), unit.name)}"
    if includes_zero(interval):
        return f"Without {name}: no difference seen ({kind}: {unit.named(saved_s)}, {span})."
    part = f", {numbers.percent_unit(abs(saved_s) / whole_s)}" if whole_s else ""
    step = f"a {numbers.time(whole_s)} step" if whole_s else "a step"
    size = unit.named(abs(saved_s))
    if saved_s > 0:
        return f"{name} costs {size} of {step}{part} ({kind}; {span})."
    return f"Without {name} {step} is {size} longer{part} ({kind}; {span})."


def _taken_apart(view: View, one: Ablation) -> str:
    """Says what own ops took and which other layers changed; "" where no trace tells."""
    if not one.others and one.attributed_s is None:
        return ""
    if one.attributed_s is None:
        own = "The trace shows no ops of its own"
    else:
        size = _time(view, one, one.attributed_s, one.attributed_ci95_s)
        how = "By the means its" if view.by_median else "Its"
        own = f"{how} own ops take {size}"
    if not one.others:
        return f"{own}."
    timed = view.timed(one.reference, one.phase)
    least_s = _CHANGED * timed.mean_s if timed else 0.0
    seen = [change for change in one.others if change.significant]
    told = [change for change in seen if abs(change.change_s) >= least_s]
    changed = [
        f"{clean(change.name)} took {_time(view, one, abs(change.change_s), None)} "
        f"{'longer' if change.change_s < 0 else 'less'}"
        for change in told[:SAID]
    ]
    more = len(told) - len(changed)
    changed += [f"{plural(more, 'more layer')} changed"] if more else []
    if not changed and seen:
        least = numbers.percent_unit(_CHANGED)
        return f"{own}; no other layer changed significantly by more than {least} of the step."
    if not changed:
        return f"{own}; no other layer’s change is significant."
    return f"{own}; without it {listed(changed)}."


def _explained(view: View, one: Ablation) -> Iterator[str]:
    name = view.ablation_label(one)
    if one.attributed_s is None and one.others_s is None:
        yield f"What {name}’s own ops take is not known: it needs traces of both variants."
        return
    if view.by_median:
        yield (
            "Measured stands there twice: steps were slow in a row, so the medians lead; the rows "
            "below are by the means, because only means add up."
        )
    if one.attributed_s is not None:
        yield f"Own ops are{_ratio(one, one.attributed_s)}"
    if one.others_s is None or one.idle_s is None:
        yield "The rest is other layers, idle time and chance: traces of both would tell."
        return
    if one.traced_over_timed is None:  # recorded before the layers were told apart
        yield "Other layers are what own ops and idle time leave of it."
        return
    if _of_gpu(view, one):
        yield (
            "Every op’s time is in one row. Kernel times are as traced; the difference between "
            "traced and timed steps is assigned to idle time, so the sum is exact by construction."
        )
    else:
        yield (
            "Every op’s time is in one row, each variant’s traced steps scaled to its timed mean: "
            "so the sum is exact by construction."
        )
    yield from _scales(view, one)


def _of_gpu(view: View, one: Ablation) -> bool:
    phase = view.phase(one.reference, one.phase)
    return bool(phase and phase.attribution and not on_cpu(phase.attribution.device))


def _scales(view: View, one: Ablation) -> Iterator[str]:
    """Where disagreement between traced and timed steps hides, and how well the means are known."""
    labels = view.variant_label(one.reference), view.other_label(one.without, one.reference)
    ratios = [numbers.times(ratio) for ratio in one.traced_over_timed or ()]
    if ratios:
        hidden = "the idle row" if _of_gpu(view, one) else "the scale"
        yield (
            f"Any error is therefore in {hidden}: traced steps took {ratios[0]} as long as timed "
            f"ones {labels[0]}, {ratios[1]} {labels[1]}."
        )
    timed = [view.timed(name, one.phase) for name in (one.reference, one.without)]
    intervals = [each.ci95_s for each in timed if each and each.ci95_s]
    halves_s = [(high - low) / 2 for low, high in intervals]
    unit = _unit(view, one, min(halves_s, default=0.0))
    halves = [
        f"±{numbers.NBSP}{numbers.unit(unit.half_width(interval), unit.name)}"
        for interval in intervals
    ]
    if len(halves) == 2 and one.attributed_ci95_s is not None:
        yield (
            "± covers variation among traced steps only. The timed means are uncertain by "
            f"{halves[0]} {labels[0]} and {halves[1]} {labels[1]}; a change counts as significant "
            "only if it exceeds that uncertainty too."
        )


def _predicted(view: View, one: Ablation, predicted_s: float) -> Iterator[str]:
    """What was predicted from the reference's trace, how far off that is, and what it covers."""
    source = _SOURCES.get(one.predicted_from, "")
    size = _time(view, one, predicted_s, one.predicted_ci95_s)
    said = f"Predicted {source}".rstrip() + f" from the trace with it: {size}"
    step, saving = step_off(view, one), saving_off(view, one)
    if step is not None:
        said += f"; the step predicted without it is off by {signed_percent(step)}"
    if saving is not None:
        said += f", the saving by {signed_percent(saving)}"
    if step is not None or saving is not None:
        said += f" (by the {'medians' if view.by_median else 'means'})"
    yield f"{said}."
    if covers := coverage(one):
        yield f"{sentence_case(covers)}."
    phase = view.phase(one.reference, one.phase)
    if one.predicted_from in ("share", "kernels") and phase and phase.replay:
        yield gone_with(phase.replay, [("ablation", one.name)]) or ""


def _unit(view: View, one: Ablation, seconds: float) -> numbers.Unit:
    """The unit of a time that is a part of the reference's step."""
    timed = view.timed(one.reference, one.phase)
    return numbers.spoken_unit(seconds, timed.mean_s if timed else None)


def _time(view: View, one: Ablation, seconds: float, interval: Interval | None) -> str:
    """A time with its interval, if it has one: "55.6 ± 1.9 ms"."""
    unit = _unit(view, one, seconds)
    if interval is None:
        return numbers.unit(unit.plain(seconds), unit.name)
    if (interval[1] - interval[0]) / 2 * unit.per_second < _SEEN:
        unit = numbers.spoken_unit(seconds)  # so that both are written with as many decimals
    spread = f" ±{numbers.NBSP}{unit.half_width(interval)}"
    return numbers.unit(unit.plain(seconds) + spread, unit.name)


def _ratio(one: Ablation, attributed_s: float) -> str:
    """Attributed over measured, by the means, in words."""
    if includes_zero(one.ci95_s) or not one.measured_s:
        return " not set against what was measured: that may be nothing."
    ratio = f" {numbers.times(attributed_s / one.measured_s)} what was measured by the means"
    if one.ci95_s is None:
        return f"{ratio}."
    inside = one.ci95_s[0] <= attributed_s <= one.ci95_s[1]
    return f"{ratio}, {'within' if inside else 'outside'} its interval."
