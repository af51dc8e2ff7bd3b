"""Many ablations in one table: what leaving each out saved, beside what was predicted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from alexprof.analysis.prediction_error import WORTH, prediction_error
from alexprof.record.ablation import Ablation
from alexprof.record.trace import PredictionError
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Note, Row, Table
from alexprof.show.fit import clean
from alexprof.show.sections.covers import coverage, gone_with
from alexprof.show.view import View, centre, measured, plural, sentence_case

_FOOTNOTES = "¹²³⁴⁵⁶⁷⁸⁹"


def ablations_table(view: View, key: str, found: Sequence[Ablation]) -> Iterator[Block]:
    """A row for each ablation of a phase, and how good the predictions were."""
    ordered = sorted(found, key=lambda one: -measured(one, by_median=view.by_median)[0])
    footnotes = _footnotes(ordered)
    unit = _unit(view, ordered)
    rows = tuple(_row(view, one, _mark(one, footnotes), unit) for one in ordered)
    yield Table(_columns(unit.name), rows, part="ablation")
    yield from (Note(f"{mark} {sentence_case(text)}.") for text, mark in footnotes.items())
    yield Note(" ".join(_notes(view, found)))
    phase = view.phase(found[0].reference, key)
    asked = [("ablation", one.name) for one in found]
    if phase and phase.replay and (gone := gone_with(phase.replay, asked)):
        yield Note(gone)
    if any(one.others_s is not None for one in found):
        yield from _reconciled(view, ordered)


def _unit(view: View, found: Sequence[Ablation]) -> numbers.Unit:
    """The unit of parts of the step that the variants leave out."""
    steps = [view.timed(one.reference, one.phase) for one in found]
    return numbers.table_unit(
        [*(one.measured_s for one in found), *(step.mean_s for step in steps if step)]
    )


def _columns(unit: str) -> tuple[Column, ...]:
    return (
        Column("left out", align="name"),
        Column("measured", unit),
        Column("95 % interval", unit, align="right", drop=3),
        Column("predicted", unit),
        Column("±", unit, drop=2),
        Column("of the step", "%", drop=4),
        Column("step off", "%"),
        Column("saving off", "%", drop=1),
    )


def _account_columns(unit: str) -> tuple[Column, ...]:
    return (
        Column("left out", align="name"),
        Column("measured", unit),
        Column("own ops", unit),
        Column("±", unit, drop=2),
        Column("others", unit),
        Column("±", unit, drop=3),
        Column("idle", unit, drop=1),
    )


def _footnotes(found: Sequence[Ablation]) -> dict[str, str]:
    """What predictions cover, by a mark each; what has the same reason has the same mark."""
    texts = dict.fromkeys(text for one in found if (text := coverage(one)))
    return dict(zip(texts, _FOOTNOTES, strict=False))


def _mark(one: Ablation, footnotes: Mapping[str, str]) -> str:
    return footnotes.get(coverage(one) or "", "")


def _reconciled(view: View, found: Sequence[Ablation]) -> Iterator[Block]:
    """The same ablations taken apart: own ops, everything else, idle time."""
    unit = _unit(view, found)
    yield Table(
        _account_columns(unit.name),
        tuple(_accounts(view, one, unit) for one in found),
        title="Taken apart: measured = own ops + others + idle",
        aside="means",
    )
    said = [
        "± is the 95 % interval over traced steps, which are brought to each variant’s timed mean:"
        " so the sums are exact by construction."
    ]
    if view.by_median:
        said.insert(0, "By the means, which add up; above, the medians lead.")
    scales = [one.traced_over_timed for one in found if one.traced_over_timed]
    if scales:
        ratios = [ratio for pair in scales for ratio in pair]
        said.append(
            f"Traced steps took {numbers.times(min(ratios))} to {numbers.times(max(ratios))} what "
            "timed ones took."
        )
    changed = [text for one in found if (text := _told(view, one))]
    said.append(
        f"Other layers whose change is significant: {'; '.join(changed)}."
        if changed
        else "No other layer’s change is significant."
    )
    yield Note(" ".join(said))


def _told(view: View, one: Ablation) -> str:
    """Which other layers changed in an ablation: "conv2 +1.2 ms without LRN"."""
    changes = [each for each in one.others if each.significant]
    timed = view.timed(one.reference, one.phase)
    step_s = timed.mean_s if timed else None
    told = []
    for each in changes:
        unit = numbers.spoken_unit(each.change_s, step_s)
        told.append(f"{clean(each.name)} {numbers.unit(unit.signed(-each.change_s), unit.name)}")
    return f"without {view.ablation_label(one)} {', '.join(told)}" if told else ""


def _accounts(view: View, one: Ablation, unit: numbers.Unit) -> Row:
    own, others = one.attributed_ci95_s, one.others_ci95_s
    return Row(
        (
            view.ablation_label(one),
            unit.signed(one.measured_s),
            unit.signed(one.attributed_s),
            unit.half_width(own) if own else "",
            unit.signed(one.others_s),
            unit.half_width(others) if others else "",
            unit.signed(one.idle_s),
        )
    )


def _row(view: View, one: Ablation, mark: str, unit: numbers.Unit) -> Row:
    by_median = view.by_median
    saved_s, interval = measured(one, by_median=by_median)
    whole = view.timed(one.reference, one.phase)
    step_s = centre(whole, by_median=by_median) if whole else 0.0
    predicted, half = one.predicted_s, one.predicted_ci95_s
    return Row(
        (
            view.ablation_label(one) + mark,
            unit.signed(saved_s),
            unit.interval(interval) if interval else numbers.MISSING,
            numbers.MISSING if predicted is None else unit.signed(predicted),
            unit.half_width(half) if half else numbers.MISSING,
            numbers.percent(saved_s / step_s) if step_s and saved_s > 0 else "",
            _column(step_off(view, one)),
            _column(saving_off(view, one)),
        )
    )


def _error(view: View, one: Ablation) -> PredictionError | None:
    whole, without = (view.timed(name, one.phase) for name in (one.reference, one.without))
    return None if whole is None or without is None else prediction_error(one, whole, without)


def step_off(view: View, one: Ablation) -> float | None:
    """The predicted step without the ops over the measured one, less 1."""
    error = _error(view, one)
    if error is None:
        return None
    return error.step_median if view.by_median else error.step_mean


def saving_off(view: View, one: Ablation) -> float | None:
    """Predicted over measured, less 1; None where the saving is small or may be nothing."""
    error = _error(view, one)
    if error is None:
        return None
    return error.saving_median if view.by_median else error.saving_mean


def _covers(view: View, one: Ablation) -> bool | None:
    """Whether prediction and measurement agree, given both intervals; None without both."""
    saved_s, interval = measured(one, by_median=view.by_median)
    if one.predicted_s is None or one.predicted_ci95_s is None or interval is None:
        return None
    halves = [(high - low) / 2 for low, high in (interval, one.predicted_ci95_s)]
    return abs(saved_s - one.predicted_s) <= math.hypot(*halves)


def _notes(view: View, found: Sequence[Ablation]) -> Iterator[str]:
    steps = [abs(off) for one in found if (off := step_off(view, one)) is not None]
    if not steps:
        yield "Nothing was predicted: the step could not be replayed."
        return
    if any(one.predicted_from == "share" for one in found):
        yield "Predicted by the ops’ share where there is no ±: there the replay does not answer."
    yield (
        f"The predicted step is {numbers.percent_unit(median(steps))} off in the median, "
        f"{numbers.percent_unit(max(steps))} at most."
    )
    savings = [abs(off) for one in found if (off := saving_off(view, one)) is not None]
    if savings:
        yield (
            f"Where the saving is above {numbers.percent_unit(WORTH)} of the step "
            f"({plural(len(savings), 'row')}) its prediction is "
            f"{numbers.percent_unit(median(savings))} off in the median."
        )
    covered = [agree for one in found if (agree := _covers(view, one)) is not None]
    if covered:
        yield f"Within the intervals of both: {sum(covered)} of {len(covered)}."
    if blind := sum(one.predicted_s is not None and not one.seen for one in found):
        are = "is 0: its ops have" if blind == 1 else "are 0: their ops have"
        yield f"{blind} of the predictions {are} no event of their own."


def signed_percent(part: float) -> str:
    """A part as percent with sign and unit: "+2.39 %"."""
    return numbers.unit(_column(part), "%")


def _column(part: float | None) -> str:
    return "" if part is None else numbers.signed(part * 100)
