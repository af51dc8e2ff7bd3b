"""When does it run? Timelines of steps."""

from __future__ import annotations

from alexprof.show.document import Lanes, Section
from alexprof.show.pages.view import PageView


def when_page(view: PageView) -> Section:
    """Makes the page."""
    lanes = Lanes("A traced step", "", ((view.variant, view.key, view.choices.step),))
    return Section("When does it run?", "", (lanes,))
