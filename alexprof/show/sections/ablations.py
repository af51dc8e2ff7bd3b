"""Many ablations in one table: what leaving each out saved, beside what was predicted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import median

from alexprof.runs.record import Ablation
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Note, Row, Table
from alexprof.show.view import View, centre, includes_zero, measured, plural

_COLUMNS = (
    Column("left out", align="name"),
    Column("measured", "ms"),
    Column("95 % interval", "ms", align="right", drop=3),
    Column("predicted", "ms"),
    Column("±", "ms", drop=2),
    Column("of the step", "%", drop=4),
    Column("step off", "%"),
    Column("saving off", "%", drop=1),
)
WORTH = 0.02
"""Part of the step from which on a saving is large enough to ask how far its prediction is off."""


def ablations_table(view: View, key: str, found: Sequence[Ablation]) -> Iterator[Block]:
    """A row for each ablation of a phase, and how good the predictions were."""
    rows = sorted(found, key=lambda one: -measured(one, by_median=view.by_median(key))[0])
    yield Table(_COLUMNS, tuple(_row(view, one) for one in rows))
    yield Note(" ".join(_notes(view, found)))


def _row(view: View, one: Ablation) -> Row:
    by_median = view.by_median(one.phase)
    saved_s, interval = measured(one, by_median=by_median)
    whole = view.timed(one.reference, one.phase)
    step_s = centre(whole, by_median=by_median) if whole else 0.0
    predicted, half = one.predicted_s, one.predicted_ci95_s
    return Row(
        (
            view.ablation_label(one),
            numbers.ms_signed(saved_s),
            numbers.ms_interval(interval) if interval else numbers.MISSING,
            numbers.MISSING if predicted is None else numbers.ms_signed(predicted),
            numbers.ms((half[1] - half[0]) / 2) if half else numbers.MISSING,
            numbers.percent(saved_s / step_s) if step_s and saved_s > 0 else "",
            _signed_percent(_step_off(view, one)),
            _signed_percent(_saving_off(view, one)),
        )
    )


def _step_off(view: View, one: Ablation) -> float | None:
    """The predicted step without the ops over the measured one, less 1."""
    by_median = view.by_median(one.phase)
    whole, without = (view.timed(name, one.phase) for name in (one.reference, one.without))
    if one.predicted_s is None or whole is None or without is None:
        return None
    predicted_s = centre(whole, by_median=by_median) - one.predicted_s
    return predicted_s / centre(without, by_median=by_median) - 1


def _saving_off(view: View, one: Ablation) -> float | None:
    """Predicted over measured, less 1; None where the saving is small or may be nothing."""
    by_median = view.by_median(one.phase)
    saved_s, interval = measured(one, by_median=by_median)
    whole = view.timed(one.reference, one.phase)
    if one.predicted_s is None or whole is None or interval is None or includes_zero(interval):
        return None
    if saved_s < WORTH * centre(whole, by_median=by_median):
        return None
    return one.predicted_s / saved_s - 1


def _covers(view: View, one: Ablation) -> bool | None:
    """Whether prediction and measurement agree, given both intervals; None without both."""
    saved_s, interval = measured(one, by_median=view.by_median(one.phase))
    if one.predicted_s is None or one.predicted_ci95_s is None or interval is None:
        return None
    halves = [(high - low) / 2 for low, high in (interval, one.predicted_ci95_s)]
    return abs(saved_s - one.predicted_s) <= math.hypot(*halves)


def _notes(view: View, found: Sequence[Ablation]) -> Iterator[str]:
    steps = [abs(off) for one in found if (off := _step_off(view, one)) is not None]
    if not steps:
        yield "Nothing was predicted: the step could not be replayed."
        return
    yield (
        f"The predicted step is {numbers.percent_unit(median(steps))} off in the median, "
        f"{numbers.percent_unit(max(steps))} at most."
    )
    savings = [abs(off) for one in found if (off := _saving_off(view, one)) is not None]
    if savings:
        yield (
            f"Where the saving is above {numbers.percent_unit(WORTH)} of the step "
            f"({plural(len(savings), 'row')}) its prediction is "
            f"{numbers.percent_unit(median(savings))} off in the median."
        )
    covered = [agree for one in found if (agree := _covers(view, one)) is not None]
    if covered:
        yield f"Within the intervals of both: {sum(covered)} of {len(covered)}."
    yield (
        "A fused op has no event of its own: of a bias or ReLU inside a convolution the prediction "
        "covers the gradient alone."
    )


def _signed_percent(part: float | None) -> str:
    if part is None:
        return ""
    sign = "−" if part < 0 else "+"
    return f"{sign}{numbers.percent(abs(part))}"
