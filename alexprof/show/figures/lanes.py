"""A step's lanes as a picture, for pages without a script: the longest events alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from alexprof.show.figures.base import EDGE, INK, PAPER, Spec, chart, numbered
from alexprof.show.figures.icicle import LETTER_PX
from alexprof.show.palette import hatching, kind_color
from alexprof.show.text import cut_all

if TYPE_CHECKING:
    from alexprof.attribute.lanes import Timeline

MOST_EVENTS = 1000
_ROW_PX = 26
_NAME_MOST = 18


def lanes_chart(timeline: Timeline, place: int, unit: tuple[str, float]) -> tuple[Spec, int]:
    """Draws the events of a step.

    Args:
        timeline: The phase's events.
        place: The step's place.
        unit: The axis's unit, and how many of it are a second.

    Returns:
        The specification, and how many events it leaves out because others are longer.
    """
    step, (name, per_second) = timeline.of_step(place), unit
    scale = per_second / 1e12
    lanes = np.unique(step.lane)
    labels = cut_all([_lane_name(timeline, int(lane)) for lane in lanes], _NAME_MOST)
    lengths_ps = step.end_ps - step.start_ps
    longest = np.sort(np.argsort(-lengths_ps, kind="stable")[:MOST_EVENTS])
    by_lane = dict(zip(lanes.tolist(), labels, strict=True))
    rows = [
        _datum(step, event, by_lane[int(step.lane[event])], scale, name)
        for event in longest.tolist()
    ]
    wall = int(timeline.wall_ps[place]) * scale
    low = min([0.0, *(row["from"] for row in rows)])
    high = max([wall, *(row["to"] for row in rows)])
    x: Spec = {
        "type": "quantitative",
        "scale": {"domain": [low, high], "nice": False},
        "axis": {"title": name, "tickCount": 10},
    }
    end = {
        "data": {"values": [{"end": wall}]},
        "mark": {"type": "rule", "color": EDGE},
        "encoding": {"x": x | {"field": "end"}},
    }
    layers = [*_marks(x, labels), end]
    spec = {"data": {"values": numbered(rows)}, "layer": layers}
    return chart(spec, height=_ROW_PX * max(len(labels), 1)), int(step.op.size) - len(rows)


def _datum(step: Timeline, event: int, lane: str, scale: float, unit: str) -> Spec:
    """An event's values."""
    op = step.ops[int(step.op[event])]
    backward, name = op.pass_ == "backward", op.layer or op.name
    start, end = int(step.start_ps[event]) * scale, int(step.end_ps[event]) * scale
    return {
        "lane": lane,
        "from": start,
        "to": end,
        "fill": hatching(op.kind) if backward else kind_color(op.kind),
        "ink": INK if backward else PAPER,
        "name": name,
        "letters": len(name),
        "text": f"{op.name}: {end - start:.4g} {unit}.",
    }


def _marks(x: Spec, labels: Sequence[str]) -> Iterator[Spec]:
    """Blocks, and names in those that have room."""
    y: Spec = {
        "field": "lane",
        "type": "nominal",
        "sort": labels,
        "scale": {"domain": labels, "paddingInner": 0.15, "paddingOuter": 0},
        "axis": {"title": None, "domain": False, "ticks": False},
    }
    fill = {"field": "fill", "type": "nominal", "scale": None}
    yield {
        "mark": {"type": "rect", "stroke": PAPER, "strokeWidth": 0.25},
        "encoding": {"x": x | {"field": "from"}, "x2": {"field": "to"}, "y": y, "fill": fill},
    }
    fits = f"scale('x', datum.to) - scale('x', datum.from) > datum.letters * {LETTER_PX} + 8"
    yield {
        "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11},
        "encoding": {
            "x": x | {"field": "from"},
            "y": y,
            "text": {"condition": {"test": fits, "field": "name"}, "value": ""},
            "color": {"field": "ink", "type": "nominal", "scale": None},
        },
    }


def _lane_name(timeline: Timeline, lane: int) -> str:
    held = timeline.lanes[lane]
    return held.name if held.device == "CPU" else f"{held.device} {held.name}"
