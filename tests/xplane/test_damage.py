"""Files that were cut or changed: a plain error or a trace, nothing else."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from alexprof.errors import TraceError
from alexprof.xplane import Trace, chain, granted_host_level, parse_trace
from tests.traces import Ref, Stats, TraceBuilder, Unsigned, double, integer, message, text
from tests.xplane.listing import listed

MUTATIONS = 2_000
HUGE = b"\xff" * 8 + b"\x7f"  # as a length 2**63 - 1


def sample() -> bytes:
    made = TraceBuilder(hosts=["vm"])
    made.warning("lost")
    made.plane("Task Environment", stats={"profile_options": integer(2, 3), "rate": 0.5})
    plane = made.plane("/host:CPU", id=1)
    plane.describe("conv1:Conv2D", {"flops": 10, "category": Ref("conv")})
    for number in range(2):
        line = plane.line(f"tf_Compute/{number}", timestamp_ns=1_000, display_name=f"T{number}")
        for step in range(5):
            stats: Stats = {
                "step_num": step,
                "text": '"' * step,
                "ref": Ref("r"),
                "u": Unsigned(1 << 63),
            }
            line.event("conv1:Conv2D", step * 1_000_000, 900, stats)
        line.aggregate("copy", 3, 12, {"rate": 1.5})
    return made.to_bytes()


def cut(data: bytearray, choice: random.Random) -> None:
    del data[choice.randrange(len(data)) :]


def flip(data: bytearray, choice: random.Random) -> None:
    data[choice.randrange(len(data))] ^= 1 << choice.randrange(8)


def put(data: bytearray, choice: random.Random) -> None:
    data[choice.randrange(len(data))] = choice.choice((0, 0x0B, 0x0C, 0x22, 0x80, 0xFF))


def drop(data: bytearray, choice: random.Random) -> None:
    at = choice.randrange(len(data))
    del data[at : at + choice.randint(1, 8)]


def insert(data: bytearray, choice: random.Random) -> None:
    at = choice.randrange(len(data))
    data[at:at] = choice.choice((HUGE, b"\x22" + HUGE, b"\x0b" * 40, choice.randbytes(5)))


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    cut,
    flip,
    flip,
    put,
    drop,
    insert,
)


def read_all(trace: Trace) -> None:
    granted_host_level(trace)
    for plane in trace.planes:
        events = plane.events()
        events.ints("step_num")
        events.strings("text")


@pytest.mark.parametrize("shortest_piece", [24, 1024])
def test_damaged_traces_are_refused_in_one_line_or_read(
    shortest_piece: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chain, "_SHORTEST_PIECE_BYTES", shortest_piece)
    choice, whole = random.Random(shortest_piece), sample()
    refused = partial = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(MUTATIONS // 2):
            data = bytearray(whole)
            for damage in choice.choices(DAMAGES, k=choice.choice((1, 1, 1, 4))):
                if data:
                    damage(data, choice)
            try:
                trace = parse_trace(bytes(data))
                read_all(trace)
                partial += bool(trace.damage)
            except TraceError as error:
                refused += 1
                assert str(error).startswith("<bytes>")  # noqa: PT017
                assert "\n" not in str(error)  # noqa: PT017
    assert refused > MUTATIONS // 20
    assert partial > MUTATIONS // 20


def test_a_trace_cut_anywhere_is_refused_or_says_what_is_missing():
    made = TraceBuilder()
    made.plane("/host:CPU").line("tf_Compute/1").event("conv1:Conv2D", 0, 5, {"step_num": 1})
    made.plane("/device:GPU:0").line("Stream #7").event("gemm", 0, 5, {"tf_op": "a:MatMul"})
    whole = made.to_bytes()
    planes = listed(parse_trace(whole), ["step_num", "tf_op"])
    first = len(message(1, made.planes[0].to_bytes()))
    last = first + len(message(1, made.planes[1].to_bytes()))
    for size in range(1, len(whole)):
        if size < first:
            with pytest.raises(TraceError, match=r"^<bytes>: byte 0: "):
                parse_trace(whole[:size])
            continue
        trace = parse_trace(whole[:size])
        assert listed(trace, ["step_num", "tf_op"]) == planes[: 1 if size < last else 2]
        assert trace.damage
        assert trace.damage[0].startswith("<bytes>: byte ")
    assert parse_trace(whole).damage == ()


def test_a_plane_that_is_cut_is_named():
    made = TraceBuilder()
    made.plane("/host:CPU", id=3).line("tf_Compute/1").event("conv1:Conv2D", 0, 5)
    first = len(message(1, made.planes[0].to_bytes()))
    made.plane("/device:GPU:0", id=9).line("Stream #7").event("gemm", 0, 5)
    [said] = parse_trace(made.to_bytes()[: first + 40]).damage
    assert f"byte {first}: a field of " in said
    assert "bytes where 38 are left; plane '/device:GPU:0' and all behind it is left out" in said


def two_lines(bad: bytes) -> bytes:
    """A host with a line that has something in it, and one that has not."""
    made = TraceBuilder()
    plane = made.plane("/host:CPU")
    odd = plane.line("tf_Compute/1", id=-4)
    odd.event("conv1:Conv2D", 0, 5)
    odd.raw(bad)
    plane.line("tf_Compute/2", id=6).event("conv2:Conv2D", 7, 8)
    return made.to_bytes()


@pytest.mark.parametrize(
    "bad",
    [
        b"\x22\x7f",  # an event longer than its line
        b"\x0b",  # a group
        message(4, b"")[:1] + HUGE,
        integer(2, 5),  # a name that is a number
        double(3, 0.5),
        integer(3, 7),  # a second clock
        bytes(9),
    ],
)
def test_a_damaged_line_is_left_out_whole_and_named(bad: bytes):
    trace = parse_trace(two_lines(bad))
    [plane] = trace.planes
    assert [line.name for line in plane.lines] == ["tf_Compute/2"]
    assert plane.events().start_ps.tolist() == [7]
    [said] = trace.damage
    assert "line 'tf_Compute/1' (id -4) of '/host:CPU' is left out" in said


@pytest.mark.parametrize(
    "bad",
    [
        integer(4, 1),  # stats that are a number
        integer(3, 7),  # a second duration
        message(2, b"\x12\x01a"),
        message(4, integer(1, 1) + integer(2, 3)),  # a stat that looks like an event
        message(4, integer(1, 1) + message(4, b"")),
        message(4, integer(1, 1) + integer(1, 2) + integer(4, 5)),
        message(4, b"\x08"),
        b"\x0c",
    ],
)
@pytest.mark.parametrize("events", [1, 100])
def test_what_can_not_be_in_an_event_is_refused(bad: bytes, events: int):
    made = TraceBuilder()
    line = made.plane("/host:CPU").line("tf_Compute/1")
    for number in range(events):
        line.event("conv1:Conv2D", number * 10, 5, {"step_num": 1})
    line.event("conv1:Conv2D", 0, 5, {"step_num": 1}, raw=bad)
    trace = parse_trace(made.to_bytes())
    with pytest.raises(TraceError, match=r"^<bytes>: byte \d+: .*damaged"):
        trace.planes[0].events().ints("step_num")


@pytest.mark.parametrize("bad", [double(1, 2.0), integer(2, 3), text(2, "again"), integer(3, 1)])
def test_a_plane_with_what_no_plane_has_is_left_out(bad: bytes):
    made = TraceBuilder()
    made.plane("/host:CPU").line("a").event("b", 1, 2)
    data = message(1, text(2, "/device:GPU:0") + bad) + made.to_bytes()
    trace = parse_trace(data)
    assert [plane.name for plane in trace.planes] == ["/host:CPU"]
    assert "plane '/device:GPU:0' is left out" in trace.damage[0]


@pytest.mark.parametrize("number", [5, 15, 16, 3_000])
def test_a_newer_format_is_read_as_far_as_it_is_known_and_that_is_said(number: int):
    new = message(number + 7, b"new") + integer(number + 7, 5)
    event = message(4, integer(1, 1) + integer(2, 7) + new + message(4, integer(1, 1) + new))
    name = message(2, integer(1, 1) + text(2, "op:Add") + new)
    plane = text(2, "/host:CPU") + message(3, text(2, "l") + event + new) + new
    plane += message(4, integer(1, 1) + name) + message(5, integer(1, 1) + name)
    data = message(1, plane) + new + text(4, "vm")
    trace = parse_trace(data)
    events = trace.planes[0].events()
    assert not events.ints("op:Add")[1].any()
    assert (events.names, events.start_ps.tolist()) == (("op:Add",), [7])
    said = [sentence.split("a field of ")[1].split(" that")[0] for sentence in trace.damage]
    # The stat has no value; the metadata of a stat lack nothing that a number depends on.
    kinds = ["a plane", "a trace", "a line", "a stat", "an event", "an event's metadata"]
    assert sorted(said) == sorted(kinds)


@pytest.mark.parametrize("events", [1, 100])
def test_an_unknown_number_is_damage_only_where_one_that_is_needed_is_missing(events: int):
    new = integer(14, 5) + double(15, 0.5)

    def trace_of(*, stat: bytes, event: bytes, line: bytes) -> Trace:
        whole = integer(1, 1) + event + new + message(4, integer(1, 1) + stat + new)
        names = message(2, integer(1, 1) + text(2, "op") + new)
        plane = text(2, "/host:CPU") + new
        plane += message(3, text(2, "l") + line + new + message(4, whole) * events)
        plane += message(4, integer(1, 1) + names) + message(5, integer(1, 1) + names)
        trace = parse_trace(message(1, plane) + new + text(4, "vm"))
        trace.planes[0].events().ints("op")
        return trace

    times, clock, value = integer(2, 7) + integer(3, 1), integer(3, 9), integer(4, 3)
    assert trace_of(stat=value, event=times, line=clock).damage == ()
    for kind, trace in {
        "a stat": trace_of(stat=b"", event=times, line=clock),
        "an event": trace_of(stat=value, event=integer(2, 7), line=clock),
        "a line": trace_of(stat=value, event=times, line=b""),
    }.items():
        [said] = trace.damage
        assert f"a field of {kind} that is not known" in said


def test_texts_that_are_none_are_left_out():
    made = TraceBuilder(hosts=["vm"])
    made.plane("/host:CPU")
    trace = parse_trace(message(3, b"\x08\x01\x22\x00") + made.to_bytes())
    assert trace.warnings == ()
    assert "binary data where a text should be" in trace.damage[0]


def test_events_without_time_or_name_are_noted():
    made = TraceBuilder()
    line = made.plane("/host:CPU").line("l")
    line.event("op", 5, 1)
    line.raw(message(4, integer(1, 1)))
    line.raw(message(4, integer(1, 77) + integer(2, 3)))
    assert not parse_trace(made.to_bytes()).damage  # before its events are read
    trace = parse_trace(made.to_bytes())
    assert trace.planes[0].events().start_ps.tolist() == [5, 0, 3]
    first, second = tuple(trace.damage)
    assert "an event has no time; it counts as if" in first
    assert "has no name; it is left out" in second


def test_an_entry_that_says_it_is_another_is_refused():
    made = TraceBuilder()
    made.plane("/host:CPU").line("l").event("op", 5, 1)
    data = made.to_bytes().replace(integer(1, 1) + text(2, "op"), integer(1, 2) + text(2, "op"))
    with pytest.raises(TraceError, match="of id 1 says it is of id 2"):
        parse_trace(data).planes[0].events()


def test_of_much_damage_only_the_first_is_told():
    made = TraceBuilder()
    plane = made.plane("/host:CPU")
    for number in range(40):
        plane.line(f"line {number}").raw(b"\x22\x7f")
    said = parse_trace(made.to_bytes()).damage
    assert len(said) == 17
    assert said[-1] == "<bytes>: 24 more places are damaged"


def test_scopes_and_their_parents_are_no_damage():
    made = TraceBuilder()
    made.plane("/host:CPU").line("l").event("op", 5, 1, {"scope_range_id": 9})
    pairs = [(9, 7), (7, 3), (281474976710815, 281474976710810)]
    body = text(2, "/host:__ScopeRangeCallStack__")
    body += b"".join(message(6, integer(1, scope) + integer(4, parent)) for scope, parent in pairs)
    trace = parse_trace(made.to_bytes() + message(1, body) + text(4, "vm"))
    read_all(trace)
    assert trace.scope_parents == dict(pairs)
    assert trace.planes[1].stats == {}
    assert trace.damage == ()


def test_a_plane_stat_of_an_unknown_id_is_no_damage():
    made = TraceBuilder()
    plane = made.plane("Task Environment", stats={"rate": 0.5})
    body = plane.to_bytes() + message(6, integer(1, 77) + integer(4, 5))
    trace = parse_trace(message(1, body) + text(4, "vm"))
    assert trace.planes[0].stats["rate"] == 0.5
    assert trace.damage == ()


@pytest.mark.parametrize("of_metadata", [False, True])
def test_an_unknown_id_is_damage_where_a_stat_that_is_read_could_be_meant(of_metadata: bool):
    made = TraceBuilder()
    plane = made.plane("/host:CPU")
    line = plane.line("l")
    line.event("whole", 1, 1, {"step_num": 1})
    unknown = integer(1, 77) + integer(4, 5)
    raw = b"" if of_metadata else message(4, unknown)
    plane.describe("odd", {}, raw=message(5, unknown) if of_metadata else b"")
    line.event("odd", 5, 1, {"step_num": 2}, raw=raw)
    line.event("odd", 9, 1, {"correlation_id": 3}, raw=raw)
    trace = parse_trace(made.to_bytes())
    events = trace.planes[0].events()
    assert events.ints("step_num")[0].tolist() == [1, 2, 0]
    [said] = trace.damage
    at = made.to_bytes().index(integer(2, 9) + integer(3, 1)) - len(integer(1, 1)) - 2
    assert said == (
        f"<bytes>: byte {at}: an event has a stat of an unknown id; that may be its step_num"
    )
    events.take(np.array([0, 1])).strings("step_num")
    assert trace.damage == (said,)
