"""Many ablations in one table: what leaving each out saved, beside what was predicted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from alexprof.analysis.account import Account, account_of
from alexprof.analysis.predictions import WORTH
from alexprof.analysis.summary import MeasuredSaving
from alexprof.record.ablation import Ablation
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Remark, Table
from alexprof.show.sections.predict import coverage, gone_with
from alexprof.show.text import clean, plural, sentence_case
from alexprof.show.view import View

_FOOTNOTES = "¹²³⁴⁵⁶⁷⁸⁹"


class _Item(NamedTuple):
    saving: MeasuredSaving
    ablation: Ablation
    account: Account


def ablations_table(view: View, savings: Sequence[MeasuredSaving]) -> Iterator[Block]:
    """A row for each ablation of a phase, and how good the predictions were."""
    ablations = [view.ablation(saving) for saving in savings]
    items = [
        _Item(saving, ablation, account_of(view.run, ablation))
        for saving, ablation in zip(savings, ablations, strict=True)
    ]
    # What predictions cover, by a mark each; what has the same reason has the same mark.
    covers = dict.fromkeys(text for ablation in ablations if (text := coverage(ablation)))
    marks = dict(zip(covers, _FOOTNOTES, strict=False))
    steps = [view.timed(ablation.reference, ablation.phase) for ablation in ablations]
    unit = numbers.table_unit(
        [
            *(ablation.measured_s for ablation in ablations),
            *(step.mean_s for step in steps if step),
        ]
    )
    yield Table.of(_columns(view, unit, marks), items, part="ablation")
    yield from (Remark(f"{mark} {sentence_case(text)}.") for text, mark in marks.items())
    yield Remark(" ".join(_notes(items)))
    phase = view.phase(savings[0].reference, savings[0].phase)
    if phase and phase.replay:
        keys = [("ablation", saving.name) for saving in savings]
        yield from map(Remark, gone_with(phase.replay, keys))
    if any(ablation.others_s is not None for ablation in ablations):
        yield from _taken_apart(view, ablations, unit)


def _columns(view: View, unit: numbers.Unit, marks: dict[str, str]) -> tuple[Column, ...]:
    def label(item: _Item) -> str:
        return view.saving_label(item.saving) + marks.get(coverage(item.ablation) or "", "")

    def fraction(item: _Item) -> str:
        return numbers.percent(item.saving.fraction) if item.saving.fraction > 0 else ""

    return (
        Column("left out", "", label, align="name"),
        Column("measured", unit.name, lambda item: unit.signed(item.saving.saved_s)),
        Column(
            "95 % interval",
            unit.name,
            lambda item: unit.interval(item.saving.ci95_s),
            align="right",
            drop=3,
        ),
        Column("predicted", unit.name, lambda item: unit.signed(item.ablation.predicted_s)),
        Column("±", unit.name, lambda i: unit.half_width(i.ablation.predicted_ci95_s), drop=2),
        Column("of the step", "%", fraction, drop=4),
        Column("step off", "%", lambda item: _off(item.account.step_off)),
        Column("saving off", "%", lambda item: _off(item.account.saving_off), drop=1),
    )


def _notes(items: Sequence[_Item]) -> Iterator[str]:
    steps = [abs(item.account.step_off) for item in items if item.account.step_off is not None]
    if not steps:
        yield "Nothing was predicted: the step could not be replayed."
        return
    if any(item.ablation.predicted_from == "share" for item in items):
        yield "Predicted by the ops’ share where there is no ±: there the replay does not answer."
    yield (
        f"The predicted step is {numbers.percent_unit(median(steps))} off in the median, "
        f"{numbers.percent_unit(max(steps))} at most."
    )
    savings = [
        abs(item.account.saving_off) for item in items if item.account.saving_off is not None
    ]
    if savings:
        yield (
            f"Where the saving is above {numbers.percent_unit(WORTH)} of the step "
            f"({plural(len(savings), 'row')}) its prediction is "
            f"{numbers.percent_unit(median(savings))} off in the median."
        )
    agree = [item.account.prediction_agrees for item in items]
    if any(answer is not None for answer in agree):
        both = sum(answer is not None for answer in agree)
        yield f"Within the intervals of both: {agree.count(True)} of {both}."
    blind = sum(item.ablation.predicted_s is not None and not item.ablation.seen for item in items)
    if blind:
        are = "is 0: its ops have" if blind == 1 else "are 0: their ops have"
        yield f"{blind} of the predictions {are} no event of their own."


def _taken_apart(view: View, ablations: Sequence[Ablation], unit: numbers.Unit) -> Iterator[Block]:

    def half(interval: tuple[float, float] | None) -> str:
        return unit.half_width(interval) if interval else ""

    yield Table.of(
        (
            Column("left out", "", view.saving_label, align="name"),
            Column("measured", unit.name, lambda row: unit.signed(row.measured_s)),
            Column("own ops", unit.name, lambda row: unit.signed(row.attributed_s)),
            Column("±", unit.name, lambda row: half(row.attributed_ci95_s), drop=2),
            Column("others", unit.name, lambda row: unit.signed(row.others_s)),
            Column("±", unit.name, lambda row: half(row.others_ci95_s), drop=3),
            Column("idle", unit.name, lambda row: unit.signed(row.idle_s), drop=1),
        ),
        ablations,
        title="Taken apart: measured = own ops + others + idle",
        aside="means; ± over traced steps",
    )
    texts = []
    ratios = [ratio for ablation in ablations for ratio in ablation.traced_over_timed or ()]
    if ratios:
        texts.append(
            f"Traced steps took {numbers.times(min(ratios))} to {numbers.times(max(ratios))} what "
            "timed ones took, and are brought to their means: the sums are exact by construction."
        )
    changed = [text for ablation in ablations if (text := _changed(view, ablation))]
    texts.append(
        f"Other layers whose change is significant: {'; '.join(changed)}."
        if changed
        else "No other layer’s change is significant."
    )
    yield Remark(" ".join(texts))


def _changed(view: View, ablation: Ablation) -> str:
    """Which other layers changed in an ablation: "without LRN conv2 +1.2 ms"."""
    timed = view.timed(ablation.reference, ablation.phase)
    texts = []
    for change in ablation.others:
        if change.significant:
            unit = numbers.spoken_unit(change.change_s, timed.mean_s if timed else None)
            size = numbers.unit(unit.signed(-change.change_s), unit.name)
            texts.append(f"{clean(change.name)} {size}")
    return f"without {view.saving_label(ablation)} {', '.join(texts)}" if texts else ""


def signed_percent(fraction: float) -> str:
    """A fraction as percent with sign and unit: "+2.39 %"."""
    return numbers.unit(_off(fraction), "%")


def _off(fraction: float | None) -> str:
    return "" if fraction is None else numbers.signed(fraction * 100)
