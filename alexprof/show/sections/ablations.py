"""Many ablations in one table: what leaving each out saved, beside what was predicted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexprof.analysis.savings import WORTH, MeasuredSaving, prediction_errors
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Remark, Table
from alexprof.show.sections.predict import coverage, gone_with
from alexprof.show.text import plural, sentence_case
from alexprof.show.view import View

_FOOTNOTES = "¹²³⁴⁵⁶⁷⁸⁹"


def ablations_table(view: View, savings: Sequence[MeasuredSaving]) -> Iterator[Block]:
    """A row for each ablation of a phase, and how good the predictions were."""
    # What predictions cover, by a mark each; what has the same reason has the same mark.
    ablations = map(view.ablation, savings)
    covers = dict.fromkeys(text for ablation in ablations if (text := coverage(ablation)))
    marks = dict(zip(covers, _FOOTNOTES, strict=False))
    saved_s = (saving.saved_s for saving in savings)
    steps_s = [*map(view.step_s, savings)]
    unit = view.unit([*saved_s, *steps_s], steps_s[0])
    yield Table.of(_columns(view, unit, marks), savings, part="ablation")
    yield from (Remark(f"{mark} {sentence_case(text)}.") for text, mark in marks.items())
    yield Remark(" ".join(_notes(view, savings)))
    phase = view.phase(savings[0].reference, savings[0].phase)
    if phase and phase.replay:
        keys = [("ablation", saving.name) for saving in savings]
        yield from map(Remark, gone_with(phase.replay, keys))
    if any(saving.others_s is not None for saving in savings):
        yield from _taken_apart(view, savings, unit)


def _columns(view: View, unit: numbers.Unit, marks: dict[str, str]) -> tuple[Column, ...]:
    def label(saving: MeasuredSaving) -> str:
        return view.saving_label(saving) + marks.get(coverage(view.ablation(saving)) or "", "")

    def fraction(saving: MeasuredSaving) -> str:
        return numbers.percent(saving.fraction) if saving.fraction > 0 else ""

    def interval(saving: MeasuredSaving) -> str:
        return unit.interval(saving.ci95_s)

    return (
        Column("left out", "", label, align="name"),
        Column("measured", unit.name, lambda saving: unit.signed(saving.saved_s)),
        Column("95 % interval", unit.name, interval, align="right", drop=3),
        Column("predicted", unit.name, lambda saving: unit.signed(saving.predicted_s)),
        Column("±", unit.name, lambda saving: unit.half_width(saving.predicted_ci95_s), drop=2),
        Column("of step", "%", fraction, drop=4),
        Column("step error", "%", lambda saving: _off(saving.step_off)),
        Column("saving error", "%", lambda saving: _off(saving.saving_off), drop=1),
    )


def _notes(view: View, savings: Sequence[MeasuredSaving]) -> Iterator[str]:
    errors = next(prediction_errors(savings), None)
    if errors is None:
        yield "Nothing was predicted: the step could not be replayed."
        return
    if any(view.ablation(saving).predicted_by == "share" for saving in savings):
        yield "A prediction without ± is the ops’ share, because no replay was possible."
    yield (
        f"The median error of the predicted step is {numbers.percent_unit(errors.step_median)}, "
        f"the largest {numbers.percent_unit(errors.step_most)}."
    )
    if errors.saving_median is not None:
        yield (
            f"For savings above {numbers.percent_unit(WORTH)} of the step "
            f"({plural(errors.savings, 'row')}) the median error of the predicted saving is "
            f"{numbers.percent_unit(errors.saving_median)}."
        )
    if errors.compared:
        agree = f"{errors.agree} of {errors.compared}"
        yield f"Predictions that agree with the measurement within both intervals: {agree}."
    if errors.unseen:
        are = "is 0 because its" if errors.unseen == 1 else "are 0 because their"
        yield f"{errors.unseen} of the predictions {are} ops have no event of their own."


def _taken_apart(
    view: View, savings: Sequence[MeasuredSaving], unit: numbers.Unit
) -> Iterator[Block]:
    def own(saving: MeasuredSaving) -> str:
        return unit.half_width(saving.own_ci95_s, saving.own_s) if saving.own_ci95_s else ""

    def others(saving: MeasuredSaving) -> str:
        interval = saving.others_ci95_s
        return unit.half_width(interval, saving.others_s) if interval else ""

    yield Table.of(
        (
            Column("left out", "", view.saving_label, align="name"),
            Column("measured", unit.name, lambda saving: unit.signed(saving.saved_s)),
            Column("own ops", unit.name, lambda saving: unit.signed(saving.own_s)),
            Column("±", unit.name, own, drop=2),
            Column("others", unit.name, lambda saving: unit.signed(saving.others_s)),
            Column("±", unit.name, others, drop=3),
            Column("idle", unit.name, lambda saving: unit.signed(saving.idle_s), drop=1),
        ),
        savings,
        title="Breakdown: measured = own ops + others + idle",
        aside=f"{view.summary.estimator}s",
    )
    texts = []
    ratios = [
        ratio for saving in savings for ratio in view.ablation(saving).traced_over_timed or ()
    ]
    if ratios:
        texts.append(
            f"Traced steps took {numbers.times(min(ratios))} to {numbers.times(max(ratios))} as "
            "long as timed ones and are scaled to them, so the sums are exact by construction."
        )
    changed = [text for saving in savings if (text := _changed(view, saving))]
    texts.append(
        f"Other layers whose change is significant: {'; '.join(changed)}."
        if changed
        else "No other layer’s change is significant."
    )
    yield Remark(" ".join(texts))


def _changed(view: View, saving: MeasuredSaving) -> str:
    """Which other layers changed in an ablation: "without LRN conv2 +1.2 ms"."""
    texts = []
    for row in saving.rows:
        if row.kind == "layer" and row.value_s is not None:
            unit = numbers.spoken_unit(row.value_s, view.step_s(saving))
            size = numbers.unit(unit.signed(-row.value_s), unit.name)
            texts.append(f"{row.name or plural(row.count, 'more layer')} {size}")
    return f"without {view.saving_label(saving)} {', '.join(texts)}" if texts else ""


def signed_percent(fraction: float) -> str:
    """A fraction as percent with sign and unit: "+2.39 %"."""
    return numbers.unit(_off(fraction), "%")


def _off(fraction: float | None) -> str:
    return "" if fraction is None else numbers.signed(fraction * 100)
