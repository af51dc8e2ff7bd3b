"""Files that were cut or changed: an error with the byte, or what protobuf's own parser reads."""

from __future__ import annotations

import random
import re
import warnings

import pytest

from alexprof.attribute import attribute
from alexprof.errors import AlexProfError, DamageError, TraceError
from alexprof.record.parquet import check_closure
from alexprof.xplane import messages, parse_trace
from alexprof.xplane.wire import Buffer
from tests.attribute.hand import draw, steps
from tests.traces import Ref, TraceBuilder, Unsigned, double, integer, message, text
from tests.xplane.listing import PlaneListing, listed, listed_by_protobuf

STATS = ("step_num", "tf_op", "rate", "u", "flops", "r", "")


def small() -> bytes:
    """A trace with a bit of everything."""
    made = TraceBuilder(hosts=["vm"])
    made.warning("lost")
    plane = made.plane("/host:CPU", id=1, stats={"rate": 0.5})
    plane.describe("a:Add", {"flops": 10})
    line = plane.line("tf_Compute/0", timestamp_ns=1_000, display_name="T0")
    line.event("a:Add", 1_000_000, 900, {"step_num": 300, "tf_op": "a", "u": Unsigned(1 << 63)})
    line.aggregate("copy", 3, 12, {"tf_op": Ref("r")})
    made.plane("/device:GPU:0").line("Stream #7").event("gemm", 0, 5)
    return made.to_bytes()


def check(data: bytes) -> bool:
    """Read bytes like protobuf's parser; False if there is a plain error instead."""
    try:
        planes = listed(parse_trace(data), STATS)
    except TraceError as error:
        message = str(error)
    else:
        assert plain(planes) == plain(listed_by_protobuf(data))
        return True
    place = re.match(r"<bytes>: byte (\d+): [^\n]+\Z", message)
    assert place, message
    assert int(place[1]) <= len(data)
    return False


def plain(planes: list[PlaneListing]) -> str:
    """Return what can be compared: NaN is NaN, and stats have no order."""
    rows: list[object] = []
    for plane in planes:
        for event in plane.events:
            texts, ints = (
                sorted((name, stats[name]) for name in stats if name in STATS)
                for stats in (event.texts, event.ints)
            )
            rows.append((*event[:5], texts, ints))
        rows.append(plane[:4])
    return repr(rows)


def test_a_trace_cut_at_any_byte_is_refused_unless_a_field_ends_there():
    whole = small()
    read = [size for size in range(len(whole) + 1) if check(whole[:size])]
    ends = [field.stop for field in Buffer(memoryview(whole), "").fields(0, len(whole))]
    assert read == ends


@pytest.mark.slow
def test_a_bit_flipped_anywhere_is_refused_or_a_value():
    whole = small()
    read = 0
    for place in range(len(whole)):
        for bit in range(8):
            data = bytearray(whole)
            data[place] ^= 1 << bit
            read += check(bytes(data))
    assert 0.2 < read / (8 * len(whole)) < 0.9


def flip(data: bytearray, choice: random.Random) -> None:
    data[choice.randrange(len(data))] ^= 1 << choice.randrange(8)


def put(data: bytearray, choice: random.Random) -> None:
    data[choice.randrange(len(data))] = choice.choice((0, 0x0B, 0x0C, 0x22, 0x80, 0xFF))


def drop(data: bytearray, choice: random.Random) -> None:
    at = choice.randrange(len(data))
    del data[at : at + choice.randint(1, 8)]


def insert(data: bytearray, choice: random.Random) -> None:
    at = choice.randrange(len(data))
    data[at:at] = choice.choice((b"\xff" * 8 + b"\x7f", b"\x0b" * 40, choice.randbytes(5)))


def double_up(data: bytearray, choice: random.Random) -> None:
    begin = choice.randrange(len(data))
    data[begin:begin] = data[begin : begin + choice.randint(1, 200)]


def zero(data: bytearray, choice: random.Random) -> None:
    """A page that was never written."""
    at = choice.randrange(len(data))
    size = min(choice.choice((4, 16, 64)), len(data) - at)
    data[at : at + size] = bytes(size)


CHANGES = (flip, put, drop, insert, double_up, zero)


def changed(whole: bytes, choice: random.Random) -> bytes:
    data = bytearray(whole)
    for change in choice.choices(CHANGES, k=choice.choice((1, 1, 2, 4))):
        change(data, choice)
    return bytes(data)


