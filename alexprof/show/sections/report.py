"""The whole report: which sections there are, in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from alexprof.record.run import Run
from alexprof.show.document import Document, Lead, Section, Table
from alexprof.show.fit import clean
from alexprof.show.options import SECTIONS, ReportOptions
from alexprof.show.sections.cost import cost_section
from alexprof.show.sections.header import banner, facts, status
from alexprof.show.sections.where import where_section
from alexprof.show.sections.win import win_section
from alexprof.show.view import View

FOOTER = "Each step, the graph and the trace itself: tensorboard --logdir LOGDIR."


def _chosen(sections: list[Section], part: str | None) -> Iterator[Section]:
    """The sections of a name; or those with tables of that name, and these tables alone."""
    for section in sections:
        if part in (None, section.part):
            yield section
        else:
            tables = [one for one in section.blocks if isinstance(one, Table) and one.part == part]
            if tables:
                yield replace(section, blocks=tuple(tables))


def _nothing(part: str | None) -> Section:
    what = SECTIONS.get(part or "", "anything")
    return Section("", "", (Lead(f"This run has nothing of that: {what}."),))


def make_report(run: Run, options: ReportOptions) -> Document:
    """Makes the document that text, Markdown and HTML draw.

    Raises:
        UsageError: If the run has no such variant or phase.
    """
    options.check(run)
    view = View(run, options)
    sections = [] if view.trace_alone else [cost_section(view)]
    for make in (where_section, win_section):
        sections += [made for key in view.phases if (made := make(view, key))]
    return Document(
        name=clean(run.run),
        status=status(run),
        facts=facts(run),
        banner=banner(run),
        sections=tuple(_chosen(sections, options.section)) or (_nothing(options.section),),
        footer="" if view.trace_alone else FOOTER,
    )
