"""The pages of the dashboard and of the HTML report: each asks one question and answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from alexprof.show.document import Figure, Section
    from alexprof.show.pages.view import PageView


@dataclass(frozen=True)
class Page:
    """A page: to add one, add a file next to this one and an entry below."""

    label: str  # Its tab
    maker: str  # Module and function that make it
    variant: Literal["one", "both"] = "both"  # Whether it is about one variant or all of them
    unit: bool = True  # Whether its times can be shown as percent of the step

    def make(self, view: PageView) -> Section:
        """Makes the page."""
        module, _, function = self.maker.partition(":")
        maker: Callable[[PageView], Section] = getattr(
            import_module(f"alexprof.show.pages.{module}"), function
        )
        return maker(view)


def first_figure(view: PageView) -> Figure:
    """The first chart of the first page: every step in the order it ran.

    Raises:
        UsageError: If nothing was timed or traced.
    """
    from alexprof.errors import UsageError
    from alexprof.show.pages.cost import step_figures

    figure = next(step_figures(view), None)
    if figure is None:
        raise UsageError(f"{view.run.run} has no steps to draw")
    return figure


PAGES = {
    "cost": Page("Cost", "cost:cost_page"),
    "where": Page("Where", "where:where_page", "one"),
    "win": Page("Win", "win:win_page"),
    "changed": Page("Changed", "changed:changed_page", unit=False),
    "when": Page("When", "when:when_page", "one", unit=False),
    "sure": Page("Limits", "sure:sure_page", unit=False),
}
"""The pages by name, in their order."""
