"""A saved run's answers, worked out anew from its tables by today's rules.

What was measured stays. What is concluded from it (shares on the scale of timed steps, predictions,
the account of a difference) was concluded by the AlexProf of that day. For steps of a GPU the rules
have changed: so a run with such steps is read with its tables.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from alexprof.errors import AlexProfError
from alexprof.record.phase import Books, OpCost, Phase, on_cpu
from alexprof.record.run import Run
from alexprof.record.trace import Replay

if TYPE_CHECKING:
    import polars as pl

_DAMAGED = "the trace is damaged:"


def renewed(run: Run, folder: Path) -> Run:
    """Works the answers of a run out anew, as far as its tables are there.

    Args:
        run: The run as it was saved.
        folder: Where its tables are.
    """
    judged = [
        (variant, key)
        for variant, record in run.variants.items()
        for key, phase in record.phases.items()
        if phase.attribution is not None
        and not on_cpu(phase.attribution.device)
        and not phase.attribution.bound_by  # which older runs don't say
    ]
    if not judged:
        return run
    try:
        return _renewed(run, folder, judged)
    except AlexProfError as error:
        why = f"Costs of ops are as the run was saved, by older rules for GPUs: {error}"
        return _as_saved(run, folder, judged, why)


def _as_saved(run: Run, folder: Path, judged: list[tuple[str, str]], why: str) -> Run:
    variants = dict(run.variants)
    for variant, key in judged:
        phase = variants[variant].phases[key]
        noted = msgspec.structs.replace(phase, notes=(*_notes(phase, folder), why))
        phases = {**variants[variant].phases, key: noted}
        variants[variant] = msgspec.structs.replace(variants[variant], phases=phases)
    return msgspec.structs.replace(run, variants=variants)


def _renewed(run: Run, folder: Path, judged: list[tuple[str, str]]) -> Run:
    from alexprof.analysis.ablation import explained
    from alexprof.record.tables import load_costs

    table = load_costs(folder)
    costs = {
        (variant, key): rows.drop("variant", "phase")
        for (variant, key), rows in table.partition_by(
            "variant", "phase", as_dict=True, maintain_order=True
        ).items()
    }
    variants = dict(run.variants)
    for variant, key in judged:
        if (variant, key) in costs:
            phase = _phase(variants[variant].phases[key], costs[variant, key], folder)
            phases = {**variants[variant].phases, key: phase}
            variants[variant] = msgspec.structs.replace(variants[variant], phases=phases)
    ablations = []
    for ablation in run.ablations:
        names = (ablation.reference, ablation.without)
        if any(ablation.phase not in variants[name].phases for name in names if name in variants):
            ablations.append(ablation)
            continue
        if not variants.keys() >= set(names):
            ablations.append(ablation)
            continue
        phases = {name: variants[name].phases[ablation.phase] for name in names}
        traced = [name for name in names if phases[name].attribution is not None]
        known = all((name, ablation.phase) in costs for name in traced)
        ablations.append(explained(ablation, phases, costs) if known and traced else ablation)
    return msgspec.structs.replace(run, variants=variants, ablations=tuple(ablations))


def _phase(phase: Phase, costs: pl.DataFrame, folder: Path) -> Phase:
    """A phase without a long first step, which older runs have in their means."""
    import polars as pl

    from alexprof.analysis.assemble import books_of, cost_rows, lengths
    from alexprof.analysis.first_step import long_first_of
    from alexprof.attribute import by_kind, by_layer, by_layer_whole, by_op
    from alexprof.record.phase import Cost

    assert phase.attribution is not None
    device, traced = phase.attribution.device, phase.traced
    late = long_first_of(costs, device)
    if late is not None:
        costs = costs.filter(pl.col("step") != late["step"].item())
        steps = costs.filter(pl.col("device") == device).unique("step").sort("step")
        if traced is not None:
            known = lengths(steps, late, phase.timed)
            # The stopwatch's mean has that step in it.
            traced = msgspec.structs.replace(traced, stopwatch_mean_s=None, **known)
    facts = {(op.name, op.type, op.device, op.pass_): op for op in phase.ops}
    ops = tuple(
        _with_facts(op, facts.get((op.name, op.type, op.device, op.pass_)))
        for op in cost_rows(by_op(costs), OpCost)
    )
    books = books_of(costs, device, phase.timed)
    return msgspec.structs.replace(
        phase,
        traced=traced,
        attribution=books,
        replay=_replay(phase, costs, books),
        notes=_notes(phase, folder),
        ops=ops,
        layers=cost_rows(by_layer(costs), Cost),
        layers_whole=cost_rows(by_layer_whole(costs), Cost),
        kinds=cost_rows(by_kind(costs), Cost),
    )


def _replay(phase: Phase, costs: pl.DataFrame, books: Books) -> Replay | None:
    """What is predicted: by the kernels, unless launches were replayed and are what counts."""
    from alexprof.analysis.assemble import by_kernels
    from alexprof.attribute import NOT_REPLAYED

    saved = phase.replay
    if saved is None or (phase.timed is None and phase.traced is None):
        return saved
    if books.bound_by != "kernels":
        reason = NOT_REPLAYED.get(books.bound_by, "an older AlexProf did not replay its launches")
        return Replay(reason=reason, gone_with=saved.gone_with, how="launches")
    step_s = phase.timed.mean_s if phase.timed else books.wall_ns / 1e9 / max(_steps(costs), 1)
    return by_kernels(costs, books.device, step_s, saved.gone_with)


def _steps(costs: pl.DataFrame) -> int:
    return costs["step"].n_unique()


def _notes(phase: Phase, folder: Path) -> tuple[str, ...]:
    """The phase's notes, without what older versions called damage though nothing is."""
    from alexprof.attribute import attribute_phases
    from alexprof.xplane import read_trace

    if phase.traced is None or not any(note.startswith(_DAMAGED) for note in phase.notes):
        return phase.notes
    try:
        attribute_phases(read_trace(folder / phase.traced.file))  # all that numbers depend on
    except AlexProfError:
        return phase.notes
    return tuple(note for note in phase.notes if not note.startswith(_DAMAGED))


def _with_facts(op: OpCost, saved: OpCost | None) -> OpCost:
    """What a table of costs does not say of an op."""
    if saved is None:
        return op
    return msgspec.structs.replace(
        op,
        fused=saved.fused,
        estimated=saved.estimated,
    )
