"""What a report says of steps that are bound by launching, and of savings on a GPU."""

from __future__ import annotations

import lzma
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from alexprof.analysis.division import divide
from alexprof.record.run import Run
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import render as render_short
from alexprof.show.sections.predict import prediction
from alexprof.show.sections.trace_tables import launch_table
from alexprof.show.sections.win import win_section
from alexprof.show.view import View
from alexprof.tracer.traces import load_trace
from tests.h200 import DATA, run_of
from tests.show.full import check_golden, render

GOLDEN = Path(__file__).parent / "golden_gpu"


@pytest.fixture(scope="module")
def trace_run(tmp_path_factory):
    """The run of a packed trace, read as a user's file."""

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


@pytest.mark.parametrize(
    ("name", "bound_by", "predicted"),
    [("async_no_fetch", "kernels", True), ("jax_async", "launching", False)],
)
def test_without_many_launches_there_is_no_table(trace_run, name, bound_by, predicted):
    run = trace_run(name)
    phase = phase_of(run)
    assert phase.attribution.bound_by == bound_by
    assert phase.attribution.launches_per_step == pytest.approx(1) or predicted
    assert launches_of(run) is None
    assert bool(phase.replay.savings) == predicted
    assert phase.replay.reason


def test_savings_of_a_launch_bound_step_come_from_its_launches(trace_run):
    phase = phase_of(trace_run("gan_two_optimizers"))
    assert phase.replay.how == "launches"
    (saving,) = [saving for saving in phase.replay.savings if saving.name == "opt_g"]
    (layer,) = [layer for layer in phase.layers_whole if layer.name == "opt_g"]
    assert (saving.what, layer.device) == ("layer", "GPU:0")
    assert saving.fraction > max(0.1, 2 * layer.share_fraction)


def test_sorts_of_steps_are_phases(trace_run):
    run = trace_run("train_on_batch_and_test")
    assert list(run.variants["trace"].phases) == ["train", "eval"]
    titles = {line for line in render(run).splitlines() if line.startswith("Where does it go?")}
    assert len(titles) == 2


def answer(run: Run) -> str:
    section = win_section(View(run, ReportOptions()), "forward")
    assert section is not None
    return section.blocks[0].text.replace("\u00a0", " ")


def test_the_answer_sets_the_measured_beside_the_kernels_unless_the_interval_holds_zero(alexnet):
    text = answer(alexnet)
    assert all(figure in text for figure in ("0.32 ms", "1.51 ms", "21.3 %"))
    unsure = tuple(
        msgspec.structs.replace(ablation, ci95_s=(-1e-4, ablation.measured_s))
        for ablation in alexnet.ablations
    )
    text = answer(msgspec.structs.replace(alexnet, ablations=unsure))
    assert not any(claim in text for claim in ("costs", "21.3"))


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
