from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tensorboard.compat.proto.config_pb2 import RunMetadata
from tensorboard.compat.proto.graph_pb2 import GraphDef

from alexprof.record.environment import Device
from alexprof.record.phase import Phase
from alexprof.record.run import Run, Variant
from alexprof.tensorboard import scalars
from alexprof.tensorboard.scalars import all_series
from alexprof.tensorboard.summaries import _histograms, write_variant_events
from tests.factory import MACHINE
from tests.tensorboard import examples
from tests.tensorboard.examples import NAME, STARTED_S, WITH, WITHOUT, Served
from tests.test_rooms import loaded_by

RUN = f"{NAME}/{WITH}"
SHARES_MS = {("conv1", "Conv2D"): (8.0, 9.0), ("lrn1", "LRN"): (2.0, 1.5)}
REPORT = "# Costs\n\n| op | ms |\n|---|---:|\n| `conv1` | 8.5 |\n"


def graph() -> bytes:
    definition = GraphDef()
    for name in ("conv1/Conv2D", "conv1", "lrn1/LRN"):
        definition.node.add(name=name, op="Identity")
    return bytes(definition.SerializeToString())


def run_metadata() -> bytes:
    metadata = RunMetadata()
    stats = metadata.step_stats.dev_stats.add(device="/job:localhost/device:CPU:0")
    for name in ("conv1", "lrn1/LRN"):
        stats.node_stats.add(node_name=name, all_start_micros=1, all_end_rel_micros=5)
    return bytes(metadata.SerializeToString())


