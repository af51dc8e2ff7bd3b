"""What each layer would save, if nothing else changed: its share."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.show import numbers
from alexprof.show.document import Block, Column, Note, Row, Table
from alexprof.show.sections.shares import Division, Share, divide
from alexprof.show.view import View, plural

LEAST = 0.01
"""Layers below this part of the step are counted, not listed."""
LAYERS_SHOWN = 10
_COLUMNS = (
    Column("layer", align="name"),
    Column("saves", "ms"),
    Column("std", "ms", drop=2),
    Column("speed-up"),
    Column("2× as fast", "ms", drop=1),
    Column("speed-up", drop=1),
)


def prediction(view: View, key: str) -> Iterator[Block]:
    """A table of the layers that were not left out, from the shares of the variant in view."""
    variant = view.variant
    if variant is None:
        return
    division = divide(view.phase(variant, key))
    if division is None or not division.layers:
        return
    found = view.ablations(key)
    left_out = {part.layer for one in found for part in one.parts if one.reference == variant}
    others = [one for one in division.layers if one.name not in left_out]
    shown = [one for one in others if one.fraction >= LEAST][:LAYERS_SHOWN]
    if not shown:
        return
    timed = view.timed(variant, key)
    scale = timed.mean_s / division.step_s if timed and division.step_s else 1.0
    title = "Predicted for the others" if left_out else "Predicted"
    yield Table(
        _COLUMNS,
        tuple(_row(one, scale) for one in shown),
        title=f"{title}: the share, if nothing else changes",
        aside=", ".join(view.needed_label(variant)),
    )
    yield Note(" ".join(_notes(others, shown, division, scaled=timed is not None)))


def _row(one: Share, scale: float) -> Row:
    saves_s = one.share_s * scale
    return Row(
        (
            one.name,
            numbers.ms(saves_s),
            numbers.ms(one.std_s * scale if one.std_s is not None else None),
            _speed_up(one.fraction),
            numbers.ms(saves_s / 2),
            _speed_up(one.fraction / 2),
        )
    )


def _speed_up(saved: float) -> str:
    return numbers.times(1 / (1 - saved)) if saved < 0.9999 else numbers.MISSING


def _notes(
    others: list[Share], shown: list[Share], division: Division, *, scaled: bool
) -> Iterator[str]:
    if scaled:
        yield "Scaled to the timed mean."
    else:
        yield f"Of the traced step, {numbers.ms_unit(division.step_s)}: there are no timed ones."
    small = sum(one.fraction < LEAST for one in others)
    large = len(others) - small - len(shown)
    missing = [plural(large, "more layer")] if large else []
    if small:
        least = f"less than 1{numbers.NBSP}%{'' if small == 1 else ' each'}"
        missing.append(f"{plural(small, 'layer')} that would save {least}")
    if missing:
        yield f"Not listed: {', '.join(missing)}."
