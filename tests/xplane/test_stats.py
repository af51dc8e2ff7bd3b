"""Stats: one name, many kinds; and text that is decoded once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from alexprof.xplane import Events, parse_trace
from alexprof.xplane.texts import distinct
from alexprof.xplane.wire import Buffer
from tests.traces import Ref, Stats, StatValue, TraceBuilder, Unsigned, integer, message


def events_with(*stats: Stats, common: Stats | None = None) -> Events:
    made = TraceBuilder()
    plane = made.plane("p")
    if common:
        plane.describe("e", common)
    line = plane.line("l")
    for one in stats:
        line.event("e", 0, 1, one)
    return parse_trace(made.to_bytes()).planes[0].events()


def test_a_stat_is_read_from_all_kinds_that_can_give_it():
    events = events_with(
        {"id": 7}, {"id": Unsigned(8)}, {"id": "9"}, {"id": Ref("-10")}, {"id": b"11"}, {}
    )
    value, present = events.ints("id")
    assert value[present].tolist() == [7, 8, 9, -10, 11]
    assert present.tolist() == [True] * 5 + [False]
    index, table = events.strings("id")
    assert [table[place] for place in index[:5]] == ["7", "8", "9", "-10", "11"]
    assert index[5] == -1


def test_what_is_no_integer_is_absent_from_the_integers_only():
    texts = ["x", "1.5", "", "-", "٣", "9" * 25, str(1 << 64)]
    values: list[StatValue] = [*texts, 1.5, Ref("no"), b"\xff"]
    events = events_with(*({"v": value} for value in values))
    assert not events.ints("v")[1].any()
    index, table = events.strings("v")
    assert [table[place] for place in index] == [*texts, "1.5", "no", "�"]
    assert len(table) == len(set(table))


def test_a_sign_is_no_digit_and_leading_zeros_are():
    zeros = "0" * 20
    events = events_with({"v": f"-{zeros}"}, {"v": zeros}, {"v": f"-0{zeros}"}, {"v": f"0{zeros}"})
    value, present = events.ints("v")
    assert (value.tolist(), present.tolist()) == ([0] * 4, [True, True, False, False])


def test_large_unsigned_integers_keep_their_bits():
    events = events_with({"v": Unsigned((1 << 64) - 2)}, {"v": str((1 << 64) - 3)})
    assert events.ints("v")[0].tolist() == [-2, -3]
    assert events.strings("v")[1] == (str((1 << 64) - 3), str((1 << 64) - 2))


def test_events_inherit_from_their_metadata_what_they_lack():
    events = events_with({"flops": 5}, {}, common={"flops": 9, "category": Ref("conv")})
    assert events.ints("flops")[0].tolist() == [5, 9]
    index, table = events.strings("category")
    assert [table[place] for place in index] == ["conv", "conv"]
    index, table = events.strings("flops")
    assert [table[place] for place in index] == ["5", "9"]


def test_the_first_of_two_stats_of_one_name_counts():
    made = TraceBuilder()
    plane = made.plane("p", stats={"n": 1})
    again = message(4, plane.stat("n", 4)) + message(4, plane.stat("n", 5))
    plane.line("l").event("e", 0, 1, {"n": 3}, raw=again)
    assert parse_trace(made.to_bytes()).planes[0].events().ints("n")[0].tolist() == [3]


def test_a_stat_that_nobody_has():
    events = events_with({"a": 1}, {})
    value, present = events.ints("b")
    assert (value.tolist(), present.tolist()) == ([0, 0], [False, False])
    index, table = events.strings("b")
    assert (index.tolist(), table) == ([-1, -1], ())
    none = parse_trace(TraceBuilder().to_bytes() + message(1, b"")).planes[0].events()
    assert none.strings("a")[1] == ()


def test_a_stat_without_a_value_is_none():
    made = TraceBuilder()
    plane = made.plane("p")
    empty = message(4, integer(1, plane.stat_id("n")))
    plane.line("l").event("e", 0, 1, raw=empty + message(4, b""))
    events = parse_trace(made.to_bytes()).planes[0].events()
    assert not events.ints("n")[1].any()
    assert events.strings("n")[1] == ()


PIECES = st.lists(
    st.sampled_from([b"", b"conv1", b"conv2", b"x" * 255, b"x" * 256, b"y" * 257, b"x" * 300])
    | st.binary(max_size=40)
    | st.integers(0, 8).map(bytes),
    max_size=40,
)


@settings(deadline=None)
@given(PIECES)
def test_equal_pieces_of_text_are_decoded_once(pieces: list[bytes]):
    size = np.array([len(piece) for piece in pieces], np.int64)
    start = np.cumsum(size) - size
    index, table = distinct(Buffer(memoryview(b"".join(pieces)), "test"), start, size)
    assert [table[place] for place in index] == [str(piece, "utf-8", "replace") for piece in pieces]
    assert len(table) == len(set(pieces))


def test_texts_that_differ_in_a_byte_or_two_are_told_apart():
    pieces = [
        b"conv%05d/%05d:Conv2D" % (first, second) for first in range(300) for second in range(300)
    ]
    size = np.array([len(piece) for piece in pieces], np.int64)
    start = np.cumsum(size) - size
    _, table = distinct(Buffer(memoryview(b"".join(pieces)), "test"), start, size)
    assert len(table) == len(pieces)
