"""Name, state and machine: what has to be known before any number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from alexprof.record.run import MachineRecord, Run
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
        banner=_banner(run),
        sections=tuple(sections),
        footer=footer,
    )


def _banner(run: Run) -> str:
    """Where an incomplete run stopped; "" for a complete one."""
    if run.complete:
        return ""
    return f"incomplete: {stopped_text(run.stopped)}"


def _facts(run: Run) -> tuple[str, ...]:
    """Processor, software, batch, accelerators."""
    machine = run.machine
    if machine is None:
        return ("a trace alone: where it was taken is not recorded",)
    host = f"{clean(machine.host.processor) or 'processor not known'}, "
    texts = [host + plural(machine.host.cores, "core"), _software(machine)]
    batch = run.workload.settings.get("batch_size") if run.workload else None
    if batch is not None:
        texts.append(unit("batch", str(batch)))
    return (*texts, _accelerators(machine))


def _software(machine: MachineRecord) -> str:
    software = machine.software
    onednn = {True: ", oneDNN", False: ", no oneDNN", None: ""}[software.onednn]
    return f"{unit('TensorFlow', clean(software.tensorflow))}{onednn}"


def _accelerators(machine: MachineRecord) -> str:
    if not machine.accelerators:
        return "no accelerator"
    names = Counter(clean(device.description) for device in machine.accelerators)
    return ", ".join(
        name if number == 1 else f"{number} × {name}" for name, number in names.items()
    )
