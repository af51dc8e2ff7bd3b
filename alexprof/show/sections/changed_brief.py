"""What changed, on one screen: the verdict of each phase first, then the layers that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from alexprof.analysis.changes import Change, GroupRecord, RunComparison
from alexprof.show.comparison_texts import caveat_text
from alexprof.show.document import Block, Lead, Note, Section, Table, Warn
from alexprof.show.sections.changed import (
    change_table,
    key_of,
    label,
    phase_blocks,
    rank,
    same_results,
)
from alexprof.show.text import clean

LAYERS_SHOWN = 4
NOTES_SHOWN = 2


def brief_section(comparison: RunComparison) -> Section:
    """The short form of a comparison; it stops after the reasons where nothing can be told."""
    return Section("", "", tuple(_blocks(comparison)))


def _blocks(comparison: RunComparison) -> Iterator[Block]:
    if not comparison.comparable:
        yield Lead("They can’t be compared: a difference may not be the program’s doing.")
        yield from (Warn(f"{caveat_text(caveat)}.") for caveat in comparison.why_not)
        return
    for other in comparison.others:
        yield from _changes(comparison, other)
    if text := same_results(comparison):
        yield Note(text)
    yield from (Note(f"{caveat_text(caveat)}.") for caveat in comparison.notes[:NOTES_SHOWN])


def _changes(comparison: RunComparison, other: GroupRecord) -> Iterator[Block]:
    changes = [change for change in comparison.differences if change.b == other.name]
    phases = [change for change in changes if change.level == "phase"]
    phases.sort(key=lambda change: rank(key_of(change), comparison.a))
    several = len(comparison.others) > 1
    for block in phase_blocks(phases, comparison.a):
        if isinstance(block, Lead) and several:
            yield Lead(f"{clean(other.name)}: {block.text}")
        else:
            yield block
    for phase in () if several else phases:
        table = _layers(phase, changes, comparison.a) if phase.difference.significant else None
        if table:
            yield table


def _layers(phase: Change, changes: Sequence[Change], a: GroupRecord) -> Table | None:
    """The layers of a phase that changed, largest first; None where none can be told."""
    named = [
        (clean(change.name), change)
        for change in changes
        if change.level == "layer"
        and change.difference.significant
        and key_of(change) == key_of(phase)
    ]
    if not named:
        return None
    table = change_table(named, (), "layer", most=LAYERS_SHOWN)
    return replace(table, title=f"Layers that changed, {label(key_of(phase), a)}")
