"""Where fields begin: the pieces and their guesses against reading one field after the other."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexprof.errors import DamageError
from alexprof.xplane import messages as messages_module
from alexprof.xplane.messages import field_offsets
from alexprof.xplane.wire import Buffer
from tests.traces import double, integer, message, tag, text

QUOTES = st.sampled_from([b'"', b'""', b'"\x00', b"\x22\x02\x08\x01", b"\x08", b"\xff", b"x"])
BODY = st.lists(QUOTES, max_size=30).map(b"".join) | st.binary(max_size=400)
EVENT = st.tuples(st.integers(1, 300), st.integers(0, 1 << 50), BODY).map(
    lambda parts: message(
        4,
        integer(1, parts[0])
        + integer(2, parts[1])
        + message(4, integer(1, 2) + message(5, parts[2])),
    )
)
OTHER = st.one_of(
    st.builds(integer, st.integers(1, 3000), st.integers(-(1 << 63), 1 << 62)),
    st.builds(double, st.integers(1, 20), st.floats()),
    st.builds(message, st.integers(1, 3000), BODY),
)
MESSAGE = st.lists(EVENT | st.builds(message, st.just(4), BODY) | OTHER, max_size=60).map(b"".join)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(messages_module, "_SHORTEST_PIECE_BYTES", 24)
    monkeypatch.setattr(messages_module, "_WINDOW_BYTES", 16)


def joined(messages: list[bytes]) -> tuple[Buffer, list[int], list[int]]:
    """Put messages behind one another, with two bytes between them as tag and length would be."""
    starts, stops, data = [], [], b""
    for one in messages:
        starts.append(len(data) + 2)
        stops.append(len(data) + 2 + len(one))
        data += b"\x1a\x00" + one
    return Buffer(memoryview(data), "test"), starts, stops


def one_by_one(buffer: Buffer, starts: list[int], stops: list[int]) -> list[int]:
    spans = zip(starts, stops, strict=True)
    return [field.start for span in spans for field in buffer.fields(*span)]


def outcome(
    find: Callable[[Buffer, list[int], list[int]], list[int]],
    buffer: Buffer,
    starts: list[int],
    stops: list[int],
) -> list[int] | str:
    try:
        return find(buffer, starts, stops)
    except DamageError as error:
        return str(error)


def in_pieces(buffer: Buffer, starts: list[int], stops: list[int]) -> list[int]:
    offsets = field_offsets(buffer, np.array(starts, np.int64), np.array(stops, np.int64))
    return [int(offset) for offset in offsets]


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGE, max_size=5))
def test_pieces_find_what_reading_one_by_one_finds(messages: list[bytes]):
    places = joined(messages)
    assert in_pieces(*places) == one_by_one(*places)


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGE, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_damage_is_found_where_reading_one_by_one_finds_it(
    messages: list[bytes], choice: random.Random
):
    hit = choice.randrange(len(messages))
    broken = bytearray(messages[hit])
    for _ in range(choice.randint(1, 3)):
        if broken:
            broken[choice.randrange(len(broken))] = choice.randrange(256)
    messages[hit] = bytes(broken)
    places = joined(messages)
    assert outcome(in_pieces, *places) == outcome(one_by_one, *places)


@pytest.mark.parametrize(
    "line",
    [
        # All guesses are wrong: a body looks like a row of events of its own, out of step.
        message(4, integer(1, 1) + text(5, '"\x02\x08\x01' * 200)) * 3,
        # Nothing looks like an event, and every second byte can begin a field.
        b"\x22\x00" * 500,
        b"\x08\x01" * 500,
        # One field reaches over all pieces but the first and the last.
        integer(1, 1) + message(4, b'"' * 5000) + integer(2, 2),
        # Other fields between events, with numbers of several bytes.
        (message(4, integer(1, 1)) + tag(700, 0) + b"\x80\x80\x01") * 100,
        b"",
    ],
)
def test_hard_lines(line: bytes):
    places = joined([line, b"\x08\x01", line])
    assert in_pieces(*places) == one_by_one(*places)
