"""Why two runs can't be compared, and what else to know of a comparison, as values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import structs
from msgspec.structs import asdict

from alexprof.record.note import Note, distinct
from alexprof.record.values import Needed, Reason

Effect = Literal["none", "work", "times"]
CaveatCode = Literal[
    # Nothing, or not everything, stands beside something.
    "no_common_variant",
    "no_common_phase",
    "variant_unmatched",
    "phase_unmatched",
    "variants_of_one_run",
    "incomplete",
    "not_timed",
    "not_traced",
    "outside_steps",
    "traces_alone",
    "trace_and_timed",
    # Not the same work.
    "settings_unknown",
    "programs_unlike",
    "workload_differs",
    "seed_differs",
    "amount_differs",
    "setting_differs",
    "fetch_differs",
    "results_differ",
    # Not the same machine or software.
    "machine_differs",
    "system_differs",
    "version_differs",
    "devices_differ",
    # Other programs.
    "load_high",
    "load_differs",
    "machine_busy",
    "interference_differs",
    "slow_steps",
    # Of a gate.
    "phase_missing",
    "new_part",
    "nothing_bounded",
    # Of a history and of pairs.
    "unreadable",
    "no_value",
    "with_outside",
    "runs_left",
    "nothing_timed",
]
QUIET = Needed("quiet")
"""What a verdict takes where the times themselves are spoiled."""
WHOLE_STEPS = Needed("whole_steps")
"""What it takes where the marked steps hold too little of their loop."""
SPOILED: tuple[Reason, ...] = ("machine_busy", "outside_steps")
"""Reasons why the times themselves allow no verdict."""


class Caveat(Note, frozen=True, kw_only=True, omit_defaults=True):
    """Something that differs between two runs, or that is wrong with one of them."""

    code: CaveatCode  # What it is; a template in `show/comparison_texts.py` says it
    # "times": the times are too unreliable for a verdict; of `phases` alone if there are any.
    # "work": they are reliable, but work or machine differ. "none": for information.
    effect: Effect = "none"
    runs: tuple[str, ...] = ()  # The runs that it is about; A's first where it is about both
    phases: tuple[str, ...] = ()  # Keys of the phases that it is about
    variants: tuple[str, ...] = ()  # The variants: A's and B's where they differ
    # What differs: a setting, a part of the machine, a program, a tensor (`names` has A's value and
    # B's); or the code of a reason
    what: str = ""


def caveat_of(code: CaveatCode, why: Note, *runs: str) -> Caveat:
    """A caveat whose reason is a note: its code is `what`."""
    return Caveat(**{**asdict(why), "code": code, "what": why.code, "runs": runs})


def merge_runs(caveats: Iterable[Caveat]) -> list[Caveat]:
    """The caveats, those that are the same but for the run that they are about as one."""
    merged: list[Caveat] = []
    for caveat in distinct(caveats):
        for place, other in enumerate(merged):
            if len(caveat.runs) == 1 and structs.replace(other, runs=caveat.runs) == caveat:
                merged[place] = structs.replace(other, runs=(*other.runs, *caveat.runs))
                break
        else:
            merged.append(caveat)
    return merged
