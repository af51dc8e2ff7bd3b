"""Reports of a run: the short one, and the full one with its sections in their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from alexprof.errors import check_name
from alexprof.plain_text import shell_words
from alexprof.record.run import Run
from alexprof.show.document import Document, Lead, Section, Table, Warn
from alexprof.show.numbers import unit
from alexprof.show.options import ReportOptions
from alexprof.show.reason_texts import stopped_text
from alexprof.show.sections import where, win
from alexprof.show.sections.brief import MOST, Size, brief_section, finding_block, loop_time
from alexprof.show.sections.timed import cost_section
from alexprof.show.text import plural
from alexprof.show.view import View

_OF_A_PHASE: dict[str, Callable[[View, str], Section | None]] = {
    "where": where.where_section,
    "win": win.win_section,
}
FINDINGS = "findings"
SECTIONS = ("cost", *_OF_A_PHASE, FINDINGS, *where.TABLES, *win.TABLES)
"""What `--section` may name: whole sections, and tables in them."""


def make_document(run: Run, options: ReportOptions, size: Size = MOST) -> Document:
    """Makes the report that is asked for; the short one is of at most that size.

    Raises:
        UsageError: If the run lacks the variant, phase or section.
    """
    options.check(run)
    view = View(run, options)
    sections = list(_full(view)) if options.whole else [brief_section(view, size)]
    if not run.complete:
        why = Warn(f"Incomplete: {stopped_text(run.stopped)}")
        sections.insert(0, Section("", "", (why,)))
    return Document(
        name=run.run,
        status=status(run) if options.whole or not run.complete else "",
        facts=facts(run),
        sections=tuple(sections),
        commands=tuple(_commands(view)),
    )


def _commands(view: View) -> Iterator[str]:
    """How to see more of a run that lies on disk."""
    place, whole = view.run.place, view.options.whole
    if place is not None and not whole:
        yield f"Details: alexprof report {_shell_path(place)} --full"
    if place is not None and not view.run.is_trace:
        what = "Each step, the graph and the trace itself" if whole else "Charts"
        yield f"{what}: tensorboard --logdir {_shell_path(place.parent)}"


def _shell_path(path: Path) -> str:
    """A path for a command; relative to the current folder if it is in it."""
    with suppress(OSError, ValueError):  # that folder may be gone
        path = path.relative_to(Path.cwd())
    return shell_words(str(path))


def status(run: Run) -> str:
    """Whether everything asked for was done, in a word."""
    return "complete" if run.complete else "incomplete"


def facts(run: Run) -> tuple[str, ...]:
    """What a run ran on: processor, software, batch, accelerators."""
    machine = run.machine
    if machine is None:
        return ("a trace without a record of the machine",)
    software = machine.software
    onednn = {True: ", oneDNN", False: ", no oneDNN", None: ""}[software.onednn]
    processor = machine.host.processor or "processor not known"
    batch = run.workload.settings.get("batch_size") if run.workload else None
    devices = Counter(device.description for device in machine.accelerators)
    accelerators = [f"{number} × {name}".removeprefix("1 × ") for name, number in devices.items()]
    return (
        f"{processor}, {plural(machine.host.cores, 'core')}",
        f"{unit('TensorFlow', software.tensorflow)}{onednn}",
        *([] if batch is None else [unit("batch", str(batch))]),
        ", ".join(accelerators) or "no accelerator",
    )


def _full(view: View) -> Iterator[Section]:
    """The sections of the name asked for, or those with tables of that name, and these alone."""
    part = view.options.section
    if part is not None:
        check_name("section", part, SECTIONS)
    shown = []
    if part is None and view.outside:
        shown.append(Section("", "", (Lead(loop_time(view.outside)),)))
    for name, section in _sections(view):
        tables = [
            block for block in section.texts if isinstance(block, Table) and block.part == part
        ]
        if part in (None, name):
            shown.append(section)
        elif tables:
            shown.append(replace(section, blocks=tuple(tables)))
    if part in (None, FINDINGS) and (findings := _findings(view)):
        shown.append(findings)
    nothing = Lead(f"This run has nothing to show for {part or 'any section'}.")
    yield from shown or [Section("", "", (nothing,))]


def _sections(view: View) -> Iterator[tuple[str, Section]]:
    if not view.run.is_trace:
        yield "cost", cost_section(view)
    for name, make in _OF_A_PHASE.items():
        for key in view.phases:
            if section := make(view, key):
                yield name, section


def _findings(view: View) -> Section | None:
    """All findings, the most harmful first."""
    findings = tuple(finding_block(view, finding) for finding in view.findings)
    return Section("What to know", "", findings) if findings else None
