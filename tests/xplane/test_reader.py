"""Traces made by hand come back as they were made, and what is no trace is named."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from alexprof.errors import TraceError
from alexprof.xplane import Line, host_tracer_level, parse_trace, read_trace
from alexprof.xplane.wire import Buffer
from tests.traces import Ref, Stats, TraceBuilder, integer, message, text

SINCE_1970_NS = 1_795_507_761_120_590_000


def test_a_trace_comes_back_as_it_was_made(tmp_path: Path):
    made = TraceBuilder(hosts=["vm", "vm2"])
    made.warning("2 events were dropped")
    made.error("no rights")
    plane = made.plane("/host:CPU", id=7, stats={"cores": 2, "name": Ref("EPYC"), "raw": b"\x00"})
    line = plane.line("tf_Compute/1", id=-5, timestamp_ns=10)
    line.event("conv1:Conv2D", start_ps=12_000, duration_ps=500, stats={"any": 3})
    plane.line("thread", timestamp_ns=20, display_name="Python").event("step", 20_000, 7)
    made.plane("/device:GPU:0", id=1)

    trace = read_trace(made.write(tmp_path / "plugins" / "vm.xplane.pb"))

    assert trace.errors == ("no rights",)
    assert trace.warnings == ("2 events were dropped",)
    assert trace.source.endswith("vm.xplane.pb")
    assert trace.origin_ns == 10
    host, gpu = trace.planes
    assert (host.id, host.name, gpu.id, gpu.name) == (7, "/host:CPU", 1, "/device:GPU:0")
    assert host.stats == {"cores": 2, "name": "EPYC", "raw": b"\x00"}
    assert host.lines == (Line(-5, "tf_Compute/1", 10), Line(2, "Python", 20))
    events = host.events()
    assert [events.names[name] for name in events.name] == ["conv1:Conv2D", "step"]
    assert events.line.tolist() == [0, 1]
    assert events.start_ps.tolist() == [2_000, 10_000]
    assert events.duration_ps.tolist() == [500, 7]
    assert {str(column.dtype) for column in (events.line, events.name)} == {"int32"}
    times = (events.start_ps, events.duration_ps, events.occurrences)
    assert {str(column.dtype) for column in times} == {"int64"}
    assert [str(column.dtype) for column in events.ints("any")] == ["int64", "bool"]
    assert str(events.strings("any")[0].dtype) == "int32"
    assert len(gpu.events()) == 0
    assert gpu.events().names == ()


def test_lines_that_are_not_kept_keep_their_place():
    made = TraceBuilder()
    plane = made.plane("/host:CPU")
    for name in ("pool/1", "op/1", "pool/2", "op/2"):
        plane.line(name).event(f"on {name}", 0, 1)
    events = parse_trace(made.to_bytes()).planes[0].events(lambda line: line.name.startswith("op"))
    assert events.line.tolist() == [1, 3]
    assert events.names == ("on op/1", "on op/2")


def test_times_since_1970_fit():
    made = TraceBuilder()
    plane = made.plane("/host:CPU")
    plane.line("late", timestamp_ns=SINCE_1970_NS + 3).event("b", (SINCE_1970_NS + 3) * 1000 + 4, 1)
    plane.line("early", timestamp_ns=SINCE_1970_NS).event("a", SINCE_1970_NS * 1000 - 5, 1)
    plane.line("empty", timestamp_ns=0)
    trace = parse_trace(made.to_bytes())
    assert trace.origin_ns == SINCE_1970_NS
    assert trace.planes[0].events().start_ps.tolist() == [3004, -5]


def test_clocks_that_can_not_be_one_are_refused():
    made = TraceBuilder()
    plane = made.plane("/host:CPU")
    plane.line("from zero", timestamp_ns=0).event("a", 0, 1)
    plane.line("since 1970", timestamp_ns=SINCE_1970_NS).event("b", SINCE_1970_NS * 1000, 1)
    [host] = parse_trace(made.to_bytes()).planes
    with pytest.raises(TraceError, match="'since 1970' begins more than 13 days"):
        host.events()
    assert len(host.events(lambda line: line.name == "from zero")) == 1


@pytest.mark.parametrize(("start_ps", "duration_ps"), [((1 << 63) - 1, 0), (1, (1 << 63) - 1)])
def test_an_event_beyond_all_clocks_is_refused(start_ps: int, duration_ps: int):
    made = TraceBuilder()
    line = made.plane("p").line("l")
    line.event("first", 0, 1)
    line.event("lost", start_ps, duration_ps)
    made.plane("p").line("m", timestamp_ns=-1).event("earlier", -1000, 0)
    with pytest.raises(
        TraceError, match=r"^<bytes>: byte \d+: an event of a time of more than 13 days"
    ):
        parse_trace(made.to_bytes()).planes[0].events()


def test_of_two_metadata_with_one_id_the_later_counts_and_ids_may_be_far_apart():
    entries = b"".join(
        message(4, integer(1, number) + message(2, text(2, name)))
        for number, name in ((-9, "low"), (1 << 60, "old"), (3, "three"), (1 << 60, "new"))
    )
    ids = (1 << 60, -9, 3, 4, (1 << 63) - 1, -(1 << 63))
    line = b"".join(message(4, integer(1, number)) for number in ids)
    events = parse_trace(message(1, entries + message(3, line))).planes[0].events()
    assert [events.names[name] for name in events.name] == ["new", "low", "three", "", "", ""]


def test_a_name_that_is_not_utf8_is_no_reason_to_give_up():
    plane = message(2, b"/host:\xff") + message(3, message(2, b"\xc3("))
    trace = parse_trace(message(1, plane))
    assert trace.planes[0].name == "/host:�"
    assert trace.planes[0].lines[0].name == "�("


@pytest.mark.parametrize(
    ("stats", "level"),
    [
        ({}, None),
        ({"profile_options": integer(5, 1) + integer(2, 3)}, 3),
        ({"profile_options": integer(5, 1)}, 0),
    ],
)
def test_the_host_tracer_level_is_in_the_task_environment(stats: Stats, level: int | None):
    made = TraceBuilder()
    made.plane("Task Environment", stats=stats)
    assert host_tracer_level(parse_trace(made.to_bytes())) == level


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty; a trace over 2 GB"),
        (b"hello, this is a log\n" * 9, "text file"),
        (b"\n\n\n\n\n\nlines\n", "text file"),
        (b'{"traceEvents": []}', "text file"),
        (gzip.compress(b"\x0a\x00", mtime=0), "unpack"),
        (b"PK\x03\x04\x00\x00", "unpack"),
        (bytes(1000), "no field number"),
        (b"\x0b" * 100_000, "wire type 3"),
        (b"\x0a\x80", "cut"),
        (b"\x0a" + b"\xff" * 8 + b"\x7f", "9223372036854775807 bytes"),
        (integer(9, 1) + message(50, b"x"), "no trace in it"),
    ],
)
def test_what_is_no_trace_is_named(data: bytes, words: str, tmp_path: Path):
    path = tmp_path / "x.xplane.pb"
    path.write_bytes(data)
    with pytest.raises(TraceError) as raised:
        read_trace(path)
    said = str(raised.value)
    assert said.startswith(f"{path}: byte ")
    assert words in said
    assert "\n" not in said


def test_what_is_no_file_is_named(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, words in (
        (tmp_path, "not a regular file"),
        (tmp_path / "missing.xplane.pb", "No such file"),
        (pipe, "not a regular file"),
        ("a\0b", "null"),
        (tmp_path / "two\nlines", "No such file"),
    ):
        with pytest.raises(TraceError, match=words) as raised:
            read_trace(path)
        assert "\n" not in str(raised.value)


def big_trace(path: Path) -> Path:
    made = TraceBuilder()
    line = made.plane("/host:CPU").line("tf_Compute/1")
    for number in range(2_000):
        line.event(f"op{number}", number * 1000, 900)
    return made.write(path)


def test_a_file_may_get_shorter_once_it_is_read(tmp_path: Path):
    path = big_trace(tmp_path / "vm.xplane.pb")
    trace = read_trace(path)
    os.truncate(path, 0)  # were it mapped, the next line would end the process
    assert trace.planes[0].events().start_ps.tolist() == [*range(0, 2_000_000, 1000)]


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.truncate(path, 100),
        lambda path: os.truncate(path, 100_000),
        lambda path: os.utime(path, ns=(1, 1)),
    ],
    ids=["shorter", "longer", "written"],
)
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch, change):
    path = big_trace(tmp_path / "vm.xplane.pb")
    read, made = os.fstat, []

    def changed_once(descriptor: int) -> os.stat_result:
        made.append(read(descriptor))
        if len(made) == 1:
            change(path)
        return made[-1]

    monkeypatch.setattr(os, "fstat", changed_once)
    with pytest.raises(TraceError, match="changed while it was being read"):
        read_trace(path)


def test_events_are_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch):
    made = TraceBuilder()
    line = made.plane("/host:CPU").line("tf_Compute/1")
    for number in range(20_000):
        line.event(f"op{number % 50}", number * 1000, 900, {"id": number, "shape": '["1"]'})
    data = made.to_bytes()
    calls = 0
    read = Buffer.field_at

    def counted(buffer: Buffer, offset: int, stop: int):
        nonlocal calls
        calls += 1
        return read(buffer, offset, stop)

    monkeypatch.setattr(Buffer, "field_at", counted)
    events = parse_trace(data).planes[0].events()
    assert events.ints("id")[0].tolist() == list(range(20_000))
    assert calls < 1_000  # the few that stand alone
