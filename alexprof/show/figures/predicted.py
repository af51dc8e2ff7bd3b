"""What a step is predicted to save: bars with intervals, what was measured below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alexprof.record.values import Interval
from alexprof.show import numbers
from alexprof.show.figures.base import INK, Spec
from alexprof.show.figures.marks import (
    Block,
    axis_over,
    block_layers,
    points_layer,
    whisker_layers,
)
from alexprof.show.figures.rows import Data, Frame, Plot, Texts, rows_chart

_FRAME = Frame(
    columns=(
        Texts("label", "", 0, 0, limit=248, narrow_limit=148, align="left"),
        Texts("value", "", 316, 206),
        Texts("half", "± 95 %", 376),
        Texts("speed_up", "speed-up", -1),
    ),
    wide=400,
    narrow=222,
    breakpoint=620,
    right="width < 620 ? 8 : 72",
    row_height=28,
)
_APART = 6
"""Pixels from the middle of a row to its bar above and to its measurement below."""


@dataclass(frozen=True)
class Prediction:
    """A row, in seconds."""

    name: str
    saves_s: float | None  # None without a prediction
    ci95_s: Interval | None
    speed_up: float | None
    kind: str  # Of what kind its ops are; "" of several
    measured_s: float | None = None
    measured_ci95_s: Interval | None = None
    go: str = ""  # The variant without it, which the page can look into


def predicted_chart(rows: Sequence[Prediction], unit: numbers.Unit) -> Spec:
    """Draws predictions, and what was measured of the same."""
    scale = unit.per_second
    both = [(row.saves_s, row.ci95_s, row.measured_s, row.measured_ci95_s) for row in rows]
    values_s = [value for row in both for value in (row[0], row[2]) if value is not None]
    intervals_s = [interval for row in both for interval in (row[1], row[3]) if interval]
    frame = _FRAME.headed(value=f"saves {unit.name}")
    plot = Plot(frame, axis_over(values_s, intervals_s, scale))

    def scaled(interval: Interval) -> Interval:
        return interval[0] * scale, interval[1] * scale

    blocks = {
        place: Block.of(0.0, row.saves_s * scale, row.kind)
        for place, row in enumerate(rows)
        if row.saves_s is not None
    }
    alone = {place for place, row in enumerate(rows) if row.measured_s is None}
    marks: list[Spec] = []
    for is_alone, offset in ((True, 0.0), (False, -_APART)):
        chosen = {place: block for place, block in blocks.items() if (place in alone) == is_alone}
        spans = {
            place: scaled(row.ci95_s)
            for place, row in enumerate(rows)
            if row.ci95_s is not None and place in chosen
        }
        marks += block_layers(plot, chosen, height=13 if is_alone else 10, offset=offset)
        marks += whisker_layers(plot, spans, chosen, offset)
    measured = {
        place: scaled(row.measured_ci95_s)
        for place, row in enumerate(rows)
        if row.measured_ci95_s is not None
    }
    marks += whisker_layers(plot, measured, {}, _APART)
    points: list[Data] = [
        {
            "x": row.measured_s * scale,
            "y": plot.middle(place) + _APART,
            "color": INK,
            "shape": "diamond",
        }
        for place, row in enumerate(rows)
        if row.measured_s is not None
    ]
    if points:
        marks.append(points_layer(plot, points, size=50))
    return rows_chart(plot, [_row(row, unit) for row in rows], marks)


def _row(row: Prediction, unit: numbers.Unit) -> Data:
    value, half = unit.plain(row.saves_s), ""
    if row.ci95_s is not None:
        half = unit.half_width(row.ci95_s, row.saves_s)
    speed_up = numbers.times(row.speed_up) if row.speed_up is not None else ""
    data: Data = {
        "label": row.name,
        "value": value,
        "half": half,
        "speed_up": speed_up,
        "text": _told(row, unit, value, half, speed_up),
        "filter": row.name,
    }
    return data | ({"go": {"against": row.go}} if row.go else {})


def _told(row: Prediction, unit: numbers.Unit, value: str, half: str, speed_up: str) -> str:
    texts = []
    if row.saves_s is not None:
        spread = f" ±{numbers.NBSP}{half}" if half else ""
        faster = f", the step is {speed_up} as fast" if speed_up else ""
        texts.append(
            f"without it {numbers.unit(value + spread, unit.name)} less{faster}, predicted"
        )
    if row.measured_s is not None:
        size = unit.named(row.measured_s)
        span = ""
        if row.measured_ci95_s is not None:
            interval = numbers.unit(unit.interval(row.measured_ci95_s), unit.name)
            span = f", 95{numbers.NBSP}% interval {interval}"
        texts.append(f"measured {size}{span}")
    return f"{row.name}: {'; '.join(texts)}."
