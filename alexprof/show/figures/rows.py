"""Charts that are tables: rows of texts on the left, what they say as marks on one axis.

The axis begins where the texts end. In a narrow place columns that it can do without are left out,
and the axis begins further left; expressions of the specification see to it, by `width` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from alexprof.show.document import Axis
from alexprof.show.figures.base import (
    EDGE,
    FOCUS,
    FOCUSED,
    INK,
    MUTED,
    PAPER,
    RULE,
    Spec,
    chart,
    numbered,
)
from alexprof.show.text import cut_all

_CELL = 6.5
"""Pixels of a letter, at most in the mean."""
Data = dict[str, Any]
"""A row of data."""


class _Style(NamedTuple):
    """How texts are written; each takes a layer."""

    color: str
    size: int
    weight: str = "normal"


_SMALL = _Style(MUTED, 11)
_HALF_LINE = 6
"""Pixels from the middle of a row to the middle of each of two lines of text."""


@dataclass(frozen=True)
class Texts:
    """A column of texts: a field of the rows, and where it stands, in pixels."""

    field: str
    header: str
    wide: int  # Its left edge, or the right one of numbers; below 0 from the chart's right side
    narrow: int | None = None  # The same in a narrow place; None leaves it out
    limit: int = 0  # How wide its texts may be, in pixels; 0: as they are
    narrow_limit: int = 0
    align: str = "right"
    least: int = 0  # The narrowest place that has it, in pixels


@dataclass(frozen=True)
class Frame:
    """What stands around the marks of all rows."""

    columns: tuple[Texts, ...]
    wide: int  # Where the axis begins
    narrow: int  # The same in a narrow place
    breakpoint: int  # Places narrower than so many pixels are
    right: str = "8"  # How far from the right side it ends: an expression of `width`
    row_height: int = 26

    def by_width(self, narrow: int, wide: int) -> Spec:
        """An expression: the first number in a narrow place, else the second."""
        return {"expr": f"width < {self.breakpoint} ? {narrow} : {wide}"}

    def headed(self, **headers: str) -> Frame:
        """The same with other headers, by the columns' fields."""
        columns = (
            replace(column, header=headers.get(column.field, column.header))
            for column in self.columns
        )
        return replace(self, columns=tuple(columns))


@dataclass(frozen=True)
class Plot:
    """Where marks stand: rows of a frame, on an axis whose unit is that of all their numbers."""

    frame: Frame
    axis: Axis

    @property
    def low(self) -> float:
        """The axis's lower end."""
        return self.axis.low * self.axis.scale

    @property
    def high(self) -> float:
        """Its upper end."""
        return self.axis.high * self.axis.scale

    def middle(self, place: int) -> float:
        """Where the middle of a row is, in pixels from the top."""
        return (place + 0.5) * self.frame.row_height

    def across(self, field: str = "x") -> Spec:
        """The encoding of a place on the axis; the same in every layer."""
        return {
            "field": field,
            "type": "quantitative",
            "scale": {
                "domain": [self.low, self.high],
                "nice": False,
                "zero": False,
                "range": [
                    self.frame.by_width(self.frame.narrow, self.frame.wide),
                    {"expr": f"width - ({self.frame.right})"},
                ],
            },
            "axis": {
                "orient": "top",
                "title": None,
                "values": [tick * self.axis.scale for tick in self.axis.ticks],
                "format": ".6~g",
                "domain": False,
                "ticks": False,
                "zindex": 0,
            },
        }


def rows_chart(plot: Plot, rows: Sequence[Data], marks: Iterable[Spec]) -> Spec:
    """Draws rows.

    Args:
        plot: The frame and the axis.
        rows: What each says, by the columns' fields; `text`, `filter` and `go` as in `Figure`.
            `bold` rows are written so, and texts whose field ends in "_muted"; those that end in
            "_below" stand below others. `ruled` rows have a line above them.
        marks: Layers with data of their own, placed by `Plot.across` and `down`.
    """
    frame = plot.frame
    placed = numbered(
        {**row, "top": place * frame.row_height, "bottom": (place + 1) * frame.row_height}
        for place, row in enumerate(rows)
    )
    height = len(placed) * frame.row_height
    layers: list[Spec] = [
        _zero(plot, height),
        *_lines(placed),
        *marks,
        *(layer for column in frame.columns for layer in _texts(frame, column, placed)),
        _pointed(placed),
    ]
    return chart({"params": [FOCUS], "layer": layers}, height=height)


