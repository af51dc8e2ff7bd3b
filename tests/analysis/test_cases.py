"""Traces of situations that people reported: what is right is known beside them (INDEX.md there).

They may lie beside the repository; tests pass without them.
"""

from __future__ import annotations

import shutil

import pytest

from alexprof.analysis.findings import findings_of
from alexprof.errors import TraceError
from alexprof.record.run import Run
from alexprof.tracer.traces import load_trace
from tests.analysis.made import compared
from tests.samples import SAMPLES

CASES = SAMPLES.parent / "cases"

pytestmark = pytest.mark.skipif(not CASES.exists(), reason="no cases here")


def case(name: str) -> Run:
    return load_trace(CASES / f"{name}.xplane.pb")


def phases(name: str):
    return case(name).variants["trace"].phases


@pytest.mark.parametrize(
    ("name", "code", "step_s"),
    [
        ("stall_outside_markers", "outside_waits", 0.0623),
        ("jax_async_loop", "outside_runs", 0.1188),
    ],
)
def test_what_lies_between_marked_steps_comes_first_and_is_not_compared(
    name, code, step_s, tmp_path
):
    first = findings_of(case(name))[0]
    assert first.code == code
    assert first.numbers["step_with_it_s"] == pytest.approx(step_s, rel=0.01)
    files = [CASES / f"{name}.xplane.pb", tmp_path / "2.xplane.pb"]
    shutil.copy(*files)
    comparison = compared(tmp_path, *files)
    assert "outside_steps" in {caveat.code for caveat in comparison.why_not}


def test_a_source_that_sleeps_in_the_background_would_save_what_the_step_waits_for_it():
    (phase,) = phases("input_hidden_40ms").values()
    input_s = sum(op.share_mean_s for op in phase.ops if op.pass_ == "input")
    assert 0 < input_s <= 1.8e-3


def test_two_sorts_of_markers_are_two_phases():
    found = {key: phase.traced.mean_s for key, phase in phases("train_and_eval_markers").items()}
    assert found == pytest.approx({"train": 0.2286, "eval": 0.0106}, rel=0.01)


def test_the_kind_of_an_instruction_is_its_opcode_s():
    (phase,) = phases("jax_dots_called_transpose").values()
    dots = [kind for kind in phase.kinds if kind.name == "dot_general"]
    assert sum(kind.executions_per_step for kind in dots) == 2
    assert not [kind for kind in phase.kinds if kind.name == "transpose"]


@pytest.mark.parametrize(
    ("name", "step_s"), [("keras_macos_no_hostname", 0.1545), ("keras_gpu_one_batch", 0.013148)]
)
def test_one_call_of_keras_is_one_step(name, step_s):
    run = case(name)
    assert run.complete
    (phase,) = run.variants["trace"].phases.values()
    assert phase.traced.steps == 1
    assert phase.traced.mean_s == pytest.approx(step_s, rel=0.001)


def test_an_optimizer_of_another_name_is_the_optimizer():
    (phase,) = phases("keras_named_optimizer").values()
    assert {layer.name for layer in phase.layers if layer.pass_ == "optimizer"} == {"my_updates"}
    assert {"stem_1", "big_1", "head_1"} <= {layer.name for layer in phase.layers}


def test_a_tpu_s_trace_is_refused_with_the_reason():
    with pytest.raises(TraceError, match="TPU"):
        case("tpu0_with_host")


@pytest.mark.parametrize(
    ("name", "step_s"), [("stall_outside_markers", 0.0624), ("jax_async_loop", 0.119)]
)
def test_where_steps_hold_little_of_their_loop_its_time_leads_everywhere(name, step_s, tmp_path):
    from alexprof.analysis.history import history
    from alexprof.show.listing import render_list
    from alexprof.show.options import ReportOptions
    from alexprof.show.outputs import render
    from alexprof.show.over_time import render_history
    from alexprof.tracer.importing import import_trace

    runs = [
        import_trace(CASES / f"{name}.xplane.pb", logdir=tmp_path, name=run) for run in ("a", "b")
    ]
    followed = history(tmp_path, "trace.traced")
    assert [point.value for point in followed.points] == pytest.approx([step_s] * 2, rel=0.01)
    assert all(point.compared for point in followed.points)
    time = f"{step_s * 1e3:.3g} ms"
    texts = [
        render(runs[0], "text", ReportOptions(full=True)),
        render(runs[0], "text", ReportOptions()),
        render_list(runs),
        render_history(followed),
    ]
    full, brief, listed, over_time = (" ".join(text.split()) for text in texts)
    lead = f"A step takes {time}, "
    assert lead in brief
    assert full.index(lead) < full.index("Where does it go?")
    assert f"{time} with the time between steps" in listed
    assert "trace.traced: can’t tell: 2 runs, and no interval of any." in over_time
    assert "a step’s time in a, b includes what lies between the marked steps" in over_time
