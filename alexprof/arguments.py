"""Checks of public functions' arguments: one rule, and one sentence, for each kind."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alexprof.errors import UsageError


@dataclass(frozen=True)
class Wanted:
    """A rule for an argument."""

    words: str  # What it must be, for a message: "text"
    holds: Callable[[Any], bool]

    def or_none(self) -> Wanted:
        """The same rule, but None is allowed too."""
        return Wanted(f"{self.words} or None", lambda value: value is None or self.holds(value))


def check(**arguments: tuple[object, Wanted]) -> None:
    """Raises a `UsageError` that names the first argument that breaks its rule."""
    for name, (value, wanted) in arguments.items():
        if not wanted.holds(value):
            raise UsageError(f"{name} must be {wanted.words}, not {_shown(value)}")


def whole(least: int) -> Wanted:
    """A whole number, at least `least`; not True or False, and not a NumPy number."""
    return Wanted(f"a whole number of at least {least}", lambda value: _is_whole(value, least))


def instance(words: str, *types: type) -> Wanted:
    """A value of one of the types."""
    return Wanted(words, lambda value: isinstance(value, types))


def several(wanted: Wanted) -> Wanted:
    """A list, or any other collection that can be read twice, of such values."""
    return Wanted(
        f"a list, each item {wanted.words}",
        lambda value: (
            not isinstance(value, (str, bytes, Mapping))
            and hasattr(value, "__iter__")
            and hasattr(value, "__len__")
            and all(map(wanted.holds, value))
        ),
    )


TEXT = instance("text", str)
FLAG = instance("True or False", bool)
MAPPING = instance("a dictionary", Mapping)


def _is_real(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and _is_real(value) and value >= least


def _is_path(value: object) -> bool:
    if not isinstance(value, (str, os.PathLike)):
        return False
    path = os.fspath(value)
    return isinstance(path, str) and bool(path) and "\0" not in path


NUMBER = Wanted("a number", _is_real)
PATH = Wanted("a path (text or pathlib.Path)", _is_path)


def _shown(value: object) -> str:
    """Shows a value in short form, however long its `__repr__`; with its type if not obvious."""
    shown = reprlib.repr(value).replace("\n", " ")
    plain = isinstance(value, (str, int, float, type(None)))
    return shown if plain else f"{shown} ({type(value).__name__})"
