"""Small files that ask for much get an answer, or a message that names the limit."""

from __future__ import annotations

import pytest

from alexprof.attribute import costs, jax, names
from alexprof.errors import TraceError
from alexprof.tracer.traces import load_trace
from alexprof.xplane import HloPrograms, parse_trace, reader
from alexprof.xplane.hlo.module import HloModule
from benchmarks.stress import hostile
from tests.hlo import computation, instruction, keep, module
from tests.traces import TraceBuilder


def written(tmp_path, name):
    content = next(content for other, content in hostile.traces() if other == name)
    path = tmp_path / "vm.xplane.pb"
    path.write_bytes(content)
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
    path = written(tmp_path, "times: empty")
    load_trace(path)
    monkeypatch.setattr(place, limit, 1)
    with pytest.raises(TraceError) as caught:
        load_trace(path)
    assert caught.value.code == code
    assert caught.value.numbers["most"] == 1
