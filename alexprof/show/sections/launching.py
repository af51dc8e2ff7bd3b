"""Launch-bound steps: who launches, and for how long the GPU waits for it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from alexprof.record.phase import Cost, Phase
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Note, Row, Table, Warn
from alexprof.show.fit import clean
from alexprof.show.sections.shares import Division
from alexprof.show.view import plural

LAYERS_SHOWN = 8
_NAMED = 3
_ONE_BY_ONE = 0.9  # part of the kernels that have launches of their own, from which on that matters


def launching(phase: Phase, division: Division) -> Iterator[Block]:
    """Says that a step is launch-bound, and by which layers; nothing where it is not."""
    books = phase.attribution
    if books is None or books.bound_by != "launching" or not books.launches_per_step:
        return
    step_s = phase.timed.mean_s if phase.timed else division.step_s
    layers = _layers(phase, division.device)
    kernels = math.fsum(layer.kernels_per_step for layer in layers) or 1.0
    parts = [layer.kernels_per_step / kernels for layer in layers]
    most = ", ".join(
        f"{clean(layer.name)} {numbers.percent_unit(part)}"
        for layer, part in zip(layers[:_NAMED], parts, strict=False)
    )
    one_by_one = books.launches_per_step > _ONE_BY_ONE * kernels
    advice = (
        f"Most launches: {most}. Fewer and larger ops shorten it (XLA, a larger batch, fused "
        "optimizers); faster kernels don’t."
        if one_by_one
        else "Its kernels run in CUDA graphs; the GPU waits for the host between graphs."
    )
    launches = plural(round(books.launches_per_step), "launch", "es")
    waits = numbers.time(books.launching_s or 0.0, step_s)
    works = numbers.time(division.step_s - division.idle_s, step_s)
    yield Warn(
        f"This step is launch-bound: {launches} in {numbers.time(step_s, step_s)}. The GPU waits "
        f"{waits} for launches and is busy for {works}. {advice}"
    )
    if not one_by_one:
        return
    yield _table(layers, division, kernels)
    yield Note(
        "Host: time to launch the layer’s kernels, from the end of the previous launch. Idle "
        "before: GPU idle time right before its kernels, whatever the host did. Both are from "
        "traced steps, in which the host is slower."
    )


def _layers(phase: Phase, device: str) -> list[Cost]:
    layers = [
        layer for layer in phase.layers_whole if layer.device == device and layer.kernels_per_step
    ]
    return sorted(layers, key=lambda layer: -layer.kernels_per_step)


def _table(layers: list[Cost], division: Division, kernels: float) -> Table:
    unit = numbers.table_unit([division.step_s])
    rows = [
        Row(
            (
                clean(layer.name),
                f"{layer.kernels_per_step:.0f}",
                numbers.percent(layer.kernels_per_step / kernels),
                unit.plain(layer.launching_s),
                unit.plain(layer.idle_before_s),
                unit.plain(layer.share_mean_s),
            )
        )
        for layer in layers[:LAYERS_SHOWN]
    ]
    rest = layers[LAYERS_SHOWN:]
    columns = (
        Column("layer", align="name"),
        Column("launches", align="right"),
        Column("of all", "%"),
        Column("host", unit.name, drop=2),
        Column("idle before", unit.name, drop=1),
        Column("busy", unit.name),
    )
    if rest:
        count = sum(layer.kernels_per_step for layer in rest)
        sums = [
            sum(values)
            for values in (
                [layer.launching_s or 0.0 for layer in rest],
                [layer.idle_before_s or 0.0 for layer in rest],
                [layer.share_mean_s for layer in rest],
            )
        ]
        figures = (f"{count:.0f}", numbers.percent(count / kernels), *map(unit.plain, sums))
        rows.append(Row((plural(len(rest), "more layer"), *figures)))
    return Table(
        columns,
        tuple(rows),
        title="Launches by layer",
        part="launches",
        aside=f"a step of {division.device}",
    )
