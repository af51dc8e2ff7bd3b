"""Every step in the order it ran, and how its durations are spread, on one axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from alexprof.show import numbers
from alexprof.show.figures.base import (
    EDGE,
    FOCUS,
    FOCUSED,
    GRID,
    INK,
    MUTED,
    PAPER,
    WARN,
    Spec,
    chart,
    numbered,
)

HEIGHT = 200
MOST_POINTS = 1500
"""Of more steps, neighbors of a variant are one point: their median, and a line for their range."""
CUT_FRACTION = 0.04
"""The axis is cut where at most this part of the steps lies far above the rest."""
_BINS = 24
_LETTERS_MOST = 40
_LABEL_PX = 130


@dataclass(frozen=True)
class Step:
    """A step, or neighbors that are drawn together."""

    place: float  # In the order run, from 1
    value: float  # In the chart's unit
    text: str  # What is told of it
    low: float | None = None  # Range of steps drawn together
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """The steps of a variant."""

    label: str
    steps: tuple[Step, ...]
    center: float | None  # Mean or median, in the chart's unit
    center_text: str
    interval: tuple[float, float] | None  # Its 95 % interval


@dataclass(frozen=True)
class Band:
    """A block of steps of one variant."""

    first: int  # Place of its first step
    last: int
    letter: str
    filled: bool


@dataclass(frozen=True)
class Slow:
    """A stretch of slow steps."""

    first: int
    last: int
    text: str


@dataclass(frozen=True)
class Steps:
    """What both charts show."""

    unit: str
    series: tuple[Series, ...]
    bands: tuple[Band, ...] = ()
    slow: tuple[Slow, ...] = ()

    @property
    def domain(self) -> tuple[float, float]:
        """The axis: all steps, or all but the few that lie far out; centers and intervals."""
        kept: list[float] = []
        every: list[float] = []
        for series in self.series:
            values = [step.value for step in series.steps]
            limit = _far_out(values)
            every += values
            kept += [value for value in values if value <= limit]
            kept += [*(series.interval or ()), *([] if series.center is None else [series.center])]
        if len(every) and len([value for value in every if value > max(kept)]) > (
            CUT_FRACTION * len(every)
        ):
            kept = [*kept, *every]
        low, high = min(kept, default=0.0), max(kept, default=1.0)
        room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
        return max(0.0, low - room), high + room


def _far_out(values: Sequence[float]) -> float:
    """Where steps lie far out: three quartile ranges above (Tukey)."""
    if len(values) < 4:
        return math.inf
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return upper + 3 * (upper - lower)


def thinned(steps: Sequence[Step], most: int, text: str) -> tuple[Step, ...]:
    """Steps, neighbors put together where there are more than `most`.

    Args:
        steps: In order.
        most: How many to leave.
        text: What is told of a point, with `{first}`, `{last}` and `{value}`.
    """
    if len(steps) <= most:
        return tuple(steps)
    size = math.ceil(len(steps) / most)
    return tuple(
        _together(steps[start : start + size], text) for start in range(0, len(steps), size)
    )


def _together(steps: Sequence[Step], text: str) -> Step:
    values = [step.value for step in steps]
    first, last = steps[0].place, steps[-1].place
    told = text.format(first=f"{first:.0f}", last=f"{last:.0f}", value=f"{median(values):.4g}")
    return Step((first + last) / 2, median(values), told, min(values), max(values))


def order_chart(steps: Steps) -> Spec:
    """Every step in the order it ran: blocks as bands, centers as lines, slow stretches marked."""
    low, high = steps.domain
    last = max((step.place for series in steps.series for step in series.steps), default=1.0)
    y = {"type": "quantitative", "scale": {"domain": [low, high], "nice": False, "zero": False}}
    axis = {"title": steps.unit, "titleAngle": 0, "titleAlign": "left", "titleY": -8, "titleX": -28}
    y_value = y | {"axis": axis | {"tickCount": 5, "domain": False, "ticks": False}}
    x_axis = {"tickMinStep": 1, "format": "d", "title": "step, in the order run", "grid": False}
    x = {
        "type": "quantitative",
        "scale": {"domain": [0.5, last + 0.5], "nice": False},
        "axis": x_axis,
    }
    layers = [
        *_bands(steps.bands, x),
        *_centers(steps, y_value, last),
        *_points(steps, x, y_value, high),
        *_slow(steps.slow, x),
    ]
    spec = {"params": [FOCUS], "layer": layers, "padding": {"top": 18}}
    return chart(spec, height=HEIGHT)


def _bands(bands: Sequence[Band], x: Spec) -> Iterator[Spec]:
    rows = [
        {
            "from": band.first - 0.5,
            "to": band.last + 0.5,
            "middle": (band.first + band.last) / 2,
            "letter": band.letter,
            "fill": "var(--panel)" if band.filled else "transparent",
        }
        for band in bands
    ]
    if not rows:
        return
    data = {"values": rows}
    fill = {"field": "fill", "type": "nominal", "scale": None}
    ends = {"x": x | {"field": "from"}, "x2": {"field": "to"}}
    yield {"data": data, "mark": {"type": "rect"}, "encoding": {**ends, "fill": fill}}
    if len(rows) <= _LETTERS_MOST:
        place = {"x": x | {"field": "middle"}, "y": {"value": HEIGHT - 6}}
        mark = {"type": "text", "color": MUTED}
        yield {"data": data, "mark": mark, "encoding": {**place, "text": {"field": "letter"}}}


def _centers(steps: Steps, y: Spec, last: float) -> Iterator[Spec]:
    """Lines across, solid for the first variant, dashed for others, with their intervals."""
    heights = _apart([series.center for series in steps.series], steps.domain)
    for place, (series, height) in enumerate(zip(steps.series, heights, strict=True)):
        if series.center is None or height is None:
            continue
        row = {"center": series.center, "label": series.center_text, "name": series.label}
        if series.interval:
            row |= {"low": series.interval[0], "high": series.interval[1]}
            ends = {"y": y | {"field": "low"}, "y2": {"field": "high"}}
            mark = {"type": "rect", "color": INK, "opacity": 0.1, "clip": True}
            yield {"data": {"values": [row]}, "mark": mark, "encoding": ends}
        line = {"type": "rule", "color": INK, "strokeDash": [1, 0] if place == 0 else [5, 3]}
        yield {"data": {"values": [row]}, "mark": line, "encoding": {"y": y | {"field": "center"}}}
        for field, offset, look in (("label", -6, {"fontWeight": "bold"}), ("name", 7, {})):
            mark = {"type": "text", "align": "left", "dx": 8, "dy": offset, "color": INK} | look
            if field == "name":
                mark |= {"color": MUTED, "limit": _LABEL_PX - 12}
            end = {"x": {"value": "width"}, "y": {"value": height}}
            yield {
                "data": {"values": [row]},
                "mark": mark,
                "encoding": {**end, "text": {"field": field}},
            }


def _apart(centers: Sequence[float | None], domain: tuple[float, float]) -> list[float | None]:
    """Heights of labels in pixels, far enough apart to be read."""
    low, high = domain
    wanted = sorted(
        (HEIGHT * (high - center) / (high - low), place)
        for place, center in enumerate(centers)
        if center is not None
    )
    heights: list[float | None] = [None] * len(centers)
    taken = -math.inf
    for height, place in wanted:
        taken = max(height, taken + 28)
        heights[place] = taken
    return heights


def _points(steps: Steps, x: Spec, y: Spec, high: float) -> Iterator[Spec]:
    rows = numbered(
        {
            "place": step.place,
            "value": min(step.value, high),
            "shape": "triangle-up" if step.value > high else "circle",
            "cut": f"{step.value:.4g}" if step.value > high else "",
            "fill": INK if number == 0 else PAPER,
            "text": step.text,
            "low": step.value if step.low is None else step.low,
            "high": min(step.value if step.high is None else step.high, high),
        }
        for step, number in _in_order(steps.series)
    )
    data = {"values": rows}
    at = {"x": x | {"field": "place"}, "y": y | {"field": "value"}}
    if any(step.low is not None for series in steps.series for step in series.steps):
        range_ = {"x": at["x"], "y": y | {"field": "low"}, "y2": {"field": "high"}}
        yield {"data": data, "mark": {"type": "rule", "color": EDGE}, "encoding": range_}
    yield {
        "data": data,
        "mark": {"type": "point", "filled": False, "strokeWidth": 1.25, "opacity": 1},
        "encoding": {
            **at,
            "fill": {"field": "fill", "type": "nominal", "scale": None},
            "stroke": {"value": INK},
            "shape": {"field": "shape", "type": "nominal", "scale": None},
            "size": {"condition": {"test": FOCUSED, "value": 130}, "value": 34},
        },
    }
    if any(row["cut"] for row in rows):
        mark = {"type": "text", "align": "left", "dx": 7, "color": INK}
        yield {
            "data": {"values": [row for row in rows if row["cut"]]},
            "mark": mark,
            "encoding": {**at, "text": {"field": "cut"}},
        }


def _in_order(all_series: Iterable[Series]) -> list[tuple[Step, int]]:
    pairs = [(step, number) for number, series in enumerate(all_series) for step in series.steps]
    return sorted(pairs, key=lambda pair: pair[0].place)


def _slow(slow: Sequence[Slow], x: Spec) -> Iterator[Spec]:
    """Brackets above the chart."""
    if not slow:
        return
    rows = [
        {
            "from": stretch.first - 0.5,
            "to": stretch.last + 0.5,
            "middle": (stretch.first + stretch.last) / 2,
            "label": stretch.text,
        }
        for stretch in slow
    ]
    ends = {"x": x | {"field": "from"}, "x2": {"field": "to"}, "y": {"value": -3}}
    line = {"type": "rule", "color": WARN, "strokeWidth": 2}
    yield {"data": {"values": rows}, "mark": line, "encoding": ends}
    place = {"x": x | {"field": "middle"}, "y": {"value": -11}}
    mark = {"type": "text", "color": WARN}
    yield {
        "data": {"values": rows},
        "mark": mark,
        "encoding": {**place, "text": {"field": "label"}},
    }


def spread_chart(steps: Steps) -> Spec:
    """How often durations occur: a histogram of each variant beside the other, same axis."""
    low, high = steps.domain
    counts = [_counts(series, low, high) for series in steps.series]
    apart = 1.15 * (max((max(bins) for bins in counts), default=1) or 1)
    width = (high - low) / _BINS
    rows = numbered(
        {
            "from": place * apart,
            "to": place * apart + count,
            "low": low + number * width,
            "high": low + (number + 1) * width,
            "fill": INK if place == 0 else PAPER,
            "text": _bin_text(series, steps, count, low + number * width, width),
        }
        for place, (series, bins) in enumerate(zip(steps.series, counts, strict=True))
        for number, count in enumerate(bins)
        if count
    )
    starts = [
        {"from": place * apart, "label": series.label} for place, series in enumerate(steps.series)
    ]
    x = {
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, apart * len(steps.series)], "nice": False},
    }
    layers = [
        {
            "data": {"values": starts},
            "mark": {"type": "rule", "color": GRID},
            "encoding": {"x": x | {"field": "from"}},
        },
        {"data": {"values": rows}, "mark": {"type": "rect"}, "encoding": _bars(x, low, high)},
        {
            "data": {"values": starts},
            "mark": {"type": "text", "align": "left", "color": MUTED, "limit": 90},
            "encoding": {
                "x": x | {"field": "from"},
                "y": {"value": HEIGHT + 12},
                "text": {"field": "label"},
            },
        },
    ]
    spec = {"params": [FOCUS], "layer": layers, "padding": {"bottom": 18, "top": 32}}
    return chart(spec, height=HEIGHT)


def _counts(series: Series, low: float, high: float) -> list[int]:
    """How many steps are in each bin; those beyond the axis are in the last."""
    bins = [0] * _BINS
    for step in series.steps:
        place = int((step.value - low) / (high - low) * _BINS)
        bins[min(max(place, 0), _BINS - 1)] += 1
    return bins


def _bars(x: Spec, low: float, high: float) -> Spec:
    """The encoding of the bars of histograms."""
    y = {
        "type": "quantitative",
        "axis": {"labels": False, "ticks": False, "domain": False, "title": None, "tickCount": 5},
        "scale": {"domain": [low, high], "nice": False, "zero": False},
    }
    return {
        "x": x | {"field": "from"},
        "x2": {"field": "to"},
        "y": y | {"field": "low"},
        "y2": {"field": "high"},
        "fill": {"field": "fill", "type": "nominal", "scale": None},
        "stroke": {"value": INK},
        "strokeWidth": {"condition": {"test": FOCUSED, "value": 3}, "value": 1},
    }


def _bin_text(series: Series, steps: Steps, count: int, low: float, width: float) -> str:
    unit = numbers.NBSP + steps.unit
    ends = f"{low:.4g} to {low + width:.4g}{unit}"
    return f"{count} of {len(series.steps)} steps {series.label} take {ends}."
