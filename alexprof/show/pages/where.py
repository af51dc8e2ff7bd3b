"""Where does it go? The traced step divided among layers, passes and ops."""

from __future__ import annotations

from alexprof.show.document import Section
from alexprof.show.pages.view import PageView
from alexprof.show.sections.where import where_section


def where_page(view: PageView) -> Section:
    """Makes the page."""
    return where_section(view, view.key)
