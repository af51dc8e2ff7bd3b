"""What does a step cost? Timed steps of each variant, and what leaving ops out saves."""

from __future__ import annotations

from alexprof.show.document import Section
from alexprof.show.pages.view import PageView
from alexprof.show.sections.timed import cost_section


def cost_page(view: PageView) -> Section:
    """Makes the page."""
    return cost_section(view)
