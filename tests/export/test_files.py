"""Exports hold what the record has: read back by the formats' own schemas and messages."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import polars as pl
import pytest
from msgspec.structs import replace

from alexprof.analysis.timelines import load_timeline
from alexprof.errors import RunError, UsageError
from alexprof.export import FORMATS
from alexprof.export.selected import Selected
from alexprof.record.metrics import IDLE_OP
from alexprof.record.parquet import Tables, load_costs
from alexprof.record.store import load_run
from alexprof.tracer.importing import import_trace
from tests.command_line import call
from tests.trace_runs import write_trace

SPEEDSCOPE = Path(__file__).parents[1] / "browser" / "node_modules" / "speedscope"
SHARED = Path(__file__).parents[3] / "shared" / "traces" / "h200"


@pytest.fixture(scope="module", params=["hand", "keras_nojit"])
def folder(request, tmp_path_factory):
    """A run of two phases, and one of a GPU."""
    place = tmp_path_factory.mktemp("export")
    if request.param == "hand":
        trace = write_trace(place / "vm.xplane.pb", steps=4, sorts=("train", "eval"))
    else:
        trace = SHARED / f"{request.param}.xplane.pb"
        if not trace.exists():
            pytest.skip(f"{trace.name} is not here")
    import_trace(str(trace), logdir=place, name="run")
    return place / "run"


def written(folder, name, **chosen):
    run = load_run(folder)
    file = io.BytesIO()
    FORMATS[name].write(Selected(run, Tables(run, folder), **chosen), file)
    return file.getvalue()


def total_ns(costs, column="share_ns", **chosen):
    for name, value in chosen.items():
        costs = costs.filter(pl.col(name) == value)
    return costs[column].sum()


def test_parquet_has_every_row(folder):
    table = pl.read_parquet(io.BytesIO(written(folder, "parquet")))
    assert table.equals(load_costs(folder))


def test_csv_has_every_op(folder):
    run = load_run(folder)
    rows = list(csv.DictReader(io.StringIO(written(folder, "csv").decode())))
    ops = [op for _, _, phase in run.all_phases() for op in phase.ops]
    assert len(rows) == len(ops)
    shares_s = sum(float(row["share_mean_s"]) for row in rows)
    assert shares_s == pytest.approx(sum(op.share_mean_s for op in ops))


def test_chrome_s_events_are_those_of_the_timeline(folder):
    run = load_run(folder)
    content = json.loads(gzip.decompress(written(folder, "chrome-trace")))
    events = content["traceEvents"]
    assert {event["ph"] for event in events} == {"M", "X"}
    names = {event["pid"]: event["args"]["name"] for event in events if event["ph"] == "M"}
    ops = [event for event in events if "share_ns" in event.get("args", {})]
    steps = [event for event in events if event.get("cat") == "step"]
    count, wall_ps = 0, 0
    for variant, key, _ in run.all_phases():
        timeline = load_timeline(run, variant, key)
        count += timeline.step.size
        wall_ps += int(timeline.wall_ps.sum())
    assert len(ops) == count
    assert sum(step["dur"] for step in steps) * 1e6 == pytest.approx(wall_ps)
    assert len(names) >= len(run.variants)
    costs = load_costs(folder).filter(pl.col("op") != IDLE_OP)
    assert sum(op["args"]["share_ns"] for op in ops) == pytest.approx(total_ns(costs), rel=1e-4)
    assert {"layer", "pass", "kind", "type"} <= ops[0]["args"].keys()
    # Nanoseconds survive: the times are those of the trace, to a picosecond.
    first = min(ops, key=lambda op: op["ts"])
    variant, key, _ = next(iter(run.all_phases()))
    timeline = load_timeline(run, variant, key)
    start_ps = (timeline.begin_ps[timeline.step] + timeline.start_ps).min()
    assert round(first["ts"] * 1e6) == pytest.approx(int(start_ps), abs=64)


def test_perfetto_s_slices_nest_and_have_arguments(folder):
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

    run = load_run(folder)
    trace = Trace.FromString(written(folder, "perfetto"))
    names = {}
    opened: dict[int, list[int]] = {}
    slices, shares = 0, 0.0
    for packet in trace.packet:
        for name in packet.interned_data.event_names:
            names[name.iid] = name.name
        event = packet.track_event
        if event.type == event.TYPE_SLICE_BEGIN:
            assert event.name_iid in names
            opened.setdefault(event.track_uuid, []).append(packet.timestamp)
            slices += 1
            shares += sum(note.double_value for note in event.debug_annotations)
        elif event.type == event.TYPE_SLICE_END:
            assert opened[event.track_uuid].pop() <= packet.timestamp
    assert not any(opened.values())
    timelines = [load_timeline(run, variant, key) for variant, key, _ in run.all_phases()]
    expected = sum(timeline.step.size + timeline.wall_ps.size for timeline in timelines)
    assert slices == expected
    costs = load_costs(folder).filter(pl.col("op") != IDLE_OP)
    assert shares == pytest.approx(total_ns(costs), rel=1e-4)


def test_speedscope_adds_up_to_the_steps(folder):
    content = json.loads(written(folder, "speedscope"))
    costs = load_costs(folder)
    for profile in content["profiles"]:
        assert profile["endValue"] == sum(profile["weights"])
        assert len(profile["weights"]) == len(profile["samples"])
    assert sum(profile["endValue"] for profile in content["profiles"]) == total_ns(costs)
    schema = SPEEDSCOPE / "dist" / "release" / "file-format-schema.json"
    if not schema.exists():
        pytest.skip("speedscope's schema is not here: make lint-js installs it")
    from jsonschema import validate

    validate(content, json.loads(schema.read_text()))


def pprof_message():
    """The part of profile.proto (github.com/google/pprof) that is written, as a message type."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="profile.proto", package="p", syntax="proto3")
    number = {"int64": 3, "uint64": 4, "string": 9}

    def message(name, *fields):
        made = file.message_type.add(name=name)
        for place, field, type_, repeated in fields:
            added = made.field.add(name=field, number=place, label=3 if repeated else 1)
            if type_ in number:
                added.type = number[type_]
            else:
                added.type, added.type_name = 11, f".p.{type_}"

    message("ValueType", (1, "type", "int64", False), (2, "unit", "int64", False))
    message("Label", (1, "key", "int64", False), (2, "str", "int64", False))
    message(
        "Sample",
        (1, "location_id", "uint64", True),
        (2, "value", "int64", True),
        (3, "label", "Label", True),
    )
    message("Line", (1, "function_id", "uint64", False))
    message("Location", (1, "id", "uint64", False), (4, "line", "Line", True))
    message("Function", (1, "id", "uint64", False), (2, "name", "int64", False))
    message(
        "Profile",
        (1, "sample_type", "ValueType", True),
        (2, "sample", "Sample", True),
        (4, "location", "Location", True),
        (5, "function", "Function", True),
        (6, "string_table", "string", True),
        (14, "default_sample_type", "int64", False),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("p.Profile"))


