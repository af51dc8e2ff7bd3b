"""Warnings of what went on beside the timed steps, where it matters."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.analysis.interference import interference_notes
from alexprof.show.note_texts import note_text
from alexprof.show.sections.gpu_speed import gpu_speed_warnings, on_gpu
from alexprof.show.view import View, sentence_case


def interference_warnings(view: View) -> Iterator[str]:
    """A line for each thing that interfered with a phase; once for variants that took turns."""
    for key in view.phases:
        labels_of: dict[str, list[str]] = {}
        for name in view.run.variants:
            phase = view.phase(name, key)
            if phase is not None and phase.timed is not None and phase.interference is not None:
                on_host = not on_gpu(phase)
                for note in interference_notes(phase.interference, host_clock=on_host):
                    if on_host or not note.code.startswith("gpu"):
                        labels_of.setdefault(note_text(note), []).append(view.variant_label(name))
        for text, labels in labels_of.items():
            whose = "" if len(labels) == len(view.run.variants) else f", {' and '.join(labels)}"
            yield f"{sentence_case(view.phase_label(key))}{whose}: {text}"
        yield from gpu_speed_warnings(view, key)
