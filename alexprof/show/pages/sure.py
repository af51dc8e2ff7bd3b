"""How sure is it? What makes numbers unsure, and what was not measured."""

from __future__ import annotations

from alexprof.show.document import Lead, Section
from alexprof.show.pages.view import PageView
from alexprof.show.sections.brief import finding_block


def sure_page(view: PageView) -> Section:
    """Makes the page."""
    findings = tuple(finding_block(view, finding) for finding in view.findings)
    return Section("How sure is it?", "", findings or (Lead("Nothing stands out."),))
