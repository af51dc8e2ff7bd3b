"""What each pair of blocks saved: the same blocks as the interval's, by the leading estimator."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from alexprof.analysis.pair_savings import pair_savings
from alexprof.record.ablation import AblationSpec
from alexprof.record.parquet import load_steps
from alexprof.record.timed import Stretch, blocks_together
from tests.analysis.made import made_run

LRN = AblationSpec("lrn", "with_lrn", "without_lrn", kinds=("LRN",))
STRETCH = Stretch("forward", 1, 3, 1.2, ("with_lrn",))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "pairs"
    without = {"without_lrn": ("lrn1",)}
    steps_s = {"with_lrn": 0.2, "without_lrn": 0.2}
    return folder, made_run(folder, steps_s, without=without, noise=0.05, ablations=(LRN,))


def blocks_of(folder, run, variant):
    """Timed steps of each block, in the order they ran, the slow and obvious way."""
    rows = [
        row
        for row in load_steps(folder, run).iter_rows(named=True)
        if row["variant"] == variant and row["block"] >= 0 and not row["traced"]
    ]
    orders = sorted({row["order"] for row in rows})
    return [[row["seconds"] for row in rows if row["order"] == order] for order in orders]


def test_means_come_from_the_record_alone(made):
    folder, run = made
    a, b = (blocks_of(folder, run, variant) for variant in ("with_lrn", "without_lrn"))
    expected = [np.mean(x) - np.mean(y) for x, y in zip(a, b, strict=True)]
    assert pair_savings(run, run.ablations[0], None) == pytest.approx(expected)
    assert np.mean(expected) == pytest.approx(run.ablations[0].measured_s)


def test_medians_take_the_table(made):
    folder, run = made
    slow = msgspec.structs.replace(run, stretches=(STRETCH,))
    a, b = (blocks_of(folder, run, variant) for variant in ("with_lrn", "without_lrn"))
    expected = [np.median(x) - np.median(y) for x, y in zip(a, b, strict=True)]
    steps = load_steps(folder, run)
    assert pair_savings(slow, run.ablations[0], steps) == pytest.approx(expected)
    assert pair_savings(slow, run.ablations[0], None) == ()


def test_what_did_not_take_turns_has_no_pairs(made):
    folder, run = made
    apart = msgspec.structs.replace(run.ablations[0], paired=False)
    assert pair_savings(run, apart, load_steps(folder, run)) == ()


@pytest.mark.parametrize("count", [39, 40, 97])
def test_neighbors_of_many_blocks_are_together(made, count):
    _, run = made

    def many(phase, variant):
        first = phase.timed.blocks[0]
        blocks = tuple(
            replace(first, block=at, order=2 * at + (variant == "without_lrn"), steps=1 + at % 3)
            for at in range(count)
        )
        blocks = tuple(
            replace(block, mean_s=1.0 + block.block / 100 * (variant == "with_lrn"))
            for block in blocks
        )
        return msgspec.structs.replace(phase, timed=replace(phase.timed, blocks=blocks))

    variants = {
        name: msgspec.structs.replace(
            variant, phases={key: many(phase, name) for key, phase in variant.phases.items()}
        )
        for name, variant in run.variants.items()
    }
    long = msgspec.structs.replace(run, variants=variants)
    pairs = pair_savings(long, run.ablations[0], None)
    size = blocks_together(count)
    assert len(pairs) == count // size
    # Each value is the mean of so many neighbors, weighted by their steps.
    numbers = list(range(count))
    groups = [numbers[size * at : size * (at + 1)] for at in range(count // size)]
    groups[-1] = numbers[size * (count // size - 1) :]
    for pair, group in zip(pairs, groups, strict=True):
        weights = [1 + at % 3 for at in group]
        total = sum(weight * at / 100 for weight, at in zip(weights, group, strict=True))
        assert pair == pytest.approx(total / sum(weights))
