"""Names and checks of what a user gives: variants, ablations, a phase's key."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from alexprof.arguments import TEXT, Wanted, check, several
from alexprof.errors import UsageError, check_name
from alexprof.record.ablation import AblationSpec
from alexprof.record.parquet import COSTS_FILE, STEPS_FILE
from alexprof.record.store import RUN_FILE
from alexprof.record.values import MOST_NAME

_PAIR = Wanted("", lambda target: isinstance(target, (tuple, list)) and 1 <= len(target) <= 3)
RUN_FILES = (RUN_FILE, STEPS_FILE, COSTS_FILE)
"""The files in a run's folder, next to the variants' folders."""


TOGETHER = Wanted(
    "functions by variant, or a list of (session, fetches)",
    lambda targets: isinstance(targets, Mapping) or several(_PAIR).holds(targets),
)
"""Targets that are timed in turns."""


def check_variant(name: str, label: str | None = None) -> None:
    """Raises a `UsageError` if a variant's name can't name its folder, or a label isn't text."""
    check(variant=(name, TEXT), label=(label, TEXT.or_none()))
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UsageError(f"a variant's name may have only letters, digits and . _ -, not {name!r}")
    if name in RUN_FILES:
        raise UsageError(f"{name} is a file of the run: choose another name for the variant")


def with_ablations(
    earlier: tuple[AblationSpec, ...],
    new: Iterable[AblationSpec],
    variants: Collection[str] | None = None,
) -> tuple[AblationSpec, ...]:
    """Adds ablations to those there are.

    Args:
        earlier: Those there are.
        new: What is added.
        variants: Those there are; None where they are still to come.

    Raises:
        UsageError: If one can't be measured, or there is one of that name.
    """
    for ablation in new:
        if not isinstance(ablation, AblationSpec):
            raise UsageError(f"an ablation is an alexprof.workload.AblationSpec, not {ablation!r}")
        name = ablation.name
        if ablation.reference == ablation.without:
            raise UsageError(f"ablation {name!r} compares {ablation.without} with itself")
        if not (ablation.kinds or ablation.layers or ablation.scopes):
            raise UsageError(f"ablation {name!r} names no kinds, layers or scopes of ops")
        if name in {other.name for other in earlier}:
            raise UsageError(f"there is an ablation {name!r} already: give it another name")
        if variants is not None:
            check_name("variant", ablation.reference, variants)
            check_name("variant", ablation.without, variants)
        earlier += (ablation,)
    return earlier


def phase_key(label: str | None) -> str:
    """A phase's name in files and options: "Forward-backward" → "forward_backward".

    Raises:
        UsageError: If the result would be empty or too long, or the label isn't text.
    """
    check(label=(label, TEXT))
    assert label is not None
    key = re.sub(r"\W+", "_", label.lower()).strip("_")
    if not 0 < len(key) <= MOST_NAME:
        raise UsageError(
            f"a phase's name needs a letter or digit, and at most {MOST_NAME} characters: "
            f"{label[:60]!r}"
        )
    return key
