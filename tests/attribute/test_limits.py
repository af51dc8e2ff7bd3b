"""Small files that ask for much get an answer, or a message that names the limit."""

from __future__ import annotations

import tracemalloc

import pytest

from alexprof.attribute import costs, jax, kinds, launch_replay, names, symbols, timeline
from alexprof.errors import TraceError
from alexprof.record.note import Note
from alexprof.tracer.traces import load_trace
from alexprof.xplane import HloPrograms, messages, parse_trace, reader, wire
from alexprof.xplane.hlo import module as hlo_module
from alexprof.xplane.hlo.module import HloModule
from benchmarks.stress import adversary
from tests.hlo import computation, instruction, keep, module
from tests.traces import TraceBuilder


def written(tmp_path, content=None):
    path = tmp_path / "vm.xplane.pb"
    path.write_bytes(adversary.ordinary() if content is None else content)
    return path


@pytest.mark.parametrize("name", ["jit(" * 2000, "jit(f)/" + "vmap(" * 500 + "x" + ")" * 500])
def test_transformations_in_each_other_have_an_end(name):
    path, backward = jax.parse(name)
    assert path
    assert not backward


def test_a_name_that_is_longer_than_any_path_is_a_layer_of_its_own():
    name = "while/body/_1/" * 10_000 + "Add"
    assert names.parse(name) == ((name,), False)
    assert names.parse("while/body/_1/Add").path == ("while", "Add")


@pytest.mark.parametrize("called", [[1], [1, 2]])
def test_fusions_that_call_each_other_are_read_once(monkeypatch, called):
    read = HloModule.instructions
    reads = iter(range(100))
    monkeypatch.setattr(HloModule, "instructions", lambda *at: (next(reads), read(*at))[1])
    fusions = [
        instruction(number, f"fusion.{number}", "fusion", f"jit(f)/a{number}/add", called=[*others])
        for number in range(1, 40)
        for others in [range(1, 40) if len(called) > 1 else called]
    ]
    program = module("f", [computation(number, fusions) for number in range(1, 40)])
    trace = TraceBuilder()
    trace.plane("/host:CPU").line("python").event("x", 0, 10)
    keep(trace, {7: ("f", program)})
    op = HloPrograms(parse_trace(trace.to_bytes())).op(7, "fusion.1")
    assert op is not None
    assert sorted(op.parts) == sorted(f"jit(f)/a{number}/add" for number in range(1, 40))


@pytest.mark.parametrize(
    ("place", "limit", "code"),
    [
        (reader, "MOST_PLANES", "too_many_planes"),
        (costs, "MOST_OPS", "too_many_ops"),
        (costs, "MOST_STEPS", "too_many_steps"),
    ],
)
def test_what_no_program_leaves_in_a_trace_is_refused(tmp_path, monkeypatch, place, limit, code):
    path = written(tmp_path)
    load_trace(path)
    monkeypatch.setattr(place, limit, 1)
    with pytest.raises(TraceError) as caught:
        load_trace(path)
    assert caught.value.code == code
    assert caught.value.numbers["most"] == 1


@pytest.mark.parametrize(
    ("place", "limits", "content", "code"),
    [
        (timeline, {"MOST_PIECES": 0}, adversary.lasting(20, 50), "too_many_pieces"),
        (costs, {"MOST_PHASES": 2}, adversary.marked("abc"), "too_many_phases"),
        (reader, {"FEW": 0, "LEAST_BYTES": 400}, adversary.ordinary(), "too_many_fields"),
        (wire, {"FEW": 0, "LEAST_BYTES": 400}, adversary.ordinary(), "too_many_fields"),
        (messages, {"MOST_FIELDS": 10}, adversary.ordinary(), "too_many_fields"),
        (hlo_module, {"LOOKS": 0, "LOOKS_EACH": 5}, adversary.fused(50), "too_many_calls"),
        (hlo_module, {"FEW": 0, "LEAST_BYTES": 200}, adversary.fused(50), "too_many_instructions"),
    ],
)
def test_numbers_of_combinations_have_a_limit(tmp_path, monkeypatch, place, limits, content, code):
    path = written(tmp_path, content)
    load_trace(path)
    for limit, most in limits.items():
        monkeypatch.setattr(place, limit, most)
    with pytest.raises(TraceError) as caught:
        load_trace(path)
    assert caught.value.code == code


def test_many_streams_are_not_replayed(tmp_path, monkeypatch):
    streams, apart_ps = range(1, 30), 10_000_000
    content = adversary.launched(streams, streams, apart_ps // 2, apart_ps=apart_ps)
    path = written(tmp_path, content)
    codes = []
    for most in launch_replay._MOST_WAITS, 29 * 29 - 1:
        monkeypatch.setattr(launch_replay, "_MOST_WAITS", most)
        [phase] = load_trace(path).variants["trace"].phases.values()
        codes.append(phase.replay.reason)
    assert codes == [None, Note("replay_too_many_launches", {"launches_per_step": 29})]


def test_a_marker_name_is_stored_once(tmp_path):
    path = written(tmp_path, adversary.marked(["m" * 100_000] * 500))
    load_trace(path)
    tracemalloc.start()
    load_trace(path)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 100_000 * 500  # one string per step would take four times as much


def test_patterns_pass_over_a_name_once():
    assert symbols.split_op("a:A;" * 100_000 + "\nx") == ("a:A;" * 99_999 + "a", "A")
    assert not kinds.is_input("Dataset" * 200_000 + ">")
    assert names.parse("s/" * 2_000 + "Add").path == ("s/" * 2_000 + "Add",)


def test_running_out_of_memory_has_its_own_error(tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise MemoryError

    path = written(tmp_path)
    monkeypatch.setattr(costs, "read_work", fail)
    with pytest.raises(TraceError) as caught:
        load_trace(path)
    assert caught.value.code == "trace_no_memory"
