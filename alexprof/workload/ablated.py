"""A workload whose variants each lack some ops of its first variant."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from alexprof.errors import UsageError
from alexprof.workload.base import BuiltVariant, VariantSpec, Workload
from alexprof.workload.bypass import bypassing
from alexprof.workload.patterns import Pattern

WHOLE = "whole"


def ablated(workload: Workload, patterns: tuple[Pattern, ...]) -> Workload:
    """A workload, whole and without some of its ops.

    Args:
        workload: What is ablated: its first variant.
        patterns: What is left out, one variant each; none measures the whole alone.

    Raises:
        UsageError: If two patterns are the same.
    """
    variants = {WHOLE: replace(workload.reference, label=WHOLE)}
    for pattern in patterns:
        build = partial(_build_without, workload, pattern)
        variants[_variant(pattern)] = VariantSpec(f"without {pattern}", build)
    if len(variants) <= len(patterns):
        raise UsageError("name each kind or layer once")
    return replace(
        workload,
        variants=variants,
        ablations=tuple(pattern.ablation(WHOLE, _variant(pattern)) for pattern in patterns),
        published=(),
        settings={**workload.settings, "left_out": [str(pattern) for pattern in patterns]},
    )


def _build_without(workload: Workload, pattern: Pattern) -> BuiltVariant:
    """Builds the workload's first variant, without some ops.

    Raises:
        UsageError: If there is nothing to leave out.
    """
    with bypassing(pattern) as left_out:
        built = workload.reference.build()
    left_out.check(workload.name, [layer.name for layer in built.layers])
    return replace(built, left_out=tuple(left_out.scopes))


def _variant(pattern: Pattern) -> str:
    """The name of a folder: "without_conv1.Relu"."""
    return "without_" + re.sub(r"[^\w.-]+", "_", str(pattern).replace(":", "."))
