"""pprof's format, for `go tool pprof` and others: what each op took in all traced steps.

A gzipped message `perftools.profiles.Profile` (github.com/google/pprof, proto/profile.proto). A
stack is pass, layer and op; values are share, busy time and executions.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import BinaryIO

from alexprof.export.selected import Selected
from alexprof.plain_text import clean

_VALUES = (("share", "nanoseconds"), ("busy", "nanoseconds"), ("executions", "count"))
_LABELS = ("variant", "phase", "device", "kind")


def write_pprof(selected: Selected, file: BinaryIO) -> None:
    """Writes a sample for each op of each phase and device, idle time among them."""
    import polars as pl

    stack = ("pass", "layer", "op", "type")
    rows = (
        selected.costs()
        .group_by("variant", "phase", "device", "kind", *stack, maintain_order=True)
        .agg(
            pl.col("share_ns").sum(),
            pl.col("busy_ns").sum(),
            pl.col("executions").fill_null(0).sum(),
        )
    )
    profile = _Profile()
    for row in rows.iter_rows(named=True):
        # Of idle time the type is the reason.
        names = (
            ("idle", row["type"])
            if row["pass"] == "idle"
            else tuple(row[name] for name in stack[:3])
        )
        values = (row["share_ns"], row["busy_ns"], row["executions"])
        profile.sample(names, values, {label: row[label] for label in _LABELS})
    with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
        packed.write(profile.content())


class _Profile:
    """The message while it grows."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {"": 0}
        self.functions: dict[tuple[str, int], int] = {}
        self.samples: list[bytes] = []

    def sample(self, stack: tuple[str, ...], values: Iterable[int], labels: dict[str, str]) -> None:
        """Adds a sample; the stack is given from the outside in."""
        places = [self._function(name, level) for level, name in enumerate(stack)]
        told = [
            _message(3, _varint_field(1, self._text(name)) + _varint_field(2, self._text(value)))
            for name, value in labels.items()
        ]
        self.samples.append(
            _message(2, _packed(1, places[::-1]) + _packed(2, values) + b"".join(told))
        )

    def content(self) -> bytes:
        """The whole message."""
        types = b"".join(_message(1, self._value_type(*value)) for value in _VALUES)
        functions = b"".join(
            _message(5, _varint_field(1, number) + _varint_field(2, self._text(name)))
            for (name, _), number in self.functions.items()
        )
        locations = b"".join(
            _message(4, _varint_field(1, number) + _message(4, _varint_field(1, number)))
            for number in self.functions.values()
        )
        default = _varint_field(14, self._text(_VALUES[0][0]))
        texts = b"".join(_message(6, text.encode()) for text in self.texts)
        return types + b"".join(self.samples) + locations + functions + texts + default

    def _value_type(self, name: str, unit: str) -> bytes:
        return _varint_field(1, self._text(name)) + _varint_field(2, self._text(unit))

    def _text(self, text: str) -> int:
        return self.texts.setdefault(clean(text), len(self.texts))

    def _function(self, name: str, level: int) -> int:
        """A function's number, and its location's; a layer and an op of one name are two."""
        return self.functions.setdefault((clean(name), level), len(self.functions) + 1)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _varint_field(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _packed(field: int, numbers: Iterable[int]) -> bytes:
    return _message(field, b"".join(map(_varint, numbers)))
