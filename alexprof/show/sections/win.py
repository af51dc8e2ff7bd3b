"""What would I win? What leaving ops out saved, beside what the trace gives those ops."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.analysis.account import Account, account_of
from alexprof.analysis.summary import MeasuredSaving
from alexprof.record.ablation import Ablation
from alexprof.record.phase import on_cpu
from alexprof.record.values import Interval
from alexprof.show import numbers
from alexprof.show.document import Block, Lead, Note, Section, Table
from alexprof.show.sections.ablations import ablations_table, signed_percent
from alexprof.show.sections.predict import FEW, coverage, gone_with, prediction
from alexprof.show.sections.waterfall import waterfall
from alexprof.show.text import sentence_case
from alexprof.show.view import View

_SOURCES = {
    "share": "by its share",
    "replay": "by replaying",
    "launches": "by replaying its launches",
    "kernels": "by kernel times and launch costs",
}
_SEEN = 0.01
"""Half widths below this take a smaller unit in a sentence."""
TABLES = ("ablation", "predictions")
"""The section's tables by the name that `--section` has for them."""


def win_section(view: View, key: str) -> Section | None:
    """Answers what a phase would win; None where nothing is measured and nothing predicted."""
    blocks = tuple(_blocks(view, key))
    return Section("What would I win?", _aside(view, key), blocks) if blocks else None


def _aside(view: View, key: str) -> str:
    label = "" if view.trace_alone else view.phase_label(key)
    savings = view.savings(key)
    if len(savings) != 1:
        return label
    reference, without = savings[0].reference, savings[0].without
    return f"{label}, {view.variant_label(reference)} minus {view.other_label(without, reference)}"


def _blocks(view: View, key: str) -> Iterator[Block]:
    savings = view.savings(key)
    if len(savings) > FEW:
        yield Lead(_answer(view, savings[0]))
        yield from ablations_table(view, savings)
    for saving in savings if len(savings) <= FEW else ():
        ablation = view.ablation(saving)
        account = account_of(view.run, ablation)
        yield Lead(_answer(view, saving))
        yield waterfall(view, ablation, account)
        yield Note(" ".join(_explained(view, ablation, account)))
        if ablation.predicted_s is not None:
            yield Note(" ".join(_predicted(view, ablation, account, ablation.predicted_s)))
    predicted = tuple(prediction(view, key))
    if any(isinstance(block, Table) for block in predicted) and not savings:
        yield Lead("No ops were left out in this phase: what follows is predicted, not measured.")
    yield from predicted


def _answer(view: View, saving: MeasuredSaving) -> str:
    """Says: LRN costs 55.9 ms of a 607 ms step, 9.20 % (medians; 95 % interval 19.9 to 64.7 ms)."""
    step = view.step(saving.reference, saving.phase)
    step_s = step.center_s if step else 0.0
    name, kind = view.saving_label(saving), f"{view.summary.estimator}s"
    unit = numbers.spoken_unit(saving.saved_s, step_s)
    if saving.ci95_s is None:
        return (
            f"Without {name}: {unit.named(saving.saved_s)} by the {kind}; fewer than two blocks of "
            "steps, so no interval and no claim."
        )
    span = f"95{numbers.NBSP}% interval {numbers.unit(unit.interval(saving.ci95_s), unit.name)}"
    if saving.verdict == "unclear":
        return f"Without {name}: no difference seen ({kind}: {unit.named(saving.saved_s)}, {span})."
    part = f", {numbers.percent_unit(abs(saving.fraction))}" if step_s else ""
    whole = f"a {numbers.time(step_s)} step" if step_s else "a step"
    size = unit.named(abs(saving.saved_s))
    if saving.verdict == "saves":
        return f"{name} costs {size} of {whole}{part} ({kind}; {span})."
    return f"Without {name} {whole} is {size} longer{part} ({kind}; {span})."


def _explained(view: View, ablation: Ablation, account: Account) -> Iterator[str]:
    if not account.rows:
        name = view.saving_label(ablation)
        yield f"What {name}’s own ops take is not known: it needs traces of both variants."
        return
    if view.by_median:
        yield "The medians lead; the rows below are by the means, because only means add up."
    if ablation.attributed_s is not None:
        yield _own_ops(account)
    if account.sum_s is None or ablation.idle_s is None:
        yield "The rest is other layers, idle time and chance: traces of both would tell."
        return
    if ablation.traced_over_timed is None:
        yield "Other layers are what own ops and idle time leave of it."
        return
    yield from _scales(view, ablation, ablation.traced_over_timed)


def _own_ops(account: Account) -> str:
    if account.own_over_measured is None:
        return "Own ops are not set against what was measured: that may be nothing."
    text = f"Own ops are {numbers.times(account.own_over_measured)} what was measured by the means"
    if account.own_within_interval is not None:
        text += f", {'within' if account.own_within_interval else 'outside'} its interval"
    return f"{text}."


def _of_gpu(view: View, ablation: Ablation) -> bool:
    phase = view.phase(ablation.reference, ablation.phase)
    return bool(phase and phase.attribution and not on_cpu(phase.attribution.device))


def _scales(view: View, ablation: Ablation, ratios: tuple[float, float]) -> Iterator[str]:
    """Where disagreement between traced and timed steps hides."""
    labels = (
        view.variant_label(ablation.reference),
        view.other_label(ablation.without, ablation.reference),
    )
    hidden = "the idle row" if _of_gpu(view, ablation) else "the scale of the ops"
    first, second = map(numbers.times, ratios)
    yield (
        f"The sum is exact by construction: what traced and timed steps differ by is in {hidden}. "
        f"Traced steps took {first} as long as timed ones {labels[0]}, {second} {labels[1]}."
    )


def _predicted(
    view: View, ablation: Ablation, account: Account, predicted_s: float
) -> Iterator[str]:
    """What was predicted from the reference's trace, how far off that is, and what it covers."""
    source = _SOURCES.get(ablation.predicted_from, "")
    size = _time(view, ablation, predicted_s, ablation.predicted_ci95_s)
    text = f"Predicted {source}".rstrip() + f" from the trace with it: {size}"
    if account.step_off is not None:
        text += f"; the step predicted without it is off by {signed_percent(account.step_off)}"
        if account.saving_off is not None:
            text += f", the saving by {signed_percent(account.saving_off)}"
        text += f" (by the {view.summary.estimator}s)"
    yield f"{text}."
    if covers := coverage(ablation):
        yield f"{sentence_case(covers)}."
    phase = view.phase(ablation.reference, ablation.phase)
    if ablation.predicted_from in ("share", "kernels") and phase and phase.replay:
        yield from gone_with(phase.replay, [("ablation", ablation.name)])


def _time(view: View, ablation: Ablation, seconds: float, interval: Interval | None) -> str:
    """A part of the reference's step with its interval, if it has one: "55.6 ± 1.9 ms"."""
    timed = view.timed(ablation.reference, ablation.phase)
    unit = numbers.spoken_unit(seconds, timed.mean_s if timed else None)
    if interval is None:
        return unit.named(seconds)
    if (interval[1] - interval[0]) / 2 * unit.per_second < _SEEN:
        unit = numbers.spoken_unit(seconds)  # so that both are written with as many decimals
    spread = f" ±{numbers.NBSP}{unit.half_width(interval)}"
    return numbers.unit(unit.plain(seconds) + spread, unit.name)
