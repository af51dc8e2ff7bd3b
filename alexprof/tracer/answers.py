"""Answers to what pairs of variants are asked, once both have been through a phase."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from alexprof.analysis.ablation import ablation
from alexprof.record.ablation import Ablation
from alexprof.record.run import Run
from alexprof.workload.base import AblationSpec

if TYPE_CHECKING:
    import polars as pl

    from alexprof.measure.loop import Block


def answers(
    run: Run,
    key: str,
    questions: Sequence[AblationSpec],
    blocks: Sequence[Block],
    costs: Mapping[tuple[str, str], pl.DataFrame],
    *,
    together: Collection[str],
) -> list[Ablation]:
    """What is new to say.

    Args:
        run: The record so far.
        key: The phase that was just measured.
        questions: All that there are; those answered in this phase before are passed over.
        blocks: The phase's blocks, of all variants.
        costs: Costs by variant and phase; what has no trace is missing.
        together: The variants that took turns.
    """
    answered = {(one.name, one.phase) for one in run.ablations}
    found = []
    for question in questions:
        pair = (question.reference, question.without)
        phases = {
            variant: run.variants[variant].phases[key]
            for variant in pair
            if variant in run.variants and key in run.variants[variant].phases
        }
        if len(phases) == 2 and (question.name, key) not in answered:
            interleaved = all(variant in together for variant in pair)
            found.append(ablation(question, key, blocks, phases, costs, interleaved=interleaved))
    return found
