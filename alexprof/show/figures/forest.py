"""Changes from A to B with their intervals, about zero: the whole step, then its layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alexprof.analysis.changes import Change, Unmatched
from alexprof.show import numbers
from alexprof.show.document import Figure
from alexprof.show.figures.base import INK, MUTED, PAPER, Spec
from alexprof.show.figures.marks import (
    axis_over,
    points_layer,
    whisker_layers,
)
from alexprof.show.figures.rows import Data, Frame, Plot, Texts, down, rows_chart
from alexprof.show.palette import kind_color
from alexprof.show.sections.changed import change_of, interval_of
from alexprof.show.verdicts import CANT_TELL, WHY_CANT_TELL, verdict_phrase, verdict_word

NOT_SEEN = "no difference seen"
_FRAME = Frame(
    columns=(
        Texts("label", "", 0, 0, limit=170, narrow_limit=120, align="left"),
        Texts("before", "A", 232),
        Texts("after", "B", 292),
        Texts("change", "change", 356, 184),
        Texts("interval", "95 % interval", 472),
        Texts("word", "", -110, -110, align="left", least=480),
    ),
    wide=492,
    narrow=200,
    breakpoint=860,
    right="width < 480 ? 58 : 122",
)

_TITLES = {"before": "A", "after": "B", "change": "change"}

Part = Change | Unmatched


def forest(
    parts: Sequence[Part],
    kinds: Mapping[str, str],
    unit: numbers.Unit,
    *,
    title: str,
    aside: str,
) -> Figure:
    """Draws changes.

    Args:
        parts: In order, those of the level "phase" first.
        kinds: The kind of each layer that is of one.
        unit: The unit of all numbers.
        title: The figure's.
        aside: What is compared.
    """
    shown = [_label(part) for part in parts]
    texts = [f"{label} {_word(part)}" for label, part in zip(shown, parts, strict=True)]
    return Figure(
        name="forest",
        title=title,
        aside=aside,
        spec=_spec(parts, kinds, unit),
        summary=f"Changes in {unit.name} with their 95 % intervals: {'; '.join(texts)}.",
        hint=(
            "◆ the whole step, ■ layers and idle time. Filled: a difference, allowing for how many "
            "are compared; open: none seen."
        ),
    )


def _spec(parts: Sequence[Part], kinds: Mapping[str, str], unit: numbers.Unit) -> Spec:
    scale = unit.per_second
    intervals_s = {
        place: interval
        for place, part in enumerate(parts)
        if (interval := interval_of(part)) is not None
    }
    headers = {name: f"{title}, {unit.name}" for name, title in _TITLES.items()}
    whole = [interval for place, interval in intervals_s.items() if parts[place].level == "phase"]
    axis = axis_over([*map(change_of, parts)], [*intervals_s.values()], scale, whole)
    plot = Plot(_FRAME.headed(**headers), axis)
    intervals = {place: (low * scale, high * scale) for place, (low, high) in intervals_s.items()}
    colors = {place: _color(part, kinds) for place, part in enumerate(parts)}
    points: list[Data] = [
        {
            "x": change_of(part) * scale,
            "y": plot.middle(place),
            "color": colors[place],
            "fill": colors[place] if is_seen(part) else PAPER,
            "shape": "diamond" if part.level == "phase" else "square",
        }
        for place, part in enumerate(parts)
    ]
    marks = [
        _directions(plot),
        *whisker_layers(plot, intervals, {}, colors=colors),
        points_layer(plot, points, size=70),
    ]
    rows = [_row(parts, place, unit) for place in range(len(parts))]
    return rows_chart(plot, rows, marks)


def is_seen(part: Part) -> bool:
    """Whether there is a difference."""
    return isinstance(part, Unmatched) or part.difference.significant


def _word(part: Part) -> str:
    if isinstance(part, Unmatched):
        return "gone" if part.b_s is None else "new"
    if part.difference.reason == "not_seen":
        return NOT_SEEN
    return verdict_word(part.difference)


def _label(part: Part) -> str:
    return "whole step" if part.level == "phase" else part.name


def _color(part: Part, kinds: Mapping[str, str]) -> str:
    if part.level == "phase":
        return INK
    kind = kinds.get(part.name, "")
    return kind_color(kind) if kind else MUTED


def _row(parts: Sequence[Part], place: int, unit: numbers.Unit) -> Data:
    part = parts[place]
    is_whole = part.level == "phase"
    if isinstance(part, Change):
        before_s: float | None = part.difference.before_s
        after_s: float | None = part.difference.after_s
    else:
        before_s, after_s = part.a_s, part.b_s
    interval_s = interval_of(part)
    interval = unit.interval(interval_s) if interval_s else ""
    after_whole = bool(place) and parts[place - 1].level == "phase"
    row: Data = {
        "label": _label(part),
        "before": unit.plain(before_s) if before_s is not None else "",
        "after": unit.plain(after_s) if after_s is not None else "",
        "change": unit.signed(change_of(part)),
        "interval": interval,
        "interval_muted": True,
        "word": _word(part),
        "word_muted": not is_seen(part),
        "bold": is_whole,
        "ruled": after_whole and not is_whole,
        "text": _told(part, unit, interval),
    }
    return row if is_whole else row | {"filter": part.name}


def _told(part: Part, unit: numbers.Unit, interval: str) -> str:
    change = numbers.unit(unit.signed(change_of(part)), unit.name)
    span = f", 95{numbers.NBSP}% interval {numbers.unit(interval, unit.name)}" if interval else ""
    word = _word(part)
    if isinstance(part, Change) and word == CANT_TELL and part.difference.reason in WHY_CANT_TELL:
        word = verdict_phrase(part.difference)
    return f"{_label(part)}: {word} ({change}{span})."


def _directions(plot: Plot) -> Spec:
    """Which side of zero is which, above the axis."""
    sides = [
        {"x": 0.0, "y": -24, "label": "← faster", "align": "right", "dx": -6},
        {"x": 0.0, "y": -24, "label": "slower →", "align": "left", "dx": 6},
    ]
    return {
        "layer": [
            {
                "data": {"values": [side]},
                "mark": {
                    "type": "text",
                    "align": side["align"],
                    "dx": side["dx"],
                    "baseline": "middle",
                    "color": MUTED,
                    "fontSize": 11,
                },
                "encoding": {
                    "x": plot.across(),
                    "y": down(),
                    "text": {"field": "label"},
                },
            }
            for side in sides
        ]
    }
