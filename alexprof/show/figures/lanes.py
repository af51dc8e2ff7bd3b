"""A step's lanes as a picture, for pages without a script: the longest events alone."""

from __future__ import annotations

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
    step = timeline.of_step(place)
    name, per_second = unit
    length_ps = step.end_ps - step.start_ps
    longest = np.sort(np.argsort(-length_ps, kind="stable")[:MOST_EVENTS])
    lanes = np.unique(step.lane)
    labels = cut_all([_lane_name(timeline, int(lane)) for lane in lanes], _NAME_MOST)
    label = dict(zip(lanes.tolist(), labels, strict=True))
    scale = per_second / 1e12
    rows = []
    for event in longest.tolist():
        op = timeline.ops[int(step.op[event])]
        backward = op.pass_ == "backward"
        text = op.layer or op.name
        rows.append(
            {
                "lane": label[int(step.lane[event])],
                "from": int(step.start_ps[event]) * scale,
                "to": int(step.end_ps[event]) * scale,
                "fill": hatching(op.kind) if backward else kind_color(op.kind),
                "ink": INK if backward else PAPER,
                "name": text,
                "letters": len(text),
                "text": f"{op.name}: {int(length_ps[event]) * scale:.4g} {name}.",
            }
        )
    low = min([0.0, *(row["from"] for row in rows)])
    high = max([int(timeline.wall_ps[place]) * scale, *(row["to"] for row in rows)])
    x: Spec = {
        "type": "quantitative",
        "scale": {"domain": [low, high], "nice": False},
        "axis": {"title": name, "tickCount": 10},
    }
    y: Spec = {
        "field": "lane",
        "type": "nominal",
        "sort": labels,
        "scale": {"domain": labels, "paddingInner": 0.15, "paddingOuter": 0},
        "axis": {"title": None, "domain": False, "ticks": False},
    }
    fill = {"field": "fill", "type": "nominal", "scale": None}
    where = {"x": x | {"field": "from"}, "x2": {"field": "to"}, "y": y}
    fits = f"scale('x', datum.to) - scale('x', datum.from) > datum.letters * {LETTER_PX} + 8"
    labeled = {
        "x": x | {"field": "from"},
        "y": y,
        "text": {"condition": {"test": fits, "field": "name"}, "value": ""},
        "color": {"field": "ink", "type": "nominal", "scale": None},
    }
    block = {"type": "rect", "stroke": PAPER, "strokeWidth": 0.25}
    word = {"type": "text", "align": "left", "dx": 4, "fontSize": 11}
    layers = [
        {"mark": block, "encoding": where | {"fill": fill}},
        {"mark": word, "encoding": labeled},
        {
            "data": {"values": [{"end": int(timeline.wall_ps[place]) * scale}]},
            "mark": {"type": "rule", "color": EDGE},
            "encoding": {"x": x | {"field": "end"}},
        },
    ]
    spec = chart(
        {"data": {"values": numbered(rows)}, "layer": layers}, height=_ROW_PX * max(len(labels), 1)
    )
    return spec, int(step.op.size) - len(rows)


def _lane_name(timeline: Timeline, lane: int) -> str:
    held = timeline.lanes[lane]
    return held.name if held.device == "CPU" else f"{held.device} {held.name}"
