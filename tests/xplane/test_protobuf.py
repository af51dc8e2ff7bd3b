"""The same traces through protobuf's own parser, event by event."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from alexprof.xplane import messages, parse_trace, read_trace
from tests.samples import EVERY, PUBLIC
from tests.traces import FIXED32, double, integer, message, tag, text
from tests.xplane.listing import listed, listed_by_protobuf, stats_in

STATS = [f"stat{number}" for number in range(8)]


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)
def test_real_traces(path: Path):
    expected = listed_by_protobuf(path.read_bytes())
    assert listed(read_trace(path), stats_in(expected)) == expected
    events = sum(len(plane.events) for plane in expected)
    assert events > (1_000 if path in PUBLIC else 400)


def test_traces_in_all_the_ways_that_the_format_allows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(messages, "_SHORTEST_PIECE_BYTES", 40)
    choice = random.Random(20)
    events = 0
    for _ in range(50):
        data = message(1, plane(choice)) + message(1, plane(choice))
        expected = listed_by_protobuf(data)
        assert listed(parse_trace(data), STATS) == expected
        events += sum(len(plane.events) for plane in expected)
    assert events > 1_000


def shuffled(choice: random.Random, fields: list[bytes]) -> bytes:
    """Put fields in any order, with some of unknown number among them."""
    while choice.random() < 0.3:
        fields.append(choice.choice(UNKNOWN))
    choice.shuffle(fields)
    return b"".join(fields)


UNKNOWN = [
    integer(14, 3),
    integer(2_000, -3),
    double(100, 1.0),
    message(13, b'"\x02\x08\x01'),
    tag(15, FIXED32) + b"abcd",
]


def some(choice: random.Random, *fields: bytes) -> list[bytes]:
    """Leave fields out; others may come again, and then the last counts."""
    kept = choice.sample(fields, choice.randint(0, len(fields)))
    return kept + choice.choices(kept, k=choice.choice((0, 0, 1)) * len(kept))


def number(choice: random.Random, field: int, value: int) -> bytes:
    """Write an integer, sometimes with needless bytes."""
    encoded = integer(field, value)
    needless = choice.choice((0, 0, 0, 1, 2))
    if not needless or len(encoded) > 1 + 10 - needless:
        return encoded
    return encoded[:-1] + bytes([encoded[-1] | 0x80]) + b"\x80" * (needless - 1) + b"\x00"


def plane(choice: random.Random) -> bytes:
    fields = some(choice, integer(1, -choice.randrange(9)), text(2, "/host:CPU"))
    fields += [message(3, line(choice)) for _ in range(choice.randrange(4))]
    for key in range(1, 6):  # a map's entry has no fields but these
        entry = [number(choice, 1, key)]
        for part in range(choice.choice((1, 1, 2))):  # which together are one message
            stats = [message(5, stat(choice)) for _ in range(choice.randrange(3))]
            names = some(choice, text(2, f"op{(key + part) % 4}"), text(2, "other"))
            entry.append(message(2, shuffled(choice, [integer(1, key), *names, *stats])))
        fields.append(message(4, b"".join(choice.sample(entry, len(entry)))))
    for key, name in enumerate(STATS):
        value = shuffled(choice, [text(2, name), text(3, "described")])
        fields.append(message(5, message(2, value) + integer(1, key)))
    fields += [message(6, stat(choice)) for _ in range(choice.randrange(3))]
    return shuffled(choice, fields)


def line(choice: random.Random) -> bytes:
    numbers = [number(choice, field, choice.randrange(-5, 1 << 40)) for field in (1, 3, 9, 10)]
    names = [text(2, "name"), text(11, choice.choice(["shown", ""]))]
    fields = some(choice, *numbers, *names)
    fields += [message(4, event(choice)) for _ in range(choice.randrange(30))]
    return shuffled(choice, fields)


def event(choice: random.Random) -> bytes:
    times = [
        number(choice, field, choice.randrange(-9, 1 << choice.randrange(50))) for field in (2, 3)
    ]
    fields = some(choice, number(choice, 1, choice.randrange(9)), *times, integer(5, 4))
    fields += [message(4, stat(choice)) for _ in range(choice.randrange(4))]
    return shuffled(choice, fields)


def stat(choice: random.Random) -> bytes:
    values = [
        number(choice, 3, choice.randrange(1 << 64)),
        number(choice, 4, choice.randrange(-(1 << 63), 1 << 63)),
        integer(7, choice.randrange(12)),
        double(2, choice.random()),
        text(5, choice.choice(["", '"', str(choice.randrange(-(1 << 66), 1 << 66)), "ä" * 99])),
        message(6, choice.choice([b"", b"\xff\x22", b"8"])),
    ]
    return shuffled(choice, some(choice, *values, integer(1, choice.randrange(9))))
