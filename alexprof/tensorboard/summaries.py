"""A `Run` to TensorBoard's event files: scalars, histograms, graph, run metadata, HParams, text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto.event_pb2 import Event, TaggedRunMetadata
from tensorboard.plugins.histogram.summary_v2 import histogram_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb

from alexprof.record.phase import Phase
from alexprof.record.run import Run
from alexprof.tensorboard import hparams
from alexprof.tensorboard.compute_times import with_shares
from alexprof.tensorboard.events import write_event_file
from alexprof.tensorboard.scalars import Samples, Series, TracedSteps, all_series


def write_variant_events(
    folder: Path,
    run: Run,
    variant: str,
    samples: Mapping[str, Samples],
    *,
    traced: Mapping[str, TracedSteps] | None = None,
    graph: bytes | None = None,
    run_metadata: Mapping[str, bytes] | None = None,
    text: Mapping[str, str] | None = None,
) -> Path:
    """Writes what is known of a variant for TensorBoard, in the place of what was written before.

    TensorFlow is not imported.

    Args:
        folder: TensorBoard's run, `<run>/<variant>`.
        run: The run, which may be incomplete.
        variant: Which of its variants.
        samples: The timed steps by phase.
        traced: The traced steps by phase.
        graph: Serialized `GraphDef`.
        run_metadata: By phase, serialized `RunMetadata`.
        text: By tag, Markdown for the Text tab.

    Returns:
        The event file; a RunError if it can't be written.
    """
    run_metadata, text = run_metadata or {}, text or {}
    phases = run.variants[variant].phases if variant in run.variants else {}
    started_s = datetime.fromisoformat(run.started).timestamp()
    ended_s = max(
        [
            started_s,
            *(float(sample.wall_time_s[-1]) for sample in samples.values() if len(sample.steps)),
        ]
    )
    events = (
        *_graphs(graph, run_metadata, phases, started_s),
        *(
            Event(wall_time=started_s, summary=summary)
            for summary in hparams.summaries(run, variant, started_s, ended_s)
        ),
        *_texts(text, set(run_metadata), ended_s),
        *(
            event
            for series in all_series(run, variant, samples, traced or {}, started_s)
            for event in _scalars(series)
        ),
        *_histograms(samples),
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
        shown = with_shares(content, phases[key]) if key in phases else content
        tagged = TaggedRunMetadata(tag=key, run_metadata=shown)
        yield Event(wall_time=wall_time_s, tagged_run_metadata=tagged)


def _texts(text: Mapping[str, str], taken: set[str], wall_time_s: float) -> Iterator[Event]:
    for tag, markdown in text.items():
        # TensorBoard shows one thing of a tag; a phase may be called like a text.
        free = f"{tag}/text" if tag in taken else tag
        yield Event(wall_time=wall_time_s, summary=text_pb(free, markdown))


def _scalars(series: Series) -> Iterator[Event]:
    description: str | None = series.description
    columns = (series.steps.tolist(), series.values.tolist(), series.wall_time_s.tolist())
    for step, value, wall_time_s in zip(*columns, strict=True):
        summary = scalar_pb(series.tag, value, description)
        yield Event(wall_time=wall_time_s, step=step, summary=summary)
        description = None  # TensorBoard keeps the first


def _histograms(samples: Mapping[str, Samples]) -> Iterator[Event]:
    """Histograms of stretches of the run: the Distributions tab shows nothing of a single one."""
    meaning = (
        "Milliseconds. Durations of the timed steps, up to ten equal parts of the run in order."
    )
    for phase, some in samples.items():
        for part in _parts(len(some.steps)):
            last = part[-1]
            tag, values = f"{phase}/step_time_histogram_ms", some.seconds[part] * 1e3
            yield Event(
                wall_time=float(some.wall_time_s[last]),
                step=int(some.steps[last]),
                summary=histogram_pb(tag, values, description=meaning),
            )


def _parts(steps: int) -> list[NDArray[np.intp]]:
    """Indices of the steps in parts of about ten: two parts at least, ten at most."""
    if steps == 0:
        return []
    return np.array_split(np.arange(steps), min(steps, max(2, min(10, steps // 10))))
