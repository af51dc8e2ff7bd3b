"""Marks of rows on one axis: bars, intervals, points; and an axis that holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alexprof.record.values import Interval
from alexprof.show.document import Axis
from alexprof.show.figures.base import DOTS, EDGE, INK, MUTED, PAPER, Spec
from alexprof.show.figures.rows import Data, Plot, down
from alexprof.show.palette import hatching, kind_color

WHISKER = 2
_CAP = 4
"""Half the height of a whisker's ends."""
_WIDEST = 1.2
"""An interval may widen the axis to so many times what the bars take, on either side."""
_ROOM = 0.02
"""Left free at the ends of the axis, as a part of it."""


@dataclass(frozen=True)
class Block:
    """A bar: from where to where, in the axis's unit, and how it is filled."""

    start: float
    end: float
    fill: str = ""  # A color or a pattern; "" draws a dashed outline
    solid: bool = True  # Whether a whisker in it has to be light

    @classmethod
    def of(cls, start: float, end: float, kind: str, pass_: str = "") -> Block:
        """A block of a kind; hatched in the backward pass, gray where kinds are mixed."""
        if not kind:
            return cls(start, end, MUTED)
        if pass_ == "backward":
            return cls(start, end, hatching(kind), solid=False)
        return cls(start, end, kind_color(kind))

    @classmethod
    def idle(cls, start: float, end: float) -> Block:
        """Idle time."""
        return cls(start, end, DOTS, solid=False)


def block_layers(
    plot: Plot, blocks: Mapping[int, Block], height: int = 13, offset: float = 0.0
) -> Iterator[Spec]:
    """Bars in some rows, `offset` below their middles."""
    for dashed in (False, True):
        values = []
        for place, block in blocks.items():
            if (not block.fill) == dashed:
                y = plot.middle(place) + offset
                low, high = sorted((block.start, block.end))
                ends: Data = {"x": low, "x2": high, "y": y - height / 2, "y2": y + height / 2}
                values.append({**ends, "fill": block.fill or None, "edge": _edge(block)})
        if values:
            dash = {"strokeDash": [3, 2]} if dashed else {}
            yield {
                "data": {"values": values},
                "mark": {"type": "rect", "strokeWidth": 1, **dash},
                "encoding": {
                    "x": plot.across(),
                    "x2": {"field": "x2"},
                    "y": down(),
                    "y2": {"field": "y2"},
                    "fill": {"field": "fill", "type": "nominal", "scale": None},
                    "stroke": {"field": "edge", "type": "nominal", "scale": None},
                },
            }


def _edge(block: Block) -> str:
    if not block.fill:
        return INK
    # A block too short to be seen is still a line of its color.
    return EDGE if block.fill == DOTS else block.fill if block.solid else MUTED


def whisker_layers(
    plot: Plot,
    intervals: Mapping[int, Interval],
    blocks: Mapping[int, Block],
    offset: float = 0.0,
    colors: Mapping[int, str] | None = None,
) -> Iterator[Spec]:
    """Intervals, in the axis's unit: light inside a solid bar; an arrow where the axis ends."""
    low, high = plot.low, plot.high
    lines: list[Data] = []
    arrows: list[Data] = []
    for place, interval in intervals.items():
        y, color = plot.middle(place) + offset, (colors or {}).get(place, INK)
        first, last = max(interval[0], low), min(interval[1], high)
        if last < low or first > high:
            continue
        for start, end, shade in _shades(first, last, blocks.get(place), color):
            lines.append({"x": start, "x2": end, "y": y, "y2": y, "color": shade})
        for end, is_cut, shape in (
            (first, interval[0] < low, "triangle-left"),
            (last, interval[1] > high, "triangle-right"),
        ):
            if is_cut:
                arrows.append({"x": end, "y": y, "color": color, "shape": shape})
            else:
                shade = _shade_at(end, blocks.get(place), color)
                ends = {"x": end, "x2": end, "y": y - _CAP, "y2": y + _CAP}
                lines.append({**ends, "color": shade})
    color_of: Spec = {"field": "color", "type": "nominal", "scale": None}
    if lines:
        yield {
            "data": {"values": lines},
            "mark": {"type": "rule", "strokeWidth": WHISKER},
            "encoding": {
                "x": plot.across(),
                "x2": {"field": "x2"},
                "y": down(),
                "y2": {"field": "y2"},
                "color": color_of,
            },
        }
    if arrows:
        yield points_layer(plot, arrows)


def _shades(
    first: float, last: float, block: Block | None, color: str
) -> Iterator[tuple[float, float, str]]:
    """The parts of a line outside and inside a bar."""
    if block is None or not block.solid or not block.fill:
        yield first, last, color
        return
    low, high = sorted((block.start, block.end))
    if first < low:
        yield first, min(last, low), color
    if last > low and first < high:
        yield max(first, low), min(last, high), PAPER
    if last > high:
        yield max(first, high), last, color


def _shade_at(value: float, block: Block | None, color: str) -> str:
    if block is None or not block.solid or not block.fill:
        return color
    low, high = sorted((block.start, block.end))
    return PAPER if low < value < high else color


def points_layer(
    plot: Plot, points: Sequence[Data], size: int = 40, *, hollow: bool = False
) -> Spec:
    """Points with `x`, `y`, `color` and `shape`, filled with `fill` where that is given."""
    fill = PAPER if hollow else None
    values = [{"fill": fill or point["color"], **point} for point in points]
    return {
        "data": {"values": values},
        "mark": {"type": "point", "size": size, "strokeWidth": 1.5, "opacity": 1},
        "encoding": {
            "x": plot.across(),
            "y": down(),
            "stroke": {"field": "color", "type": "nominal", "scale": None},
            "fill": {"field": "fill", "type": "nominal", "scale": None},
            "shape": {"field": "shape", "type": "nominal", "scale": None},
        },
    }


def axis_over(
    values: Sequence[float],
    intervals: Sequence[Interval],
    per_second: float,
    held: Sequence[Interval] = (),
) -> Axis:
    """An axis that holds 0, all values, what has to be `held`, and what is near of intervals."""
    ends = [0.0, *values, *(end for interval in held for end in interval)]
    low, high = min(ends), max(ends)
    reach = (high - low) * _WIDEST
    if reach:
        intervals = [
            (max(first, low - reach), min(last, high + reach)) for first, last in intervals
        ]
    low = min([low, *(first for first, _ in intervals)])
    high = max([high, *(last for _, last in intervals)])
    room = (high - low) * _ROOM
    return Axis.over((low - room if low < 0 else 0.0, high + room), per_second)
