"""Figures published elsewhere, beside the measured means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from alexprof.show import numbers
from alexprof.show.document import Block, Column, Note, Row, Table
from alexprof.show.fit import clean
from alexprof.show.view import View

if TYPE_CHECKING:
    from alexprof.record.workload import Published

_COLUMNS = (
    Column("", align="name"),
    Column("classic", "s"),
    Column("this run", "s"),
    Column("std", "s", drop=1),
    Column("this run / classic"),
)


def classic_figures(view: View) -> Iterator[Block]:
    """A table of the published figures whose phase the run has, and where they are from."""
    if view.run.workload is None:
        return
    known = [
        one
        for one in view.run.workload.published
        if one.phase in view.phases and one.variant in view.run.variants
    ]
    if not known:
        return
    rows = []
    for phase in dict.fromkeys(one.phase for one in known):
        rows.append(Row((view.phase_label(phase),), "group"))
        rows += [_row(view, one) for one in known if one.phase == phase]
    yield Table(_COLUMNS, tuple(rows), title="The classic figures, for comparison", aside="means")
    for source in dict.fromkeys(one.source for one in known):
        yield Note(f"Source of the classic figures: {clean(source)}.")


def _row(view: View, one: Published) -> Row:
    timed = view.timed(one.variant, one.phase)
    label = f"  {view.variant_label(one.variant)}"
    published = f"{one.mean_s:.3f}"  # as it was printed
    if timed is None:
        return Row((label, published, numbers.MISSING))
    return Row(
        (
            label,
            published,
            *numbers.classic_seconds(timed.mean_s, timed.std_s if timed.steps > 1 else None),
            numbers.times(timed.mean_s / one.mean_s) if one.mean_s else numbers.MISSING,
        )
    )
