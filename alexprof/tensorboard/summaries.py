"""A `Run` to TensorBoard's event files: scalars, histograms, graph, run metadata, HParams, text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, TaggedRunMetadata
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb

from alexprof.record.phase import Phase
from alexprof.record.run import Run
from alexprof.tensorboard import hparams
from alexprof.tensorboard.compute_times import with_shares
from alexprof.tensorboard.events import graphs_before, write_event_file
from alexprof.tensorboard.scalars import Series, TimedSteps, all_series

if TYPE_CHECKING:
    import polars as pl


def write_variant_events(
    folder: Path,
    run: Run,
    variant: str,
    report: str,
    *,
    timed: Mapping[str, TimedSteps],
    costs: Mapping[tuple[str, str], pl.DataFrame],
    graph: bytes | None = None,
    run_metadata: Mapping[str, bytes] | None = None,
    dashboard: Summary | None = None,
) -> Path:
    """Writes what is known of a variant for TensorBoard, in the place of what was written before.

    TensorFlow is not imported.

    Args:
        folder: TensorBoard's run, `<run>/<variant>`.
        run: The run, which may be incomplete.
        variant: Which of its variants.
        report: Markdown for the Text tab.
        timed: The timed steps by phase.
        costs: The tables of costs by variant and phase.
        graph: Serialized `GraphDef`.
        run_metadata: Serialized `RunMetadata`, by phase. If this is empty and there is no graph,
            those in the earlier file are kept.
        dashboard: What the dashboard reads of the run; None in all variants but one.

    Returns:
        The event file; a RunError if it can't be written.
    """
    run_metadata = run_metadata or {}
    started_s = datetime.fromisoformat(run.started).timestamp()
    ended_s = max([started_s, *(float(steps.wall_time_s[-1]) for steps in timed.values())])
    # TensorBoard shows one thing of a tag; a phase may be called like the text.
    graphs = tuple(_graphs(graph, run_metadata, run.variants[variant].phases, started_s))
    graphs = graphs or graphs_before(folder)
    tags = {event.tagged_run_metadata.tag for event in graphs}
    tag = "report/text" if "report" in tags else "report"
    events = (
        *graphs,
        *(
            Event(wall_time=started_s, summary=summary)
            for summary in hparams.summaries(run, variant, started_s, ended_s)
        ),
        Event(wall_time=ended_s, summary=text_pb(tag, report)),
        *([] if dashboard is None else [Event(wall_time=ended_s, summary=dashboard)]),
        *(
            event
            for series in all_series(run, variant, timed, costs, started_s)
            for event in _scalars(series)
        ),
        *_histograms(timed),
    )
    return write_event_file(folder, events)


def _graphs(
    graph: bytes | None,
    run_metadata: Mapping[str, bytes],
    phases: Mapping[str, Phase],
    wall_time_s: float,
) -> Iterator[Event]:
    if graph is not None:
        yield Event(wall_time=wall_time_s, graph_def=graph)
    for key, content in run_metadata.items():
        tagged = TaggedRunMetadata(tag=key, run_metadata=with_shares(content, phases[key]))
        yield Event(wall_time=wall_time_s, tagged_run_metadata=tagged)


def _scalars(series: Series) -> Iterator[Event]:
    description: str | None = series.description
    columns = (series.steps.tolist(), series.values.tolist(), series.wall_time_s.tolist())
    for step, value, wall_time_s in zip(*columns, strict=True):
        summary = scalar_pb(series.tag, value, description)
        yield Event(wall_time=wall_time_s, step=step, summary=summary)
        description = None  # TensorBoard keeps the first


def _histograms(timed: Mapping[str, TimedSteps]) -> Iterator[Event]:
    """Histograms of the run in order, of about ten steps each: at most ten, of two steps two.

    The Distributions tab shows nothing of a single one.
    """
    meaning = (
        "Milliseconds. Durations of the timed steps, up to ten equal parts of the run in order."
    )
    for phase, steps in timed.items():
        count = len(steps.steps)
        for part in np.array_split(np.arange(count), min(count, max(2, min(10, count // 10)))):
            last = part[-1]
            tag, values = f"{phase}/step_time_histogram_ms", steps.seconds[part] * 1e3
            yield Event(
                wall_time=float(steps.wall_time_s[last]),
                step=int(steps.steps[last]),
                summary=histogram_pb(tag, values, description=meaning),
            )
