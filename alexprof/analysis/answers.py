"""All answers of a run: the summary, and what only the full report and the JSON show."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import asdict

from alexprof.analysis.account import Account, accounts
from alexprof.analysis.division import DividedStep, divided_steps
from alexprof.analysis.predictions import Predictions, predictions
from alexprof.analysis.summary import LayerShare, Summary, summarize
from alexprof.record.run import Run


class Answers(Summary, frozen=True, kw_only=True):
    """The answers of a run.

    Attributes:
        divisions: The traced step of each variant and phase, divided.
        accounts: Each measured saving taken apart.
        predictions: What each variant and phase is predicted to save.
    """

    divisions: tuple[DividedStep, ...]
    accounts: tuple[Account, ...]
    predictions: tuple[Predictions, ...]


def answers(run: Run) -> Answers:
    """Works out all answers of a run."""
    return Answers(
        **asdict(summarize(run)),
        divisions=tuple(divided_steps(run)),
        accounts=accounts(run),
        predictions=tuple(predictions(run)),
    )


def largest_shares(
    shares: Sequence[LayerShare], phases: Sequence[str], most: int
) -> tuple[list[LayerShare], int]:
    """The `most` largest rows in any phase, idle and what was left out always, the rest as one.

    Returns:
        The rows, and how many layers the last of them joins; 0 where it is a layer like the others.
    """

    def largest(share: LayerShare) -> float:
        return max(share.fractions.get(phase, 0.0) for phase in phases)

    ranked = [share for share in shares if any(phase in share.fractions for phase in phases)]
    ranked.sort(key=largest, reverse=True)
    layers = [share for share in ranked if share.what == "layer"]
    rest = layers[max(most - (len(ranked) - len(layers)), 1) :]
    kept = [share for share in ranked if share not in rest]
    if rest:
        sums = {
            phase: math.fsum(share.fractions.get(phase, 0.0) for share in rest) for phase in phases
        }
        kept.append(LayerShare(name="(others)", what="layer", fractions=sums))
    return kept, len(rest)
