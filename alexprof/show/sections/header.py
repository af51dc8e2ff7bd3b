"""Name, state and machine: what has to be known before any number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from alexprof.record.run import Run
from alexprof.show.document import Document, Section
from alexprof.show.note_texts import stopped_text
from alexprof.show.numbers import unit
from alexprof.show.text import clean, plural


def status(run: Run) -> str:
    """Whether everything asked for was done, in a word."""
    return "complete" if run.complete else "incomplete"


def document(run: Run, sections: Iterable[Section], footer: str, status: str = "") -> Document:
    """A report of a run: its head, sections and a last line."""
    return Document(
        name=clean(run.run),
        status=status,
        facts=_facts(run),
        banner="" if run.complete else f"incomplete: {stopped_text(run.stopped)}",
        sections=tuple(sections),
        footer=footer,
    )


def _facts(run: Run) -> tuple[str, ...]:
    """Processor, software, batch, accelerators."""
    machine = run.machine
    if machine is None:
        return ("a trace alone: where it was taken is not recorded",)
    software = machine.software
    onednn = {True: ", oneDNN", False: ", no oneDNN", None: ""}[software.onednn]
    host = f"{clean(machine.host.processor) or 'processor not known'}, "
    batch = run.workload.settings.get("batch_size") if run.workload else None
    devices = Counter(clean(device.description) for device in machine.accelerators)
    accelerators = [
        name if number == 1 else f"{number} × {name}" for name, number in devices.items()
    ]
    return (
        host + plural(machine.host.cores, "core"),
        f"{unit('TensorFlow', clean(software.tensorflow))}{onednn}",
        *([] if batch is None else [unit("batch", str(batch))]),
        ", ".join(accelerators) or "no accelerator",
    )