def test_other_changes_are_refused_or_read_as_protobuf_reads_them(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(messages, "_SHORTEST_PIECE_BYTES", 24)
    choice, whole = random.Random(5), small()
    read = sum(check(changed(whole, choice)) for _ in range(1_000))
    assert 50 < read < 950


def test_what_a_changed_trace_gives_closes_its_books():
    made, begins = TraceBuilder(), range(1000, 5000, 1000)
    ops = [("conv1/Conv2D:Conv2D", at + 20, at + 320) for at in begins]
    kernels = [("sgemm", at + 200, at + 900, {"tf_op": "a/MatMul:MatMul"}) for at in begins]
    marks = steps(*((at, at + 900) for at in begins))
    draw(made.plane("/host:CPU"), {"python": marks, "tf_Compute/1": ops})
    draw(made.plane("/device:GPU:0"), {"Stream #7(Kernel)": kernels})
    choice, whole = random.Random(6), made.to_bytes()
    outcomes = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(300):
            try:
                attribution = attribute(parse_trace(changed(whole, choice)))
            except AlexProfError:
                outcomes.append("error")
                continue
            check_closure(attribution.costs)
            outcomes.append("table")
    assert min(outcomes.count("error"), outcomes.count("table")) > 20


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"\x22\x7f", "a field of 127 bytes where 0 are left"),
        (b"\x0b", "wire type 3"),
        (b"\x22" + b"\xff" * 8 + b"\x7f", "bytes where 0 are left"),
        (integer(2, 5), "field 2 of a line with wire type 0, expected 2"),
        (double(3, 0.5), "field 3 of a line with wire type 1, expected 0"),
        (bytes(9), "no field number where one is expected"),
    ],
)
def test_what_can_not_be_in_a_line_is_an_error_that_names_the_byte(bad: bytes, words: str):
    made = TraceBuilder()
    line = made.plane("/host:CPU").line("tf_Compute/1")
    line.event("conv1:Conv2D", 0, 5)
    line.raw(bad)
    data = made.to_bytes()
    with pytest.raises(DamageError) as raised:
        parse_trace(data)
    advice = "the file is cut short or damaged: copy it again or take a new trace"
    assert str(raised.value).startswith(f"<bytes>: byte {data.index(bad)}: ")
    assert words in str(raised.value)
    assert str(raised.value).endswith(advice)


@pytest.mark.parametrize(
    "bad",
    [
        integer(4, 1),  # stats that are a number
        message(2, b"\x12\x01a"),
        message(4, integer(1, 1) + message(4, b"")),
        message(4, integer(1, 1) + integer(2, 3)),  # a stat that looks like an event
        message(4, b"\x08"),
        b"\x0c",
    ],
)
@pytest.mark.parametrize("events", [1, 100])
def test_what_can_not_be_in_an_event_is_an_error_once_it_is_read(bad: bytes, events: int):
    made = TraceBuilder()
    line = made.plane("/host:CPU").line("tf_Compute/1")
    for number in range(events):
        line.event("conv1:Conv2D", number * 10, 5, {"step_num": 1})
    line.event("conv1:Conv2D", 0, 5, {"step_num": 1}, raw=bad)
    trace = parse_trace(made.to_bytes())
    with pytest.raises(DamageError, match=r"^<bytes>: byte \d+: "):
        trace.planes[0].events()


@pytest.mark.parametrize("bad", [double(1, 2.0), integer(2, 3), integer(3, 1), integer(6, 1)])
def test_what_no_plane_has_is_an_error(bad: bytes):
    with pytest.raises(DamageError, match="of a plane with wire type"):
        parse_trace(message(1, text(2, "/device:GPU:0") + bad))


@pytest.mark.parametrize("number", [5, 15, 16, 3_000])
@pytest.mark.parametrize("events", [1, 100])
def test_fields_of_a_newer_format_are_skipped(number: int, events: int):
    new = message(number + 7, b"new") + integer(number + 7, 5)
    stat = message(4, integer(1, 1) + new + integer(4, 9))
    event = message(4, integer(1, 1) + integer(2, 7) + new + stat + integer(3, 1))
    name = message(2, integer(1, 1) + text(2, "op:Add") + new)
    plane = text(2, "/host:CPU") + message(3, text(2, "l") + event * events + new) + new
    plane += message(4, integer(1, 1) + name) + message(5, integer(1, 1) + name)
    data = message(1, plane) + new + text(4, "vm")
    planes = listed(parse_trace(data), ["op:Add"])
    assert planes == listed_by_protobuf(data)
    assert {event.ints["op:Add"] for event in planes[0].events} == {9}


def test_scopes_are_no_names_of_stats():
    made = TraceBuilder()
    made.plane("/host:CPU").line("l").event("op", 5, 1, {"scope_range_id": 9})
    pairs = [(9, 7), (7, 3), (281474976710815, 281474976710810)]
    body = text(2, "/host:__ScopeRangeCallStack__")
    body += b"".join(message(6, integer(1, scope) + integer(4, parent)) for scope, parent in pairs)
    trace = parse_trace(made.to_bytes() + message(1, body) + text(4, "vm"))
    assert trace.planes[1].stats == {}
