"""What a report says of steps that are bound by launching, and of savings on a GPU."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from alexprof.analysis.division import divide
from alexprof.record.run import Run
from alexprof.show import render as render_short
from alexprof.show.options import ReportOptions
from alexprof.show.sections.predict import prediction
from alexprof.show.sections.trace_tables import launch_table
from alexprof.show.sections.win import win_section
from alexprof.show.view import View
from tests.h200 import DATA, run_of
from tests.show.full import render
from tests.show.golden_files import check_golden

GOLDEN = Path(__file__).parent / "golden_gpu"


@pytest.fixture(scope="module")
def trace_run(tmp_path_factory):
    """The run of a packed trace, read as a user's file."""
    import lzma

    from alexprof.tracer.traces import load_trace

    def read(name: str) -> Run:
        path = tmp_path_factory.mktemp("trace") / f"{name}.xplane.pb"
        path.write_bytes(lzma.decompress((DATA / f"{name}.xplane.pb.xz").read_bytes()))
        return load_trace(path).placed(Path(path.name))

    return read


@pytest.fixture
def alexnet():
    return run_of("alexnet_gpu32")


def launches_of(run: Run):
    division = divide(run, "trace", "trace")
    assert division is not None
    return launch_table(phase_of(run), division)


def phase_of(run: Run):
    (variant,) = run.variants.values()
    (phase,) = variant.phases.values()
    return phase


def test_a_small_network_is_bound_by_launching(trace_run):
    run = trace_run("keras_nojit")
    phase = phase_of(run)
    assert phase.attribution.bound_by == "launching"
    assert phase.attribution.launches_per_step == pytest.approx(326, abs=1)
    idle_ns = phase.attribution.timeline.idle_by_reason_ns
    assert idle_ns["launching"] > phase.attribution.timeline.share_ns
    table = launches_of(run)
    assert table is not None
    assert table.rows[0].cells[0] == "adam"
    counts = [int(row.cells[1]) for row in table.rows]
    assert sum(counts) == pytest.approx(326, abs=3)


@pytest.mark.parametrize("width", [80, 60])
def test_findings_of_a_gpu_in_short(trace_run, width):
    text = render_short(trace_run("keras_nojit"), options=ReportOptions(width=width))
    assert max(map(cell_len, text.splitlines())) <= width
    check_golden(GOLDEN / f"keras_nojit_{width}.txt", text)


def test_a_gpu_at_work_is_not(trace_run):
    run = trace_run("async_no_fetch")
    assert phase_of(run).attribution.bound_by == "kernels"
    assert launches_of(run) is None


def test_graphs_are_one_launch_and_have_no_table(trace_run):
    run = trace_run("jax_async")
    phase = phase_of(run)
    assert phase.attribution.launches_per_step == pytest.approx(1)
    assert launches_of(run) is None
    assert phase.replay.savings == ()
    assert phase.replay.reason


def test_savings_of_a_launch_bound_step_come_from_its_launches(trace_run):
    phase = phase_of(trace_run("gan_two_optimizers"))
    assert phase.replay.how == "launches"
    saves = {
        saving.name: saving.fraction for saving in phase.replay.savings if saving.what == "layer"
    }
    assert saves["opt_g"] > 0.1
    kernels = {
        layer.name: layer.share_fraction for layer in phase.layers_whole if layer.device == "GPU:0"
    }
    assert saves["opt_g"] > 2 * kernels["opt_g"]


def test_sorts_of_steps_are_phases(trace_run):
    run = trace_run("train_on_batch_and_test")
    assert list(run.variants["trace"].phases) == ["train", "eval"]
    titles = [line for line in render(run).splitlines() if line.startswith("Where does it go?")]
    assert len(titles) == 2
    assert titles[0] != titles[1]


def answer(run: Run) -> str:
    section = win_section(View(run, ReportOptions()), "forward")
    assert section is not None
    return section.blocks[0].text.replace("\u00a0", " ")


def test_the_answer_sets_the_measured_beside_the_kernels(alexnet):
    text = answer(alexnet)
    for figure in ("0.32 ms", "1.51 ms", "21.3 %"):
        assert figure in text


def test_an_answer_claims_nothing_where_the_interval_holds_zero(alexnet):
    unsure = [
        msgspec.structs.replace(ablation, ci95_s=(-1e-4, ablation.measured_s))
        for ablation in alexnet.ablations
    ]
    run = msgspec.structs.replace(alexnet, ablations=tuple(unsure))
    assert "costs" not in answer(run)
    assert "21.3" not in answer(run)


def test_savings_of_a_gpu_at_work_add_up_to_the_step(alexnet):
    replay = alexnet.variants["with_lrn"].phases["forward_backward"].replay
    assert replay.how == "kernels"
    layers = [saving.fraction for saving in replay.savings if saving.what == "layer"]
    assert sum(layers) == pytest.approx(1, rel=0.01)


def test_fused_ops_are_worth_measuring(alexnet):
    view = View(alexnet, ReportOptions())
    texts = [block.text for block in prediction(view, "forward") if hasattr(block, "text")]
    (sentence,) = [text for text in texts if "fused into" in text]
    assert "BiasAdd and Relu" in sentence
