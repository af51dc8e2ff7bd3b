"""Events that are alike are read at once: the same comes of it as from reading them one by one."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexprof.errors import DamageError
from alexprof.xplane import Trace, layouts, parse_trace
from alexprof.xplane.layouts import grouped_by_layout
from tests.traces import Ref, Stats, TraceBuilder, Unsigned, double, integer, message, text
from tests.xplane.listing import PlaneListing, listed, listed_by_protobuf

STATS = ("step_num", "tf_op", "id", "rate", "shape", "again", "bytes")


def one_by_one(data: bytes) -> list[PlaneListing]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "_MOST_LAYOUTS", 0)
        return listed(parse_trace(data), STATS)


def runs_in(trace: Trace) -> list[int]:
    """Count the events of each run that is found in a trace's only plane."""
    [plane] = trace.planes
    events = plane.events()
    found = grouped_by_layout(plane.dictionary.buffer, events._offset, events._stops())
    return [len(run.rows) for run in found]


def of_a_profiler(choice: random.Random, events: int) -> bytes:
    """Make a trace of a few kinds of events, with numbers of all lengths."""

    def number() -> int:
        return choice.choice([0, 1, -1, choice.getrandbits(choice.randrange(1, 64))])

    made = TraceBuilder()
    plane = made.plane("/device:GPU:0")
    plane.describe("gemm", {"step_num": 7, "shape": "from the metadata"})
    lines = [plane.line(f"Stream {number}", timestamp_ns=number * 100) for number in range(3)]
    names = ["gemm", "copy", *(f"other{number}" for number in range(200))]
    kinds: list[Callable[[], Stats]] = [
        lambda: {"step_num": number(), "tf_op": Ref(choice.choice(names))},
        lambda: {"id": Unsigned(number() % (1 << 64)), "rate": choice.random(), "tf_op": "a:Add"},
        lambda: {"shape": "x" * choice.randrange(3), "id": str(number()), "bytes": b"12"},
        lambda: {},
    ]
    for _ in range(events):
        stats = choice.choice(kinds)()
        line, name = choice.choice(lines), choice.choice(names[: choice.choice((1, 2, 202))])
        if choice.random() < 0.1:
            line.aggregate(name, 1 + choice.randrange(300), abs(number()) % 1000, stats)
        else:
            time = choice.getrandbits(choice.randrange(1, 50))
            again = message(4, plane.stat("tf_op", "later")) if choice.random() < 0.1 else b""
            line.event(name, time, choice.getrandbits(choice.randrange(1, 40)), stats, raw=again)
    return made.to_bytes()


@pytest.mark.parametrize("block", [32, 1 << 14])
def test_what_a_profiler_writes_is_read_as_protobuf_reads_it(
    block: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(layouts, "_FEWEST", 2)
    monkeypatch.setattr(layouts, "_BLOCK", block)
    monkeypatch.setattr(layouts, "_CHUNK", 40 * block)
    data = of_a_profiler(random.Random(block), 3_000)
    expected = listed_by_protobuf(data)
    assert listed(parse_trace(data), STATS) == expected
    assert one_by_one(data) == expected
    alike_events = sum(runs_in(parse_trace(data)))
    assert 2_000 < alike_events <= 3_000


FIELDS = st.one_of(
    st.builds(integer, st.sampled_from([1, 2, 3, 5, 14]), st.integers(-1, 1 << 45)),
    st.builds(
        message,
        st.just(4),
        st.lists(
            st.one_of(
                st.builds(integer, st.just(1), st.integers(0, 9)),
                st.builds(integer, st.sampled_from([3, 4, 7]), st.integers(-(1 << 63), 1 << 63)),
                st.builds(double, st.just(2), st.floats(0, 1)),
                st.builds(text, st.just(5), st.sampled_from(["", "12", "ab"])),
                st.just(b"\x22\x00"),
            ),
            max_size=3,
        ).map(b"".join),
    ),
    st.sampled_from([b"\x0c", b"\x80", b"\x08\x80\x00"]),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(FIELDS, max_size=4).map(b"".join), min_size=1, max_size=4), st.data())
