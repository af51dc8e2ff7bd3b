"""A broken-down step adds up, whatever it is divided by."""

from __future__ import annotations

import math

import pytest

from alexprof.analysis.breakdown import LEVELS, blocks_of, layer_depth, name_of, parts_of
from alexprof.analysis.division import device_ops, divide
from alexprof.measure.chunks import step_interval
from alexprof.record.parquet import load_costs
from alexprof.record.store import load_run
from tests.analysis.made import made_run


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run, its phase, its division, its table of costs."""
    folder = tmp_path_factory.mktemp("made") / "run"
    made_run(folder, {"v": 0.1}, seed=3)
    run = load_run(folder)
    (variant, key, phase), *_ = run.all_phases()
    division = divide(run, variant, key)
    return phase, division, load_costs(folder, run)


@pytest.mark.parametrize("level", LEVELS)
def test_parts_and_idle_time_are_the_step(made, level):
    phase, division, costs = made
    parts = parts_of(phase, division, level, costs=costs)
    total_s = math.fsum(part.share_s for part in parts) + division.idle_s
    assert total_s == pytest.approx(division.step_s, rel=1e-9)
    for part in parts:
        assert math.fsum(part.by_pass_s.values()) == pytest.approx(part.share_s)
    names = [part.name for part in parts]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("level", LEVELS)
def test_a_part_is_the_sum_of_its_ops_in_every_step(made, level):
    phase, division, costs = made
    name = name_of(level)
    kind_of = {(op.name, op.type, op.pass_): name(op) for op in device_ops(phase, division)}
    slow: dict[str, dict[int, float]] = {}
    for row in costs.iter_rows(named=True):
        key = (row["op"], row["type"], row["pass"])
        if key in kind_of and row["device"] == division.device:
            steps = slow.setdefault(kind_of[key], {})
            steps[row["step"]] = steps.get(row["step"], 0.0) + row["share_ns"]
    for part in parts_of(phase, division, level, costs=costs):
        expected = [division.scale * ns / 1e9 for _, ns in sorted(slow[part.name].items())]
        assert part.steps_s == pytest.approx(expected)
        assert sum(part.steps_s) / len(part.steps_s) == pytest.approx(part.share_s, rel=1e-6)


def test_layers_have_the_interval_of_the_record(made):
    phase, division, costs = made
    recorded = {layer.name: layer.ci95_s for layer in division.layers}
    for part in parts_of(phase, division, "layer", costs=costs):
        assert part.ci95_s == recorded[part.name]


def test_other_parts_have_an_interval_by_the_same_rule(made):
    import numpy as np

    phase, division, costs = made
    for part in parts_of(phase, division, "kind", costs=costs):
        low, high = step_interval(np.array(part.steps_s)) or (0.0, 0.0)
        assert part.ci95_s[0] <= low * (1 + 1e-9)
        assert part.ci95_s[1] >= high * (1 - 1e-9)


def test_without_the_table_there_are_no_single_steps(made):
    phase, division, _ = made
    assert {part.steps_s for part in parts_of(phase, division, "kind")} == {()}


@pytest.mark.parametrize("levels", LEVELS.values())
def test_blocks_are_as_large_as_what_is_in_them(made, levels):
    phase, division, _ = made

    def check(blocks, share_s, depth):
        assert math.fsum(block.share_s for block in blocks) == pytest.approx(share_s)
        for block in blocks:
            assert bool(block.parts) == (depth + 1 < len(levels))
            if block.parts:
                check(block.parts, block.share_s, depth + 1)

    check(blocks_of(phase, division, levels), division.step_s - division.idle_s, 0)


def test_layers_stand_in_the_network_s_order(made):
    phase, division, _ = made
    order = ["conv2", "conv1"]
    names = [block.name for block in blocks_of(phase, division, ("layer",), order)]
    assert names[:2] == order


def test_names_of_layers_are_cut(made):
    from msgspec.structs import replace

    phase, division, costs = made
    nested = replace(phase, ops=tuple(replace(op, layer=f"net/{op.layer}/x") for op in phase.ops))
    assert layer_depth(nested) == 3 + max(op.layer.count("/") for op in phase.ops)
    (whole,) = parts_of(nested, division, "layer", 1, costs)
    assert whole.name == "net"
    assert whole.share_s == pytest.approx(division.step_s - division.idle_s)
