"""What would I win? What leaving ops out saved, beside what the trace gives those ops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alexprof.analysis.savings import MeasuredSaving, SavingRow
from alexprof.record.ablation import Ablation
from alexprof.record.values import Interval
from alexprof.show import numbers
from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Column,
    Lead,
    Mark,
    Piece,
    Remark,
    Row,
    Section,
    Table,
)
from alexprof.show.sections.ablations import ablations_table, signed_percent
from alexprof.show.sections.predict import FEW, PREDICTED_BY, coverage, gone_with, prediction
from alexprof.show.text import plural, sentence_case
from alexprof.show.verdicts import verdict_phrase
from alexprof.show.view import View

_WIDEST = 1.2
"""An interval may widen the axis to so many times what the bars take, on either side."""
_MARKS: dict[str, Mark] = {
    "own": "own",
    "own part": "own",
    "idle": "idle",
    "remainder": "remainder",
}
TABLES = ("ablation", "predictions")
"""The section's tables by the name that `--section` has for them."""


def win_section(view: View, key: str) -> Section | None:
    """Answers what a phase would win; None where nothing is measured and nothing predicted."""
    blocks = tuple(_blocks(view, key))
    return Section("What would I win?", _aside(view, key), blocks) if blocks else None


def _aside(view: View, key: str) -> str:
    label = "" if view.run.is_trace else view.phase_label(key)
    savings = view.savings(key)
    if len(savings) != 1:
        return label
    reference, without = savings[0].reference, savings[0].without
    return f"{label}, {view.variant_label(reference)} minus {view.other_label(without, reference)}"


def _blocks(view: View, key: str) -> Iterator[Block]:
    savings = view.savings(key)
    if len(savings) > FEW:
        yield Lead(saving_text(view, savings[0]))
        yield from ablations_table(view, savings)
    for saving in savings if len(savings) <= FEW else ():
        yield Lead(saving_text(view, saving))
        yield saving_table(view, saving)
        yield from map(Remark, saving_remarks(view, saving))
    predicted = tuple(prediction(view, key))
    if any(isinstance(block, Table) for block in predicted) and not savings:
        yield Lead("No ops were left out in this phase: what follows is predicted, not measured.")
    yield from predicted


def saving_remarks(view: View, saving: MeasuredSaving) -> Iterator[str]:
    """How own ops compare with what was measured, and how what was predicted does."""
    ablation = view.ablation(saving)
    yield " ".join(_explained(view, saving, ablation))
    if saving.predicted_s is not None:
        yield " ".join(_predicted(view, saving, ablation, saving.predicted_s))


def saving_text(view: View, saving: MeasuredSaving) -> str:
    """What leaving ops out of a phase saves.

    Says: Leaving LRN out saves 55.9 ms of a 607 ms step, 9.20 % (medians; …).
    """
    step_s = view.step_s(saving)
    name, kind = view.left_out_text(saving), f"{view.summary.estimator}s"
    unit = numbers.spoken_unit(saving.saved_s, step_s)
    size, span = unit.named(saving.saved_s), ""
    if saving.ci95_s is not None:
        interval = numbers.unit(unit.interval(saving.ci95_s), unit.name)
        span = f"95{numbers.NBSP}% interval {interval}"
    if saving.verdict == "unclear":
        figures = ", ".join((f"{kind}: {size}", *filter(None, [span])))
        return f"Without {name}: {verdict_phrase(saving)} ({figures})."
    part = f", {numbers.percent_unit(abs(saving.fraction))}" if step_s else ""
    whole = f"a {numbers.time(step_s)} step" if step_s else "a step"
    size = unit.named(abs(saving.saved_s))
    if saving.verdict == "saves":
        return f"Leaving {name} out saves {size} of {whole}{part} ({kind}; {span})."
    return f"Leaving {name} out makes {whole} {size} longer{part} ({kind}; {span})."


def _explained(view: View, saving: MeasuredSaving, ablation: Ablation) -> Iterator[str]:
    name = view.saving_label(saving)
    if not saving.rows:
        yield f"The time of {name}’s own ops is not known, because there is no trace."
        return
    if saving.own_over_saved is not None:
        text = f"Own ops take {numbers.times(saving.own_over_saved)} the measured saving"
        if saving.own_within_interval is not None:
            text += f", {'inside' if saving.own_within_interval else 'outside'} its 95 % interval"
        yield f"{text}."
    elif saving.own_s is not None:
        yield "Own ops are not compared with the measured saving, which may be zero."
    if ablation.traced_over_timed is None:
        yield (
            "The rest is other layers, idle time and noise; traces of both variants would "
            "separate them."
        )
        return
    labels = (
        view.variant_label(saving.reference),
        view.other_label(saving.without, saving.reference),
    )
    phase = view.phase(saving.reference, saving.phase)
    gpu = phase is not None and phase.on_gpu
    hidden = "the idle row" if gpu else "the scale of the ops"
    first, second = map(numbers.times, ablation.traced_over_timed)
    yield (
        f"The sum is exact by construction: {hidden} absorbs the difference between traced and "
        f"timed steps. Traced steps took {first} as long as timed ones {labels[0]}, and "
        f"{second} {labels[1]}."
    )


