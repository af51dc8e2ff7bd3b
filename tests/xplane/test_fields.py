"""Fields one at a time against an encoder, and in columns against one at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexprof.errors import DamageError
from alexprof.xplane.fields import MALFORMED, fields_at
from alexprof.xplane.messages import read_messages
from alexprof.xplane.schema import Shape
from alexprof.xplane.wire import Buffer, signed
from tests.traces import FIXED32, double, integer, message, tag

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
# Bytes that matter in tags and varints are more likely than others.
NOISE = st.lists(
    st.sampled_from([0x08, 0x22, 0x11, 0x15, 0x0B, 0xFF, 0x80, 0x81, 0, 1, 2, 3])
    | st.integers(0, 255),
    min_size=1,
    max_size=40,
).map(bytes)
FIELDS = st.lists(
    st.builds(integer, st.integers(1, 1 << 28), INT64)
    | st.builds(double, st.integers(1, 40), st.floats(allow_nan=False))
    | st.builds(message, st.integers(1, 40), st.binary(max_size=200))
    | st.integers(1, 40).map(lambda number: tag(number, FIXED32) + b"\x01\x02\x03\xff"),
    max_size=8,
)


def buffer_of(data: bytes) -> Buffer:
    return Buffer(memoryview(data), "test")


@settings(deadline=None)
@given(INT64, st.integers(1, 1 << 28))
def test_an_integer_comes_back(value: int, number: int):
    data = integer(number, value)
    field = buffer_of(data).field_at(0, len(data))
    assert (field.tag >> 3, signed(field.value), field.stop) == (number, value, len(data))


def test_lengths_may_be_written_with_needless_bytes():
    data = b"\x22\x83\x80\x00abc"
    field = buffer_of(data).field_at(0, len(data))
    assert (field.value, field.stop) == (3, len(data))
    [stop] = fields_at(buffer_of(data), np.array([0]), np.array([len(data)])).stop
    assert stop == len(data)


@settings(deadline=None)
@given(NOISE | FIELDS.map(b"".join).filter(len))
def test_columns_read_like_the_single_reader(data: bytes):
    buffer = buffer_of(data)
    places = [(offset, stop) for stop in (len(data), len(data) // 2) for offset in range(stop)]
    offset, stop = np.array(places, np.int64).reshape(-1, 2).T
    columns = fields_at(buffer, offset, stop)
    for row, place in enumerate(places):
        try:
            field = buffer.field_at(*place)
        except DamageError:
            assert columns.stop[row] == MALFORMED
            continue
        assert columns.tag[row] == (field.tag if field.tag < 0x80 else 0)
        assert columns.value[row] == signed(field.value)
        assert columns.stop[row] == field.stop


@settings(deadline=None)
@given(st.lists(FIELDS, max_size=100))
def test_the_fields_of_many_messages_are_found_in_the_order_of_each(messages: list[list[bytes]]):
    ends = np.cumsum([sum(map(len, fields)) for fields in messages], dtype=np.int64)
    begins = np.concatenate((np.zeros(1, np.int64), ends))[:-1]
    buffer = buffer_of(b"".join(map(b"".join, messages)))
    stops: list[list[int]] = [[] for _ in messages]
    for parts in read_messages(buffer, begins[: len(messages)], ends, Shape("anything", {})):
        for owner, stop in zip(parts.owner.tolist(), parts.stop.tolist(), strict=True):
            stops[owner].append(stop)
    for fields, begin, own_stops in zip(messages, begins.tolist(), stops, strict=False):
        assert own_stops == [begin + int(end) for end in np.cumsum([len(one) for one in fields])]


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01",  # number 0
        b"\x08",  # value cut off
        b"\x08" + b"\xff" * 10 + b"\x01",  # number without an end
        b"\x22\x05abcd",  # longer than what is left
        b"\x22" + b"\xff" * 8 + b"\x7f",  # length of 2**63 - 1
        b"\x22" + b"\xff" * 9 + b"\x01",  # length of 2**64 - 1
        b"\x11\x00",  # fixed size cut off
        b"\x0b\x0c",  # group
        b"\x0e\x00",  # wire type 6
        b"\xa2\x00\x00",  # number written with needless bytes
        b"\xff\xff\xff\xff\xff\xff\x01\x00",  # number without an end
        b"\xa0\x80\x80\x80\x10\x01",  # number above 2**29 - 1
    ],
)
def test_what_is_no_field_is_refused_with_its_place(data: bytes):
    shifted = b"\x08\x01" + data
    with pytest.raises(DamageError, match=r"^test: byte [2-9]: .*damaged"):
        buffer_of(shifted).field_at(2, len(shifted))
    [stop] = fields_at(buffer_of(shifted), np.array([2]), np.array([len(shifted)])).stop
    assert stop == MALFORMED
