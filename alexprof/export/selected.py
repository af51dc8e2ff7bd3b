"""What is exported of a run: some phases of some variants, with their tables and timelines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from alexprof.errors import RunError, check_name
from alexprof.record.parquet import COSTS_FILE, Tables
from alexprof.record.phase import Phase
from alexprof.record.run import Run

if TYPE_CHECKING:
    import polars as pl

    from alexprof.attribute.lanes import Timeline


class Place(NamedTuple):
    """A phase of a variant."""

    variant: str
    key: str
    phase: Phase

    @property
    def label(self) -> str:
        """Both names, for other programs."""
        return f"{self.variant} {self.key}"


@dataclass(frozen=True)
class Selected:
    """What is exported."""

    run: Run
    tables: Tables
    variant: str | None = None  # The only variant; None takes all
    key: str | None = None  # The only phase; None takes all

    def __post_init__(self) -> None:
        if self.variant is not None:
            check_name("variant", self.variant, self.run.variants, f" in run {self.run.run}")
        if self.key is not None:
            check_name("phase", self.key, self.run.phase_keys, f" in run {self.run.run}")

    def places(self) -> Iterator[Place]:
        """The phases that were traced.

        Raises:
            RunError: If none was.
        """
        count = 0
        for variant, key, phase in self.run.all_phases():
            is_chosen = self.variant in (None, variant) and self.key in (None, key)
            if is_chosen and phase.attribution is not None:
                count += 1
                yield Place(variant, key, phase)
        if not count:
            raise RunError(
                f"{self.run.run} has no traced steps to export: trace some with --trace-steps"
            )

    def costs(self) -> pl.DataFrame:
        """The rows of `costs.parquet`; a RunError if the table is missing or damaged."""
        import polars as pl

        costs = self.tables.costs
        if costs is None:
            raise RunError(f"{self.run.run} has no {COSTS_FILE}: no phase of it was traced")
        places = pl.DataFrame(
            [(place.variant, place.key) for place in self.places()],
            schema={"variant": pl.String, "phase": pl.String},
            orient="row",
        )
        return costs.join(places, on=["variant", "phase"], how="semi", maintain_order="left")

    def timelines(self) -> Iterator[tuple[Place, Timeline]]:
        """The events of each phase; errors are those of `load_timeline`."""
        from alexprof.analysis.timelines import load_timeline

        for place in self.places():
            yield place, load_timeline(self.run, place.variant, place.key)
