"""What a run is compared with: a variant of its own, or another run of the logdir."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from alexprof.analysis.selection import Selection
from alexprof.errors import UsageError, check_name
from alexprof.show.pages.view import PageView, Source


class Compared(NamedTuple):
    """A, what was before, and B; what is chosen against the run that is looked at."""

    a: Selection
    b: Selection
    against: str


def selections_of(view: PageView) -> Compared | None:
    """What to compare: as chosen, else the first two variants, else the run before it.

    Variants stand in the run's order, its first before another; runs by when they began.

    Returns:
        None for a run with one variant, where no other is chosen and none of its workload ran
        before it.

    Raises:
        UsageError: If what is chosen names nothing.
        RunError: If the other run is damaged.
    """
    against = view.choices.against or _usual(view)
    if not against:
        return None
    run_name, _, variant = against.rpartition(":")
    if against in view.run.variants or run_name == view.name:
        return _variants(view, against if against in view.run.variants else variant)
    others = {other.name: other for other in view.others}
    if against in others:
        return _runs(view, others[against].load(), against, None)
    if run_name in others:
        return _runs(view, others[run_name].load(), against, variant)
    raise UsageError(
        f"nothing is called {against!r} here: name a variant of {view.name}, or another run"
    )


def _usual(view: PageView) -> str:
    """The second variant; of a run with one the run of the same workload before it."""
    if len(view.run.variants) > 1:
        return list(view.run.variants)[1]
    workload = view.run.workload.name if view.run.workload else ""
    before = [
        other
        for other in view.others
        if workload and other.workload == workload and other.started < view.run.started
    ]
    return max(before, key=lambda other: other.started).name if before else ""


def _variants(view: PageView, variant: str) -> Compared | None:
    names = list(view.run.variants)
    check_name("variant", variant, tuple(names), f" in run {view.name}")
    if len(names) < 2:
        return None
    first, second = (names[0], variant) if variant != names[0] else (names[1], variant)
    source, folder = Source(view.run, view.tables), _folder(view.run.place, view.name)
    a, b = (Selection(folder, source.run, name, source.tables) for name in (first, second))
    return Compared(a, b, variant)


def _runs(view: PageView, other: Source, against: str, variant: str | None) -> Compared:
    """The older run first; a variant that is named stands beside the same one, or the one shown."""
    if variant is not None:
        check_name("variant", variant, tuple(other.run.variants), f" in run {other.run.run}")
    own = None
    if variant is not None:
        own = variant if variant in view.run.variants else view.variant
    mine = Selection(_folder(view.run.place, view.name), view.run, own, view.tables)
    theirs = Selection(_folder(other.run.place, against), other.run, variant, other.tables)
    in_order = (mine, theirs) if view.run.started < other.run.started else (theirs, mine)
    return Compared(*in_order, against)


def _folder(place: Path | None, name: str) -> Path:
    """Where a run is; one that can't be reached has a name of its own all the same."""
    return place if place is not None else Path(name)
