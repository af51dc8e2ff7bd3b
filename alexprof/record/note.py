"""What to know of some numbers, as a value: `show.finding_texts` has the sentence of each code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from alexprof.errors import AlexProfError
from alexprof.record.values import Number

AnyRecord = TypeVar("AnyRecord", bound=Struct)


class Note(Struct, frozen=True):
    """One thing to know, or the reason why something is missing."""

    code: str  # For example "few_steps"
    # Its figures by name, with the unit at the end of the name
    numbers: dict[str, Number] = field(default_factory=dict)
    names: tuple[str, ...] = ()  # The devices, steps, ops or files that it is about
    host: str = ""  # The host, in a trace of several; "" otherwise
    text: str = ""  # What TensorFlow, CUPTI, the operating system or the user wrote; "" for nothing


def distinct(records: Iterable[AnyRecord]) -> tuple[AnyRecord, ...]:
    """Leaves repeated notes, or other records, out."""
    kept: list[AnyRecord] = []
    kept.extend(record for record in records if record not in kept)
    return tuple(kept)


def note_of(error: AlexProfError) -> Note:
    """What an error says, without the sentence."""
    return Note(error.code, error.numbers, error.names, text=error.text)


def of_host(host: str, notes: Iterable[Note]) -> tuple[Note, ...]:
    """Says of which host notes are."""
    return tuple(replace(note, host=host) for note in notes)
