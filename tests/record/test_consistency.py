"""A record that is impossible or contradicts itself is refused, with the place and numbers."""

from __future__ import annotations

import json

import pytest

from alexprof.errors import RunError, UsageError
from alexprof.record.ablation import AblationSpec
from alexprof.record.store import RUN_FILE, load_run
from alexprof.record.values import MOST_NAME
from alexprof.tracer.names import phase_key
from alexprof.tracer.traces import _keys
from tests.analysis.made import made_run

PHASE = "variants.with_lrn.phases.forward"
DEVICE = f"{PHASE}.attribution.devices.0"
ABLATION = "ablations.0"


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The run.json of two variants, timed and traced, and their ablation."""
    made_run(
        folder := tmp_path_factory.mktemp("run") / "a",
        {"with_lrn": 0.2, "without_lrn": 0.2},
        without={"without_lrn": ("lrn1",)},
        ablations=[AblationSpec("lrn", "with_lrn", "without_lrn", ("LRN",))],
    )
    return (folder / RUN_FILE).read_text()


def refusal(tmp_path, content, place, value) -> str:
    """The error for a run with another value at a place."""
    record = json.loads(content)
    *way, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    holder = record
    for key in way:
        holder = holder[key]
    assert holder[last] != value
    holder[last] = value
    (tmp_path / RUN_FILE).write_text(json.dumps(record))
    with pytest.raises(RunError) as caught:
        load_run(tmp_path)
    assert caught.value.code == "file_damaged"
    assert str(tmp_path / RUN_FILE) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("place", "values"),
    [
        (f"{PHASE}.timed.mean_s", (1e308, -1, 2e9, float("nan"), None)),
        (f"{PHASE}.timed.steps", (-5, 0, 10**18, 10**400)),
        (f"{PHASE}.timed.blocks.3.mean_s", (-0.1,)),
        (f"{PHASE}.timed.blocks.3.steps", (0,)),
        (f"{PHASE}.timed.ci95_s", ([0.1, 1e12], [0.1])),
        (f"{PHASE}.traced.steps", (0, 1 << 63)),
        (f"{PHASE}.traced.steps_s.2", (float("nan"), float("inf"), -1.0)),
        (f"{PHASE}.ops.0.share_fraction", (40, -0.01)),
        (f"{PHASE}.ops.0.executions_per_step", (-1,)),
        (f"{DEVICE}.idle_ns", (-1, 10**19, 0.5)),
        (f"{PHASE}.interference.cores", (0,)),
        (f"{ABLATION}.measured_s", (1e300,)),
        ("started", ("", "99999-01-01T00:00:00", "2026-11-24", "2026-02-31T00:00:00", "\x1b[31m")),
        ("machine.host.memory_bytes", (-1,)),
    ],
)
def test_an_impossible_number_is_refused(tmp_path, content, place, values):
    for value in values:
        text = refusal(tmp_path, content, place, value)
        named = ".".join(key for key in place.split(".")[-1:] if not key.isdigit())
        assert named in text or "JSON is malformed" in text


def test_names_of_a_megabyte_are_refused(tmp_path, content):
    long = content.replace('"forward":', f'"{"x" * 1_000_000}":')
    (tmp_path / RUN_FILE).write_text(long)
    with pytest.raises(RunError, match="length <= 1000"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (f"{PHASE}.timed.steps", 101, ("101, but 100", f"{PHASE}.timed.steps")),
        (f"{PHASE}.timed.blocks.0.mean_s", 0.3, ("according to blocks", "timed.mean_s")),
        (f"{PHASE}.timed.min_s", 0.3, ("is outside 0.3 to", "timed.mean_s")),
        (f"{PHASE}.timed.median_s", 0.3, ("0.3 is outside 0.19", "timed.median_s")),
        (f"{PHASE}.timed.ci95_s", [0.3, 0.2], ("0.3 is above 0.2", "timed.ci95_s")),
        (f"{PHASE}.timed.steadiness.levels_s", [], ("0 levels, but 1 first", "steadiness")),
        (f"{PHASE}.traced.steps", 11, ("11, but 10 according to steps_s", "traced.steps")),
        (f"{PHASE}.traced.steps_s.0", 0.3, ("according to steps_s", "traced.mean_s")),
        (f"{PHASE}.traced", None, ("no traced steps", "traced")),
        (f"{DEVICE}.share_ns", 5, ("according to share_ns + idle_ns", "CPU.wall_ns")),
        (f"{DEVICE}.unassigned_ns", 10**12, ("1000000000000 is more", "unassigned_ns")),
        (f"{DEVICE}.idle_by_reason_ns.python", 7, ("7 according to idle_by_reason", "CPU.idle_ns")),
        (f"{PHASE}.attribution.device", "GPU:0", ("no times of the device GPU:0", "")),
        (f"{PHASE}.ops.1.share_fraction", 0.5, ("attribution.devices.CPU", "ops.share_fraction")),
        (f"{PHASE}.ops.1.share_mean_s", 0.5, ("0.5, but", "ops.conv2.share_mean_s")),
        (f"{PHASE}.layers.0.share_mean_s", 0.5, ("0.5, but", "layers.conv1.share_mean_s")),
        (f"{PHASE}.ops.0.share_ci95_s", [1.0, 0.5], ("1 is above 0.5", "ops.share_ci95_s")),
        (f"{ABLATION}.ci95_s", [0.2, 0.1], ("0.2 is above 0.1", "ablations.lrn.ci95_s")),
        (f"{ABLATION}.parts.0.ci95_s", [2, 1], ("2 is above 1", "ablations.lrn.ci95_s")),
        (f"{ABLATION}.reference", "other", ("no forward of other", "ablations.lrn")),
        (f"{ABLATION}.phase", "other", ("no other of with_lrn", "ablations.lrn")),
        (
            "stretches",
            [{"phase": "x", "first_step": 1, "last_step": 2, "ratio": 2, "variants": []}],
            ("no phase x", "stretches"),
        ),
    ],
)
def test_a_contradiction_names_the_place_and_both_numbers(tmp_path, content, place, value, said):
    text = refusal(tmp_path, content, place, value)
    assert all(part in text for part in said), text


def test_a_phase_with_a_long_name_in_a_trace_gets_a_valid_key():
    keys = _keys(["x" * 5000, "x" * 6000, "y"])
    assert len(set(keys)) == 3
    assert max(map(len, keys)) <= MOST_NAME
    with pytest.raises(UsageError, match="at most 1000"):
        phase_key("x" * 5000)
