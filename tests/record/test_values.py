"""What the types of a record's fields refuse, each by itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from alexprof.record import values

RANGES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "Number": (values.Number, [0, -1e15, 1e15], [1.1e15, -1.1e15, "1"]),
    "Amount": (values.Amount, [0, 1e15], [-1e-9, 1.1e15]),
    "Seconds": (values.Seconds, [0, 1e9], [-1e-9, 1.1e9]),
    "Change": (values.Change, [-1e9, 1e9], [-1.1e9, 1.1e9]),
    "Fraction": (values.Fraction, [0, 1, 1 + 1e-7], [-1e-9, 1.01]),
    "Nanoseconds": (values.Nanoseconds, [0, 10**18], [-1, 10**18 + 1, 0.5]),
    "Count": (values.Count, [0, 10**15], [-1, 10**15 + 1, 0.5]),
    "Positive": (values.Positive, [1, 10**15], [0, -1, 10**15 + 1]),
    "Bytes": (values.Bytes, [0, 10**18], [-1, 10**18 + 1]),
    "Key": (values.Key, ["", "x" * 1000], ["x" * 1001, 1]),
    "Time": (
        values.Time,
        ["2026-11-24T04:42:00", "2026-11-24T04:42:00.5+01:00"],
        ["", "2026-11-24", "2026-11-24 04:42:00", "\x1b[31m"],
    ),
}


@pytest.mark.parametrize("name", RANGES)
def test_a_value_out_of_range_is_refused(name):
    type_, good, bad = RANGES[name]
    for value in good:
        assert msgspec.convert(value, type_) == value
    for value in bad:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(value, type_)


def test_every_type_with_a_range_is_here():
    ranged = {
        name
        for name, type_ in vars(values).items()
        if any(isinstance(note, msgspec.Meta) for note in getattr(type_, "__metadata__", ()))
    }
    assert ranged == RANGES.keys()