def saving_table(view: View, saving: MeasuredSaving) -> Table:
    """What was measured, own ops by layer and pass, every other layer, idle."""
    unit = view.unit([saving.saved_s, view.step_s(saving)], view.step_s(saving))
    rows = [*_measured(saving, unit), *_drawn(saving.rows, view.saving_label(saving), unit)]
    if saving.rows:
        bar = Bar((Piece(0, saving.saved_s, "measured"),))
        rows.append(Row(("sum", unit.signed(saving.saved_s), "", bar), "sum"))
    columns = (
        Column("", align="name"),
        Column("", unit.name),
        Column("± 95 %" if saving.rows else "", align="right", drop=1),
        Column("", align="bar"),
    )
    return Table(columns, tuple(rows), _axis(rows, saving.ci95_s, unit), part="ablation")


def _measured(saving: MeasuredSaving, unit: numbers.Unit) -> Iterator[Row]:
    bar = Bar((Piece(0, saving.saved_s, "measured"),))
    yield Row(("measured", unit.signed(saving.saved_s), "", bar), "group")
    if saving.ci95_s is not None:
        whisker = Bar((Piece(*saving.ci95_s, "interval"),))
        label = f"  {numbers.unit('95', '%')} interval"
        yield Row((label, "", unit.interval(saving.ci95_s), whisker), "muted")


def _drawn(rows: Sequence[SavingRow], name: str, unit: numbers.Unit) -> Iterator[Row]:
    end_s = part_s = 0.0
    halves = [unit.half_width(row.ci95_s, row.value_s) if row.ci95_s else "" for row in rows]
    for row, half in zip(rows, numbers.align_decimals(halves), strict=True):
        is_part = row.kind == "own part"
        start_s = part_s if is_part else end_s
        stop_s = start_s + (row.value_s or 0.0)
        mark = _MARKS.get(row.kind, "others")
        piece = Piece(start_s, stop_s, mark, name if mark == "own" else "")
        value = unit.signed(row.value_s)
        bar = Bar((piece,) if row.value_s else ())
        yield Row((row_label(row, name), value, half, bar), "muted" if is_part else "plain")
        if is_part:
            part_s = stop_s
        else:
            end_s = stop_s


def row_label(row: SavingRow, name: str) -> str:
    """What a part of a saving is called, by the name of what was left out."""
    what = f"{row.count} more"
    if row.name:
        what = row.name + (f", {row.count} ops" if row.count > 1 else "")
    return {
        "own": f"{name}’s own ops",
        "own part": f"  {what} {row.pass_}".rstrip(),
        "layer": what if row.name else plural(row.count, "more layer"),
        "not significant": f"{plural(row.count, 'other layer')}, not significant",
        "gone": f"gone with {name}: {what}",
        "new": f"new without {name}: {what}",
        "unassigned": "op not known",
        "idle": "idle",
        "remainder": "remainder",
    }[row.kind]


def _axis(rows: Sequence[Row], interval: Interval | None, unit: numbers.Unit) -> Axis:
    bars = [cell for row in rows for cell in row.cells if isinstance(cell, Bar)]
    pieces = [piece for bar in bars for piece in bar.pieces if piece.mark != "interval"]
    ends = [0.0, *(end for piece in pieces for end in (piece.start, piece.end))]
    low, high = min(ends), max(ends)
    if interval is not None:
        reach = (high - low) * _WIDEST
        low, high = (
            min(low, max(interval[0], low - reach)),
            max(high, min(interval[1], high + reach)),
        )
    return Axis.over((low, high), unit.per_second)


def _predicted(
    view: View, saving: MeasuredSaving, ablation: Ablation, predicted_s: float
) -> Iterator[str]:
    """What was predicted from the reference's trace, how far off that is, and what it covers."""
    source = PREDICTED_BY[ablation.predicted_by][1] if ablation.predicted_by else ""
    interval_s = saving.predicted_ci95_s
    size = numbers.time_with_interval(predicted_s, interval_s, view.step_s(saving))
    how = f"Predicted {source}".rstrip()
    text = f"{how}, from the trace with {view.saving_label(saving)}: {size}"
    if saving.step_off is not None:
        text += f"; the predicted step is off by {signed_percent(saving.step_off)}"
        if saving.saving_off is not None:
            text += f", the predicted saving by {signed_percent(saving.saving_off)}"
        text += f" ({view.summary.estimator}s)"
    yield f"{text}."
    if covers := coverage(ablation):
        yield f"{sentence_case(covers)}."
    phase = view.phase(ablation.reference, ablation.phase)
    if ablation.predicted_by in ("share", "kernels") and phase and phase.replay:
        yield from gone_with(phase.replay, [("ablation", ablation.name)])
