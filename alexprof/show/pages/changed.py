"""What changed? Two runs or variants beside each other."""

from __future__ import annotations

from alexprof.show.document import Lead, Section
from alexprof.show.pages.view import PageView


def changed_page(view: PageView) -> Section:
    """Makes the page."""
    return Section("What changed?", "", (Lead(f"Choose what to compare {view.run.run} with."),))
