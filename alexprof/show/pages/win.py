"""What would I win? What leaving ops out saves: measured, attributed and predicted."""

from __future__ import annotations

from alexprof.show.document import Lead, Section
from alexprof.show.pages.view import PageView
from alexprof.show.sections.win import win_section


def win_page(view: PageView) -> Section:
    """Makes the page."""
    section = win_section(view, view.key)
    return section or Section("What would I win?", "", (Lead("Nothing was left out."),))