def test_pprof_adds_up_to_the_steps(folder):
    profile = pprof_message().FromString(gzip.decompress(written(folder, "pprof")))
    texts = profile.string_table
    assert texts[0] == ""
    types = [(texts[value.type], texts[value.unit]) for value in profile.sample_type]
    assert types[0] == ("share", "nanoseconds")
    assert texts[profile.default_sample_type] == "share"
    costs = load_costs(folder)
    functions = {function.id: texts[function.name] for function in profile.function}
    lines = {place.id: functions[place.line[0].function_id] for place in profile.location}
    by_op: dict[str, int] = {}
    for sample in profile.sample:
        stack = [lines[place] for place in sample.location_id]
        by_op[stack[0]] = by_op.get(stack[0], 0) + sample.value[0]
    assert sum(by_op.values()) == total_ns(costs)
    largest = costs.filter(pl.col("op") != IDLE_OP).group_by("op").agg(pl.col("share_ns").sum())
    for op, share_ns in largest.iter_rows():
        assert by_op[op] == share_ns
    busy = sum(sample.value[1] for sample in profile.sample)
    assert busy == total_ns(costs, "busy_ns")


def test_a_phase_is_chosen(folder):
    run = load_run(folder)
    key = run.phase_keys[-1]
    table = pl.read_parquet(io.BytesIO(written(folder, "parquet", key=key)))
    assert set(table["phase"]) == {key}
    with pytest.raises(UsageError):
        written(folder, "parquet", key="nothing")
    with pytest.raises(UsageError):
        written(folder, "parquet", variant="nothing")


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_without_a_trace_has_nothing_to_export(folder, name):
    run = load_run(folder)
    phases = {
        key: replace(phase, attribution=None, traced=None) for _, key, phase in run.all_phases()
    }
    variants = {"trace": replace(run.variants["trace"], phases=phases)}
    selected = Selected(replace(run, variants=variants), Tables(run, folder))
    with pytest.raises(RunError, match="no traced steps"):
        FORMATS[name].write(selected, io.BytesIO())


def test_the_command_writes_a_file(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, made in FORMATS.items():
        done = call("export", folder, "--format", name)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / f"run{made.suffix}").stat().st_size > 0
    done = call("export", folder, "--format", "csv", "--output", tmp_path / "a" / "b.csv")
    assert done.returncode == 0
    assert (tmp_path / "a" / "b.csv").read_bytes() == (tmp_path / "run.csv").read_bytes()
    assert call("export", folder, "--format", "nothing").returncode == 2
    assert call("export", folder, "--format", "tensorboard", "--phase", "x").returncode == 2


HOSTILE = '</script><img src=x onerror="a()">\x1b[31m'


@pytest.mark.parametrize("name", ["speedscope", "chrome-trace", "pprof", "perfetto"])
def test_names_are_cleaned(name, tmp_path):
    from tests.analysis.made import made_run

    made_run(tmp_path / "run", {"v": 0.1}, ops={HOSTILE: 0.5, "=1+1": 0.2})
    if name in ("chrome-trace", "perfetto"):
        with pytest.raises(RunError, match="trace"):
            written(tmp_path / "run", name)
        return
    content = written(tmp_path / "run", name)
    content = gzip.decompress(content) if name == "pprof" else content
    assert b"\x1b" not in content
