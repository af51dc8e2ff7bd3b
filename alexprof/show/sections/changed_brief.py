"""What changed, on one screen: the verdict of each phase first, then the layers that changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from alexprof.analysis.changes import Change, RunComparison, SideRecord
from alexprof.show.document import Block, Lead, Note, Section, Table, Warn
from alexprof.show.sections.changed import (
    change_table,
    is_called,
    key_of,
    label,
    phase_blocks,
    rank,
    same_results,
)
from alexprof.show.text import clean

LAYERS_SHOWN = 4
NOTES_SHOWN = 2


def brief_section(found: RunComparison) -> Section:
    """The short form of a comparison; it stops after the reasons where nothing can be told."""
    return Section("", "", tuple(_blocks(found)))


def _blocks(found: RunComparison) -> Iterator[Block]:
    if not found.comparable:
        yield Lead("They can’t be compared: a difference may not be the program’s doing.")
        yield from (Warn(f"{clean(text)}.") for text in found.why_not)
        return
    for other in found.others:
        yield from _changes(found, other)
    if text := same_results(found):
        yield Note(text)
    yield from (Note(f"{clean(text)}.") for text in found.notes[:NOTES_SHOWN])


def _changes(found: RunComparison, other: SideRecord) -> Iterator[Block]:
    changes = [change for change in found.differences if change.b == other.name]
    keys = sorted(dict.fromkeys(map(key_of, changes)), key=lambda key: rank(key, found.a))
    whole = {key_of(change): change for change in changes if change.level == "phase"}
    phases = [whole[key] for key in keys if key in whole]
    several = len(found.others) > 1
    for block in phase_blocks(phases, found.a):
        if isinstance(block, Lead) and several:
            yield Lead(f"{clean(other.name)}: {block.text}")
        else:
            yield block
    for phase in () if several else filter(is_called, phases):
        if table := _layers(phase, changes, found.a):
            yield table


def _layers(phase: Change, changes: Sequence[Change], a: SideRecord) -> Table | None:
    """The layers of a phase that changed, largest first; None where none can be told."""
    key = key_of(phase)
    layers = [
        change
        for change in changes
        if change.level == "layer" and key_of(change) == key and is_called(change)
    ]
    if not layers:
        return None
    named = [(clean(change.name), change) for change in layers]
    table = change_table(named, (), "layer", most=LAYERS_SHOWN)
    return replace(table, title=f"Layers that changed, {label(key, a)}")