def down(field: str = "y") -> Spec:
    """The encoding of a place in pixels from the top."""
    return {"field": field, "type": "quantitative", "scale": None, "axis": None}


def _zero(plot: Plot, height: int) -> Spec:
    return {
        "data": {"values": [{"x": 0.0, "y": 0, "y2": height}]},
        "mark": {"type": "rule", "color": EDGE},
        "encoding": {"x": plot.across(), "y": down(), "y2": {"field": "y2"}},
    }


def _lines(rows: Sequence[Data]) -> Iterator[Spec]:
    tops = [{"y": 0}, *({"y": row["top"]} for row in rows if row.get("ruled"))]
    yield {
        "data": {"values": tops},
        "mark": {"type": "rule", "color": RULE, "x": 0, "x2": {"expr": "width"}},
        "encoding": {"y": down()},
    }


def _texts(frame: Frame, column: Texts, rows: Sequence[Data]) -> Iterator[Spec]:
    """A column: its header, its texts, those in bold and below others small ones."""
    if column.header:
        header = [{"label": column.header, "y": -9}]
        yield _text_layer(frame, column, header, _SMALL)
    labels = [row.get(column.field) or "" for row in rows]
    wide, narrow = (_cut_all(labels, limit) for limit in (column.limit, column.narrow_limit))
    texts: list[tuple[_Style, Data]] = []
    for row, *both in zip(rows, wide, narrow, strict=True):
        below = row.get(f"{column.field}_below") or ""
        y = (row["top"] + row["bottom"]) / 2
        color = MUTED if row.get(f"{column.field}_muted") else INK
        style = _Style(color, 12, "bold" if row.get("bold") else "normal")
        if both[0]:
            text: Data = {"label": both[0], "y": y - _HALF_LINE * bool(below)}
            texts.append((style, text | ({"narrow": both[1]} if both[1] != both[0] else {})))
        if below:
            texts.append((_SMALL, {"label": below, "y": y + _HALF_LINE}))
    for style in dict.fromkeys(style for style, _ in texts):
        values = [text for of_style, text in texts if of_style == style]
        yield _text_layer(frame, column, values, style)


def _cut_all(labels: Sequence[str], limit: int) -> list[str]:
    """Different names stay different in so many pixels; 0 leaves them."""
    return cut_all(labels, int(limit / _CELL)) if limit else list(labels)


def _text_layer(frame: Frame, column: Texts, values: list[Data], style: _Style) -> Spec:
    narrow = column.wide if column.narrow is None else column.narrow
    place = frame.by_width(narrow, column.wide)["expr"]
    if column.wide < 0:
        place = f"width + ({place})"
    least = max(column.least, frame.breakpoint if column.narrow is None else 0)
    mark: Spec = {
        "type": "text",
        "align": column.align,
        "baseline": "middle",
        "color": style.color,
        "fontSize": style.size,
        "fontWeight": style.weight,
        "x": {"expr": place},
    }
    if column.limit:
        mark["limit"] = frame.by_width(column.narrow_limit or column.limit, column.limit)
    shown = f"width < {frame.breakpoint} && datum.narrow ? datum.narrow : datum.label"
    return {
        "data": {"values": values},
        "transform": [{"calculate": f"width < {least} ? '' : {shown}", "as": "shown"}],
        "mark": mark,
        "encoding": {"y": down(), "text": {"field": "shown"}},
    }


def _pointed(rows: Sequence[Data]) -> Spec:
    """Where each row can be pointed at: all of it, on top of the marks."""
    return {
        "data": {"values": list(rows)},
        "mark": {
            "type": "rect",
            "fill": PAPER,
            "fillOpacity": 0,
            "strokeWidth": 3,
            "x": 0,
            "x2": {"expr": "width"},
        },
        "encoding": {
            "y": down("top"),
            "y2": {"field": "bottom"},
            "stroke": {"condition": {"test": FOCUSED, "value": INK}, "value": None},
        },
    }
