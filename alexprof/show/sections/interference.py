"""Warnings of what went on beside the timed steps, where it matters."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.analysis.interference_clauses import findings
from alexprof.show.sections.gpu_speed import gpu_speed_warnings, on_gpu
from alexprof.show.view import View, sentence_case


def interference_warnings(view: View) -> Iterator[str]:
    """A line for each thing that interfered with a phase; once for variants that took turns."""
    for key in view.phases:
        said: dict[str, list[str]] = {}
        for name in view.run.variants:
            phase = view.phase(name, key)
            if phase is not None and phase.timed is not None and phase.interference is not None:
                for text in findings(phase.interference, speed=not on_gpu(phase)):
                    said.setdefault(text, []).append(view.variant_label(name))
        for text, labels in said.items():
            whose = "" if len(labels) == len(view.run.variants) else f", {' and '.join(labels)}"
            yield f"{sentence_case(view.phase_label(key))}{whose}: {text}."
        yield from gpu_speed_warnings(view, key)
