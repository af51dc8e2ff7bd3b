"""A measured saving as a waterfall: each part begins where the one above ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from alexprof.analysis.division import divide
from alexprof.analysis.savings import MeasuredSaving, SavingRow
from alexprof.record.values import Interval
from alexprof.show import numbers
from alexprof.show.document import Figure
from alexprof.show.figures.base import INK, MUTED, Spec
from alexprof.show.figures.marks import (
    Block,
    axis_over,
    block_layers,
    points_layer,
    whisker_layers,
)
from alexprof.show.figures.rows import Data, Frame, Plot, Texts, down, rows_chart
from alexprof.show.sections.win import row_label
from alexprof.show.text import plural
from alexprof.show.view import View

_FRAME = Frame(
    columns=(
        Texts("label", "", 0, 0, limit=248, narrow_limit=148, align="left"),
        Texts("value", "", 316, 206),
        Texts("half", "± 95 %", 376),
    ),
    wide=400,
    narrow=222,
    breakpoint=620,
    row_height=34,
)
_BELOW = 13
"""Pixels from the middle of the last bar to the pairs of blocks below it."""


@dataclass(frozen=True)
class _Part:
    """A row: its words, and its bar in seconds."""

    label: str
    start_s: float
    value_s: float
    ci95_s: Interval | None = None
    below: str = ""  # A second line
    kind: str = ""  # Of what kind its ops are
    pass_: str = ""
    mark: str = ""  # "idle", "remainder", "measured"; "" for ops
    is_sum: bool = False  # Whether it sums up what stands above it
    filter: str = ""  # What finds it in the table

    @property
    def end_s(self) -> float:
        return self.start_s + self.value_s

    def block(self, scale: float) -> Block:
        """Its bar in a unit."""
        start, end = self.start_s * scale, self.end_s * scale
        if self.mark == "idle":
            return Block.idle(start, end)
        if self.mark == "remainder":
            return Block(start, end)
        if self.mark == "measured":
            return Block(start, end, INK)
        return Block.of(start, end, self.kind, self.pass_)


def waterfall(
    view: View, saving: MeasuredSaving, pairs_s: Sequence[float], unit: numbers.Unit
) -> Figure:
    """Draws what a measured saving consists of.

    Args:
        view: The run.
        saving: One of its savings.
        pairs_s: What each pair of blocks saved, in seconds.
        unit: The unit of all numbers.
    """
    name = view.saving_label(saving)
    parts = [*_parts(view, saving), _measured(view, saving, bool(pairs_s))]
    without = view.other_label(saving.without, saving.reference)
    texts = [f"{part.label} {unit.signed(part.value_s)}" for part in parts]
    return Figure(
        name="waterfall",
        title=f"{name} left out: measured, and explained",
        aside=(
            f"{view.phase_label(saving.phase)}, {view.variant_label(saving.reference)} minus "
            f"{without}, {unit.name}{'' if unit.name == '%' else ' per step'}"
        ),
        spec=_spec(parts, pairs_s, unit),
        summary=f"Parts of what leaving {name} out saves, in {unit.name}: {'; '.join(texts)}.",
        hint="Each bar begins where the one above ends. Whiskers are 95 % intervals.",
    )


def _parts(view: View, saving: MeasuredSaving) -> Iterator[_Part]:
    """Own ops by layer and pass, their sum, the other layers together, what is left."""
    name, kind = view.saving_label(saving), kind_left_out(view, saving)
    end_s = 0.0
    for row in saving.rows:
        if row.kind == "own part" and row.value_s is not None:
            label = row_label(row, name).strip()
            yield _Part(
                label, end_s, row.value_s, row.ci95_s, kind=kind, pass_=row.pass_, filter=row.name
            )
            end_s += row.value_s
    own_s = saving.own_s or 0.0
    if saving.own_s is not None:
        below = "from the traced step"
        of_own = _Part(f"{name}’s own ops", 0.0, own_s, saving.own_ci95_s, below, kind)
        yield replace(of_own, is_sum=end_s != 0.0, filter=f"{name}’s")
    if saving.others_s is not None:
        others, ci95_s = _largest_other(saving), saving.others_ci95_s
        yield _Part("Other layers, net", own_s, saving.others_s, ci95_s, others)
    for row in saving.rows:
        if row.kind in ("idle", "remainder") and row.value_s is not None:
            start_s = own_s + (saving.others_s or 0.0)
            below = "" if row.kind == "idle" else "other layers, idle time and noise"
            label = row_label(row, name).capitalize()
            yield _Part(label, start_s, row.value_s, row.ci95_s, below, mark=row.kind)


def _measured(view: View, saving: MeasuredSaving, with_pairs: bool) -> _Part:
    below = f"{view.summary.estimator}s{'; ○ pairs of blocks' if with_pairs else ''}"
    return _Part(
        "Measured difference",
        0.0,
        saving.saved_s,
        saving.ci95_s,
        below,
        mark="measured",
        is_sum=bool(saving.rows),
        filter="measured",
    )


def _largest_other(saving: MeasuredSaving) -> str:
    """The largest of the other layers that changed: "largest: conv2 +11.6"."""

    def size_s(row: SavingRow) -> float:
        return abs(row.value_s or 0.0)

    named = [row for row in saving.rows if row.kind in ("layer", "gone", "new") and row.name]
    if not named:
        count = sum(row.count for row in saving.rows if row.kind == "not significant")
        return f"{plural(count, 'layer')}, no difference seen" if count else ""
    largest = max(named, key=size_s)
    unit = numbers.spoken_unit(largest.value_s, saving.saved_s)
    return f"largest: {largest.name} {numbers.unit(unit.signed(largest.value_s), unit.name)}"


def kind_left_out(view: View, saving: MeasuredSaving) -> str:
    """The kind of all ops that were left out; "" of several."""
    ablation = view.ablation(saving)
    if len(ablation.kinds) == 1:
        return ablation.kinds[0]
    division = divide(view.run, saving.reference, saving.phase)
    layers = division.layers if division else ()
    kinds = {layer.kind for layer in layers if layer.name in ablation.layers}
    return kinds.pop() if len(kinds) == 1 else ""


def _spec(parts: Sequence[_Part], pairs_s: Sequence[float], unit: numbers.Unit) -> Spec:
    scale = unit.per_second
    intervals_s = {
        place: (part.start_s + part.ci95_s[0], part.start_s + part.ci95_s[1])
        for place, part in enumerate(parts)
        if part.ci95_s is not None
    }
    ends_s = [end_s for part in parts for end_s in (part.start_s, part.end_s)]
    pairs = [(pair_s, pair_s) for pair_s in pairs_s]
    axis = axis_over(ends_s, [*intervals_s.values(), *pairs], scale)
    plot = Plot(_FRAME.headed(value=unit.name), axis)
    blocks = {place: part.block(scale) for place, part in enumerate(parts)}
    intervals = {place: (low * scale, high * scale) for place, (low, high) in intervals_s.items()}
    marks = [
        *_joints(plot, parts),
        *block_layers(plot, blocks),
        *whisker_layers(plot, intervals, blocks),
    ]
    if pairs_s:
        marks.append(_pairs(plot, pairs_s, len(parts) - 1))
    return rows_chart(plot, [_row(part, unit) for part in parts], marks)


def _row(part: _Part, unit: numbers.Unit) -> Data:
    half = unit.half_width(part.ci95_s, part.value_s) if part.ci95_s else ""
    spread = f" ±{numbers.NBSP}{half}" if half else ""
    row: Data = {
        "label": part.label,
        "label_below": part.below,
        "value": unit.signed(part.value_s),
        "half": half,
        "bold": part.is_sum,
        "ruled": part.is_sum,
        "text": f"{part.label}: {numbers.unit(unit.signed(part.value_s) + spread, unit.name)}"
        f"{f' ({part.below})' if part.below else ''}.",
    }
    return row | ({"filter": part.filter} if part.filter else {})


def _joints(plot: Plot, parts: Sequence[_Part]) -> Iterator[Spec]:
    """Dotted lines from the end of each bar to the next one, which begins or ends there."""
    ends = [
        {
            "x": part.end_s * plot.axis.scale,
            "y": plot.middle(place),
            "y2": plot.middle(place + 1),
        }
        for place, part in enumerate(parts[:-1])
    ]
    if ends:
        yield {
            "data": {"values": ends},
            "mark": {"type": "rule", "color": MUTED, "strokeDash": [1, 2]},
            "encoding": {"x": plot.across(), "y": down(), "y2": {"field": "y2"}},
        }


def _pairs(plot: Plot, pairs_s: Sequence[float], place: int) -> Spec:
    """Circles below a bar; triangles at the axis's ends for those beyond."""
    low, high, y = plot.low, plot.high, plot.middle(place) + _BELOW
    points: list[Data] = []
    for pair_s in pairs_s:
        x = pair_s * plot.axis.scale
        shape = "triangle-left" if x < low else "triangle-right" if x > high else "circle"
        points.append({"x": min(max(x, low), high), "y": y, "color": INK, "shape": shape})
    return points_layer(plot, points, size=28, hollow=True)
