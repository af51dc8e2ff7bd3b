"""A step broken down: rows of blocks, each row the whole step.

Vega draws it as SVG, in which hatching is a pattern; no drawer of our own would be shorter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alexprof.analysis.breakdown import Block
from alexprof.show import numbers
from alexprof.show.figures.base import DOTS, EDGE, FOCUS, FOCUSED, INK, PAPER, Spec, chart, numbered
from alexprof.show.palette import hatching, kind_color

ROW_PX = 32
LETTER_PX = 6.3
"""The width of a letter, on average; labels that don't fit are left out."""
_LEAST_FRACTION = 0.0008
"""Blocks below this part of the step are drawn as one."""
_TALL_PX = 520


@dataclass(frozen=True)
class Placed:
    """A block where it is drawn."""

    level: int
    start: float  # In the chart's unit
    end: float
    name: str
    kind: str
    pass_: str
    inside: tuple[str, ...]  # Names of the blocks around it, from the outside in

    @property
    def size(self) -> str:
        """How long it is, in the chart's unit."""
        return numbers.Unit("", 1.0).plain(self.end - self.start)


def placed(blocks: Sequence[Block], per_second: float, step_s: float) -> list[Placed]:
    """Lays out blocks: each level the whole step, blocks below each other where they belong."""
    layout = _Layout(per_second, _LEAST_FRACTION * step_s)
    rows = list(layout.laid(blocks, 0, 0.0, ()))
    extents: dict[int, set[tuple[float, float]]] = {}
    for row in rows:
        extents.setdefault(row.level, set()).add((row.start, row.end))
    # A level that repeats the one above says nothing.
    kept = {level for level in extents if extents[level] != extents.get(level - 1)}
    return [row for row in rows if row.level in kept]


@dataclass(frozen=True)
class _Layout:
    """How blocks are laid out."""

    per_second: float  # The chart's unit
    least_s: float  # What is smaller is joined

    def laid(
        self, blocks: Sequence[Block], level: int, start: float, inside: tuple[str, ...]
    ) -> Iterator[Placed]:
        """Lays blocks from `start` on, and what is in them a level further down."""
        small_s, small = 0.0, 0
        for block in blocks:
            if block.share_s < self.least_s and len(blocks) > 1:
                small_s, small = small_s + block.share_s, small + 1
                continue
            end = start + block.share_s * self.per_second
            yield Placed(level, start, end, block.name, block.kind, block.pass_, inside)
            yield from self.laid(block.parts, level + 1, start, (*inside, block.name))
            start = end
        if small_s:
            end = start + small_s * self.per_second
            yield Placed(level, start, end, f"{small} more", "", "", inside)


def icicle_chart(
    rows: Sequence[Placed],
    texts: Sequence[str],
    levels: Sequence[str],
    whole: tuple[str, float],
    *,
    upright: bool = False,
) -> Spec:
    """Draws laid-out blocks, and idle time at the end of every row.

    Args:
        rows: The blocks.
        texts: What is told of each block, and of idle time at the end.
        levels: What rows are called, by level.
        whole: The axis's unit, and how long every row is in it.
        upright: Whether rows stand beside each other and the step goes down, for narrow pages.
    """
    unit, step = whole
    names = [levels[level] for level in sorted({row.level for row in rows}) or [0]]
    idle = max((row.end for row in rows), default=0.0)
    data = [_datum(row, levels[row.level], text) for row, text in zip(rows, texts, strict=False)]
    if step > idle * (1 + 1e-9):
        data += [_idle(name, idle, step, texts[-1]) for name in names]
    along, across = ("y", "x") if upright else ("x", "y")
    time, level = _time(unit, step, upright=upright), _level(names, upright=upright)
    blocks = {
        "mark": {"type": "rect"},
        "encoding": {
            along: time | {"field": "from"},
            f"{along}2": {"field": "to"},
            across: level,
            "fill": {"field": "fill", "type": "nominal", "scale": None},
            "stroke": {"condition": {"test": FOCUSED, "value": INK}, "value": PAPER},
            "strokeWidth": {"condition": {"test": FOCUSED, "value": 3}, "value": 0.75},
        },
    }
    spec = {
        "params": [FOCUS],
        "data": {"values": numbered(data)},
        "layer": [blocks, *_labels(time, along, across, level, len(names))],
    }
    return chart(spec, height=_TALL_PX if upright else ROW_PX * len(names))


def _datum(row: Placed, level: str, text: str) -> Spec:
    """A block's values."""
    return {
        "row": level,
        "from": row.start,
        "to": row.end,
        "name": row.name,
        "letters": len(row.name),
        "size": f"{row.name} {row.size}",
        "size_letters": len(row.name) + 1 + len(row.size),
        "fill": _fill(row),
        "ink": _ink(row),
        "text": text,
        "filter": row.inside[0] if row.inside else row.name,
    }


def _idle(level: str, start: float, end: float, text: str) -> Spec:
    """The values of idle time in a row."""
    names = {"name": "idle", "letters": 4, "size": "idle", "size_letters": 4, "filter": "idle"}
    return {"row": level, "from": start, "to": end, "fill": DOTS, "ink": INK, "text": text, **names}


def _time(unit: str, step: float, *, upright: bool) -> Spec:
    """The axis of time."""
    return {
        "type": "quantitative",
        "scale": {"domain": [0, step], "nice": False, "zero": True, "reverse": upright},
        "axis": {"title": unit, "grid": False, "tickCount": 8, "offset": 2},
    }


def _level(names: Sequence[str], *, upright: bool) -> Spec:
    """The axis of rows."""
    axis: Spec = {"title": None, "domain": False, "ticks": False, "labelAngle": 0}
    return {
        "field": "row",
        "type": "nominal",
        "sort": names,
        "scale": {"domain": names, "paddingInner": 0.06, "paddingOuter": 0},
        "axis": axis | {"orient": "top"} if upright else axis,
    }


def _labels(time: Spec, along: str, across: str, level: Spec, levels: int) -> Iterator[Spec]:
    """Names in blocks that have room for them: with a halo on hatching."""
    extent = f"abs(scale('{along}', datum.to) - scale('{along}', datum.from))"
    room = extent if along == "x" else f"({extent} > 13 ? width / {levels} : 0)"
    size, name = (
        {"test": f"{room} > datum.{letters} * {LETTER_PX} + 10", "field": field}
        for letters, field in (("size_letters", "size"), ("letters", "name"))
    )
    encoding = {
        along: time | {"field": "from"},
        across: level,
        "text": {"condition": [size, name], "value": ""},
    }
    mark: Spec = {"type": "text", "align": "left", "baseline": "middle", "dx": 5, "fontSize": 12}
    if along == "y":
        mark |= {"dy": 8, "align": "center", "dx": 0}
    hatched = {"filter": f"datum.ink === '{INK}'"}
    halo = mark | {"stroke": PAPER, "strokeWidth": 3, "strokeJoin": "round"}
    yield {"transform": [hatched], "mark": halo, "encoding": encoding}
    color = {"field": "ink", "type": "nominal", "scale": None}
    yield {"mark": mark, "encoding": encoding | {"color": color}}


def _fill(row: Placed) -> str:
    if row.pass_ == "backward":
        return hatching(row.kind)
    return kind_color(row.kind) if row.kind else EDGE


def _ink(row: Placed) -> str:
    return INK if row.pass_ == "backward" else PAPER