def write(logdir: Path, variant: str = WITH, run: Run | None = None, **given_: Any) -> Path:
    """Writes what TensorBoard shows of a variant with steps and nothing else."""
    usual: dict[str, Any] = {"timed": {"forward": examples.steps(20)}, "costs": {}}
    folder, run = logdir / NAME / variant, run or examples.run()
    return write_variant_events(folder, run, variant, REPORT, **{**usual, **given_})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Both variants of a complete run."""
    logdir = tmp_path_factory.mktemp("logdir")
    for variant, count in ((WITH, 40), (WITHOUT, 25)):
        write(
            logdir,
            variant,
            timed={"forward": examples.steps(count)},
            costs={(variant, "forward"): examples.costs(SHARES_MS)},
            graph=graph(),
            run_metadata={"forward": run_metadata()},
        )
    return Served(logdir)


def serve(logdir: Path, *given_: Any, **more: Any) -> Served:
    """TensorBoard over a single variant."""
    write(logdir, *given_, **more)
    return Served(logdir)


def test_each_step_is_a_point_with_its_number_duration_and_time(served: Served) -> None:
    expected = [(STARTED_S + 1 + step, step, 10.0 + step) for step in range(40)]
    assert served.scalar(RUN, "forward/step_time_ms") == [
        pytest.approx(point) for point in expected
    ]


@pytest.mark.parametrize(
    ("tag", "step", "values"),
    [
        # Steps take 10, 11, 12 … ms: after the first n their mean is 10 + (n − 1) / 2.
        ("forward/mean_ms", 40, [10 + (steps - 1) / 2 for steps in range(4, 41, 4)]),
        ("forward/slowdown", 2, [1.25, 1.25]),
        ("forward/lrn_attributed_ms", 40, [8.75, 8.75]),
        ("forward/lrn_share_percent", 40, [100 * 8.75 / 29.5] * 2),
        ("forward/lrn_measured_ms", 40, [9.0, 9.0]),
        # Layers or kinds and idle time add up to the step.
        ("forward/traced_step_ms", 1, [20, 22]),
        ("forward_layers/conv1_ms", 1, [8, 9]),
        ("forward_layers/lrn1_ms", 1, [2, 1.5]),
        ("forward_kinds/Conv2D_ms", 1, [8, 9]),
        ("forward/idle_ms", 1, [10, 11.5]),
        ("forward/std_ms", 40, 11.543397),
        ("forward/median_ms", 40, 29.5),
    ],
)
def test_a_line_ends_in_the_run_s_figure(
    served: Served, tag: str, step: int, values: list[float] | float
) -> None:
    points = served.scalar(RUN, tag)
    shown = [value for *_, value in points]
    assert (shown if isinstance(values, list) else shown[-1]) == pytest.approx(values)
    assert points[-1][:2] == (STARTED_S + 40, step)
    assert points[0][1] < step


def test_every_line_says_its_unit(served: Served) -> None:
    tags = served.json("scalars/tags")[RUN]
    assert len(tags) == 14
    units = {"_ms": "<p>Milliseconds. ", "_percent": "<p>Percent. ", "/slowdown": "<p>A ratio. "}
    for tag, about in tags.items():
        (unit,) = (unit for end, unit in units.items() if tag.endswith(end))
        assert about["description"].startswith(unit), tag
    # The ablation stands with the variant that has the ops.
    assert not [tag for tag in served.json("scalars/tags")[f"{NAME}/{WITHOUT}"] if "lrn_" in tag]


def test_the_graph_is_shown_and_each_phase_colours_nodes_of_it(served: Served) -> None:
    info = served.json("graphs/info")[RUN]
    assert info["run_graph"]
    assert info["tags"]["forward"]["profile"]
    nodes = set(re.findall(r'^  name: "(.*)"', served.text("graphs/graph", run=RUN), re.MULTILINE))
    assert nodes == {"conv1/Conv2D", "conv1", "lrn1/LRN"}
    metadata = served.text("graphs/run_metadata", run=RUN, tag="forward")
    assert set(re.findall(r'node_name: "(.*)"', metadata)) == {"conv1", "lrn1/LRN"}


def test_histograms_hold_every_step(served: Served) -> None:
    found = served.json("histograms/histograms", run=RUN, tag="forward/step_time_histogram_ms")
    assert [step for _, step, _ in found] == [9, 19, 29, 39]
    for part, (wall_time_s, step, buckets) in enumerate(found):
        assert wall_time_s == STARTED_S + 1 + step
        assert sum(count for _, _, count in buckets) == 10
        assert buckets[0][0] == pytest.approx(10 + 10 * part)
        assert buckets[-1][1] == pytest.approx(19 + 10 * part)


@given(st.integers(1, 5000))
def test_histograms_are_of_all_steps_in_order(count: int) -> None:
    lasts = [event.step for event in _histograms({"forward": examples.steps(count)})]
    assert lasts == sorted(set(lasts))
    assert lasts[-1] == count - 1
    assert min(count, 2) <= len(lasts) <= 10


def test_hparams_compare_the_variants(served: Served) -> None:
    experiment = served.json("hparams/experiment", body={"experimentName": ""})
    settings = {"variant": WITH, "hardware": "AMD EPYC", "batch_size": 4, "learning_rate": 0.5}
    columns = [info["name"] for info in experiment["hparamInfos"]]
    assert columns[0] == "variant"
    assert set(columns) == settings.keys()
    figures = {
        ("forward/mean_ms", "Forward: mean (ms)"): 29.5,
        ("forward/std_ms", "Forward: std (ms)"): 11.543397,
        ("forward/lrn_attributed_ms", "Forward: lrn attributed (ms)"): 8.75,
        ("forward/lrn_share_percent", "Forward: lrn share (%)"): 100 * 8.75 / 29.5,
    }
    titles = [(info["name"]["tag"], info["displayName"]) for info in experiment["metricInfos"]]
    assert titles == list(figures)
    groups = served.groups()
    rows = {group["name"]: group for group in groups}
    assert set(rows) == {RUN, f"{NAME}/{WITHOUT}"}
    assert rows[RUN]["hparams"] == settings
    metrics = {row["name"]["tag"]: row["value"] for row in rows[RUN]["metricValues"]}
    assert metrics == pytest.approx({tag: value for (tag, _), value in figures.items()})
    (session,) = rows[RUN]["sessions"]
    assert session["status"] == "STATUS_SUCCESS"
    assert (session["startTimeSecs"], session["endTimeSecs"]) == (STARTED_S, STARTED_S + 40)


def test_hardware_is_the_accelerators_and_an_incomplete_run_has_no_end(tmp_path: Path) -> None:
    gpus = tuple(Device(f"GPU:{number}", "A card") for number in range(2))
    machine = replace(MACHINE, accelerators=gpus)
    served = serve(tmp_path, run=examples.run(machine=machine, complete=False))
    (group,) = served.groups()
    assert group["hparams"]["hardware"] == "A card, A card"
    assert group["sessions"][0]["status"] == "STATUS_UNKNOWN"


def test_markdown_is_shown_as_such(served: Served) -> None:
    assert served.json("text/tags")[RUN] == ["report"]
    (text,) = served.json("text/text", run=RUN, tag="report")
    assert "<h1>Costs</h1>" in text["text"]
    assert "<td><code>conv1</code></td>\n<td>8.5</td>" in text["text"]


def test_a_run_with_nothing_but_timed_steps_is_shown(tmp_path: Path) -> None:
    served = serve(tmp_path, run=examples.run_of_phase("forward", with_trace=False))
    figures = ("step_time_ms", "mean_ms", "std_ms", "median_ms")
    assert set(served.json("scalars/tags")[RUN]) == {f"forward/{figure}" for figure in figures}
    assert RUN not in served.json("graphs/info")


def test_a_run_in_which_nothing_was_measured_yet_is_shown(tmp_path: Path) -> None:
    planned = Variant(label="with", phases={"forward": Phase(label="Forward")})
    run = examples.run({WITH: planned}, complete=False)
    served = serve(tmp_path, run=run, timed={}, graph=graph())
    assert served.json("graphs/info")[RUN]["run_graph"]
    assert served.json("scalars/tags") == {}
    (group,) = served.groups()
    assert group["metricValues"] == []


def test_odd_names_come_through(tmp_path: Path) -> None:
    layer, kind = 'größe/"<b>&%2F? \\ \n層', ""
    variant, phase = "mit LRN & 50 % ü", "vor wärts"
    served = serve(
        tmp_path,
        variant,
        run=examples.run_of_phase(phase, variant),
        timed={phase: examples.steps(3)},
        costs={(variant, phase): examples.costs({(layer, kind): (20.0, 22.0)})},
    )
    name = f"{NAME}/{variant}"
    assert f"{phase}_layers/{layer}_ms" in served.json("scalars/tags")[name]
    for tag in (f"_layers/{layer}_ms", "_kinds/_ms"):
        points = {step: value for _, step, value in served.scalar(name, f"{phase}{tag}")}
        assert points == pytest.approx({0: 20, 1: 22})
    assert len(served.scalar(name, f"{phase}/step_time_ms")) == 3
    (group,) = served.groups()
    assert group["hparams"]["variant"] == variant


BOTH = {"forward": examples.steps(20), "train": examples.steps(30)}


def test_a_rerun_leaves_one_file_with_everything_and_nothing_counts_twice(tmp_path: Path) -> None:
    early = write(tmp_path)
    served, content = Served(tmp_path), early.read_bytes()
    path = write(tmp_path, timed=BOTH)
    assert list((tmp_path / NAME / WITH).iterdir()) == [path]
    early.write_bytes(content)  # as if the process was killed before it removed the file
    for reader in (Served(tmp_path), served):
        reader.reload()
        points = reader.scalar(RUN, "forward/step_time_ms")
        assert [step for _, step, _ in points] == list(range(20))
        assert len(reader.scalar(RUN, "train/step_time_ms")) == 30
        means = [step for _, step, _ in reader.scalar(RUN, "forward/mean_ms")]
        assert means == list(range(2, 21, 2))


def test_a_phase_may_be_called_like_the_text(tmp_path: Path) -> None:
    run = examples.run_of_phase("report")
    served = serve(tmp_path, run=run, run_metadata={"report": run_metadata()})
    assert served.json("text/tags")[RUN] == ["report/text"]
    assert "lrn1/LRN" in served.text("graphs/run_metadata", run=RUN, tag="report")


def test_writing_does_not_import_tensorflow(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.tensorboard import examples, test_summaries as made
costs = {{("with_lrn", "forward"): examples.costs(made.SHARES_MS)}}
metadata = {{"forward": made.run_metadata()}}
del sys.modules["tensorboard.compat.notf"]
made.write(Path({str(tmp_path)!r}), costs=costs, graph=made.graph(), run_metadata=metadata)
"""
    assert "tensorflow" not in loaded_by(script)


def test_many_layers_share_a_chart_and_still_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    shares_ms = {**SHARES_MS, ("pool1", "MaxPool"): (0.5, 0.25), ("relu1", "Relu"): (0.1, 0.5)}
    costs = {(WITH, "forward"): examples.costs(shares_ms)}

    def layers() -> dict[str, list[float]]:
        lines = all_series(examples.run(), WITH, {}, costs, 0.0)
        return {
            series.tag.rpartition("/")[2]: list(series.values)
            for series in lines
            if series.tag.startswith("forward_layers/")
        }

    whole = layers()
    monkeypatch.setattr(scalars, "MOST_CHARTS", 2)
    assert layers() == {
        "conv1_ms": whole["conv1_ms"],
        "lrn1_ms": whole["lrn1_ms"],
        "(others)_ms": pytest.approx([0.6, 0.75]),
    }
