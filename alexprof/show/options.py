"""What a reader may choose of a report."""

from __future__ import annotations

from dataclasses import dataclass

from alexprof.errors import UsageError
from alexprof.record.run import Run

LEAST_WIDTH = 40
MOST_WIDTH = 100
SECTIONS = {
    "cost": "timed steps",
    "where": "all of the traced steps",
    "layers": "the step divided among layers",
    "ops": "the most expensive ops",
    "kernels": "a GPU’s kernels",
    "copies": "a GPU’s copies",
    "launches": "launches of a launch-bound step, by layer",
    "win": "all of what leaving ops out saves",
    "ablation": "a measured saving, taken apart",
    "predictions": "predicted savings",
}
"""What `--section` may name: whole sections of the full report, and tables in them."""


@dataclass(frozen=True)
class ReportOptions:
    """What to show and how wide.

    Attributes:
        width: Columns of the terminal; a report takes at least 40.
        color: Whether to colour the text; it is complete without.
        variant: The variant to look into; None takes the run's first.
        phase: The only phase to show; None shows all.
        top: How many of the most expensive ops to list.
        full: Whether to show everything, and not one screen.
        section: The only part to show, one of `SECTIONS`; None shows all.
        again: The command that shows this run, for the last line; "" makes it of the run's name.
        logdir: Where the run lies, for the command that starts TensorBoard; "" leaves it open.

    Raises:
        UsageError: If a number is out of range.
    """

    width: int = 80
    color: bool = False
    variant: str | None = None
    phase: str | None = None
    top: int = 10
    full: bool = False
    section: str | None = None
    again: str = ""
    logdir: str = ""

    def __post_init__(self) -> None:
        if self.top < 0:
            raise UsageError(f"the number of ops to list must be at least 0, not {self.top}")
        if self.section is not None and self.section not in SECTIONS:
            raise UsageError(f"no section {self.section!r}: there are {', '.join(SECTIONS)}")

    def check(self, run: Run) -> None:
        """Makes sure that the run has that variant and phase.

        Raises:
            UsageError: If it hasn't.
        """
        variants = tuple(run.variants)
        phases = tuple(dict.fromkeys(key for one in run.variants.values() for key in one.phases))
        _check("variant", self.variant, variants, run.run)
        _check("phase", self.phase, phases, run.run)


def text_width(options: ReportOptions) -> int:
    """Cells of a line of text: as many as asked for, but 40 at least and 100 at most."""
    return max(LEAST_WIDTH, min(options.width, MOST_WIDTH))


def _check(what: str, name: str | None, known: tuple[str, ...], run: str) -> None:
    if name is None or name in known:
        return
    there_is = f"it has {', '.join(known)}" if known else "it has none"
    raise UsageError(f"no {what} {name!r} in run {run}: {there_is}")