def test_any_events_are_read_as_one_by_one(bodies: list[bytes], data: st.DataObject):
    order = data.draw(st.lists(st.sampled_from(range(len(bodies))), min_size=3, max_size=40))
    made = TraceBuilder()
    plane = made.plane("/host:CPU")
    line = plane.line("l")
    for name in STATS:
        plane.stat_id(name)
    for place in order:
        line.raw(message(4, bodies[place]))
    trace = made.to_bytes()

    def read() -> object:
        try:
            return listed(parse_trace(trace), STATS)
        except DamageError as error:
            return str(error)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layouts, "_FEWEST", 2)
        at_once = read()
        patch.setattr(layouts, "_MOST_LAYOUTS", 0)
        assert read() == at_once


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
def test_numbers_of_each_length(size: int):
    least, most = (1 << 7 * (size - 1) if size > 1 else 0), min((1 << 7 * size) - 1, (1 << 64) - 1)
    values = [least, most, *(random.Random(size).randint(least, most) for _ in range(30))]
    made = TraceBuilder()
    line = made.plane("p").line("l")
    for value in values:
        line.event("e", 5, 7, {"n": Unsigned(value)})
    trace = parse_trace(made.to_bytes())
    assert runs_in(trace) == [32]
    number, present = trace.planes[0].events().ints("n")
    assert present.all()
    assert number.astype(np.uint64).tolist() == values


def test_a_damaged_event_among_many_alike_is_found():
    made = TraceBuilder()
    plane = made.plane("p")
    line = plane.line("l")
    for number in range(100):
        # A stat in a stat: as long as the others, and no text.
        raw = message(
            4, integer(1, plane.stat_id("n")) + (b"\x2a\x02ab" if number != 70 else b"\x22\x02ab")
        )
        line.event("e", number, 1, raw=raw)
    [made_plane] = parse_trace(made.to_bytes()).planes
    with pytest.raises(DamageError, match="field 4 of a stat with wire type 2, expected 0"):
        made_plane.events()


def test_long_events_and_the_last_of_a_file():
    made = TraceBuilder()
    long, short = (made.plane(name).line("l") for name in ("long", "short"))
    for number in range(40):
        long.event("e", number, 1, {"n": number, "text": "x" * 600})
        short.event("e", number, 1, {"n": number})
    # The names first: the file ends with the last event.
    body = made.planes[1].to_bytes()
    head, line = body[: body.index(b"\x1a")], message(3, short.to_bytes())
    tail = body[len(head) + len(line) :]
    data = message(1, made.planes[0].to_bytes()) + message(1, head + tail + line)
    for plane in parse_trace(data).planes:
        events = plane.events()
        assert events.start_ps.tolist() == list(range(40))
        assert events.ints("n")[0].tolist() == list(range(40))


def test_stats_may_be_declared_or_not_and_of_some_events():
    data = of_a_profiler(random.Random(5), 500)
    [plane] = parse_trace(data).planes
    events = plane.events(lambda line: line.name != "Stream 1", stats=("id", "nobody has it"))
    assert plane.events(lambda line: line.name != "Stream 1", stats=("shape",)) is events
    assert plane.events() is not events
    rows = np.flatnonzero(events.line == 2)[::-1]
    taken = events.take(rows).take(np.arange(0, len(rows), 2))
    [again] = parse_trace(data).planes
    same = again.events(lambda line: line.name == "Stream 2")
    for stat in (*STATS, "nobody has it"):
        value, present = taken.ints(stat)
        expected, is_there = same.ints(stat)
        assert value.tolist() == expected[::-1][::2].tolist()
        assert present.tolist() == is_there[::-1][::2].tolist()
        index, table = taken.strings(stat)
        other, texts = same.strings(stat)
        said = [table[place] if place >= 0 else None for place in index]
        assert said == [texts[place] if place >= 0 else None for place in other[::-1][::2]]
