"""Writes TensorBoard's event files from a run on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from alexprof.record.run import Run

if TYPE_CHECKING:
    import polars as pl

    from alexprof.tensorboard.payload import DashboardSummary


@dataclass
class VariantFiles:
    """What TensorBoard shows of a variant that is not in the record."""

    graph: bytes | None = None  # Serialized GraphDef
    run_metadata: dict[str, bytes] = field(default_factory=dict)  # Serialized RunMetadata, by phase


def write_events(run: Run, files: Mapping[str, VariantFiles] | None = None) -> tuple[Path, ...]:
    """Writes the event files of a run's variants, and replaces earlier ones.

    Args:
        run: The run, which has a folder.
        files: Graph and run metadata by variant; if there are none, those in the earlier event
            files are kept.

    Returns:
        The event files.

    Raises:
        RunError: If a table is missing or damaged, or a file can't be written.
    """
    from alexprof.show.options import ReportOptions
    from alexprof.show.outputs import render
    from alexprof.tensorboard.scalars import timed_steps
    from alexprof.tensorboard.summaries import write_variant_events

    assert run.place is not None
    steps, costs = _tables(run, run.place)
    started_s = datetime.fromisoformat(run.started).timestamp()
    paths: list[Path] = []
    for name, variant in run.variants.items():
        held = (files or {}).get(name, VariantFiles())
        timed = {} if steps is None else timed_steps(steps, name, started_s)
        path = write_variant_events(
            run.place / name,
            run,
            name,
            render(run, "markdown", ReportOptions(variant=name)),
            # The tables of a killed run may have a phase that its record lacks.
            timed={phase: rows for phase, rows in timed.items() if phase in variant.phases},
            costs=costs,
            graph=held.graph,
            run_metadata=held.run_metadata,
            dashboard=None if paths else _dashboard(run, run.place),
        )
        paths.append(path)
    return tuple(paths)


def _dashboard(run: Run, folder: Path) -> DashboardSummary:
    from alexprof.show.options import ReportOptions
    from alexprof.show.sections.brief import answers
    from alexprof.show.view import View
    from alexprof.tensorboard.payload import encode, head_of

    view = View(run, ReportOptions())
    labels = [view.phase_label(key) for key in view.phases]
    return encode(run, folder, head_of(run, " ".join(answers(view)), labels))


def _tables(
    run: Run, folder: Path
) -> tuple[pl.DataFrame | None, dict[tuple[str, str], pl.DataFrame]]:
    """The table of steps, and the costs by variant and phase, if the run has them."""
    from alexprof.record.parquet import COSTS_FILE, STEPS_FILE, load_costs, load_steps

    has = {
        name: name in run.tables or (folder / name).exists() for name in (STEPS_FILE, COSTS_FILE)
    }
    steps = load_steps(folder, run) if has[STEPS_FILE] else None
    if not has[COSTS_FILE]:
        return steps, {}
    places = load_costs(folder, run).partition_by("variant", "phase", as_dict=True)
    return steps, {(str(variant), str(phase)): rows for (variant, phase), rows in places.items()}
