"""The whole report: which sections there are, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from msgspec import structs

from alexprof.analysis.findings import findings_of
from alexprof.errors import check_name
from alexprof.record.run import Run
from alexprof.show.document import Document, Lead, Section, Table, Warn
from alexprof.show.finding_texts import TEMPLATES, finding_text
from alexprof.show.note_texts import note_text
from alexprof.show.options import ReportOptions
from alexprof.show.sections import where, win
from alexprof.show.sections.cost import cost_section
from alexprof.show.view import View, document, status

FOOTER = "Each step, the graph and the trace itself: tensorboard --logdir LOGDIR."
_OF_A_PHASE: dict[str, Callable[[View, str], Section | None]] = {
    "where": where.where_section,
    "win": win.win_section,
}
FINDINGS = "findings"
SECTIONS = ("cost", *_OF_A_PHASE, FINDINGS, *where.TABLES, *win.TABLES)
"""What `--section` may name: whole sections, and tables in them."""


def make_report(run: Run, options: ReportOptions) -> Document:
    """Makes the whole report; a UsageError if the run lacks the variant, phase or section."""
    options.check(run)
    if options.section is not None:
        check_name("section", options.section, SECTIONS)
    view = View(run, options)
    sections = list(_chosen(view, options.section))
    if options.section in (None, FINDINGS) and (rest := _other_findings(view, sections)):
        sections.append(rest)
    sections = sections or [_nothing(options.section)]
    return document(run, sections, "" if view.trace_alone else FOOTER, status(run))


def _sections(view: View) -> Iterator[tuple[str, Section]]:
    if not view.trace_alone:
        yield "cost", cost_section(view)
    for name, make in _OF_A_PHASE.items():
        for key in view.phases:
            if section := make(view, key):
                yield name, section


def _chosen(view: View, part: str | None) -> Iterator[Section]:
    """The sections of a name; or those with tables of that name, and these tables alone."""
    for name, section in _sections(view):
        tables = [
            block for block in section.blocks if isinstance(block, Table) and block.part == part
        ]
        if part in (None, name):
            yield section
        elif tables:
            yield replace(section, blocks=tuple(tables))


def _other_findings(view: View, sections: list[Section]) -> Section | None:
    """The findings that no section shows beside what they are about, the most harmful first."""
    shown = "\n".join(
        block.text for section in sections for block in section.blocks if isinstance(block, Warn)
    )
    rest: dict[str, None] = {}
    for whole in findings_of(view.run):
        phases = tuple(key for key in whole.phases if key in view.phases)
        if whole.phases and not phases:
            continue
        finding = structs.replace(whole, phases=phases)
        text = finding_text(view, finding)
        # Beside what it is about, it stands without a phase and variant in front.
        bare = note_text(finding) if isinstance(TEMPLATES[finding.code], str) else text
        if bare[1:] not in shown:
            rest[text] = None
    return Section("What else to know", "", tuple(map(Warn, rest))) if rest else None


def _nothing(part: str | None) -> Section:
    return Section("", "", (Lead(f"This run has nothing to show of {part or 'anything'}."),))
