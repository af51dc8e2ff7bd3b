"""Traces of real programs, where they are at hand."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest

from alexprof.attribute import attribute, by_kind, totals
from alexprof.attribute.division import UNASSIGNED_OP
from alexprof.xplane import read_trace
from tests.samples import BERT, EVERY, MARKERS, PUBLIC, needs_samples


@pytest.fixture(scope="module")
def bert():
    return attribute(read_trace(BERT))


@needs_samples
def test_bert_counts_each_kernel_and_copy_of_the_devices_that_were_busy_once(bert):
    """The derived lines `TensorFlow Ops` have each kernel of the streams again."""
    counts = bert.costs.group_by("device", maintain_order=True).agg(
        pl.col("kernels", "busy_ns").sum()
    )
    kernels = dict(counts.select("device", "kernels").iter_rows())
    assert list(kernels.items()) == [("CPU", 0), ("GPU:1", 19), ("GPU:4", 759), ("GPU:6", 778)]
    plane = next(p for p in read_trace(BERT).planes if p.name == "/device:GPU:4")
    streams = plane.events(lambda line: line.name.startswith("Stream #"))
    busy = counts.filter(device="GPU:4")["busy_ns"].item()
    assert busy == pytest.approx(streams.duration_ps.sum() / 1000, abs=bert.costs.height)
    assert bert.device in {"GPU:4", "GPU:6"}
    assert bert.outside_events == 0
    assert bert.notes[0].code == "steps_not_marked"


@needs_samples
def test_bert_kernels_have_ops_layers_and_kinds(bert):
    kernels = bert.costs.filter(pl.col("device") == "GPU:4", pl.col("op") != "(idle)")
    by_share = by_kind(kernels)["name"].to_list()
    assert by_share[:4] == ["Cast", "RandomUniform", "GreaterEqual", "Mul"]
    lost = kernels.filter(op="(unassigned)")
    assert lost["kernels"].sum() == 7  # copies: 2 say nothing, 5 only the name of an edge
    assert lost["busy_ns"].sum() < 0.01 * kernels["busy_ns"].sum()
    assert {"layer_0", "layer_23"} <= set(kernels["layer"])


@needs_samples
@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_each_sample_closes(path):
    attribution = attribute(read_trace(path), MARKERS.get(path.stem))
    for books in totals(attribution.costs):
        assert books.share_ns + books.idle_ns == books.wall_ns
        if path in PUBLIC and books.device == attribution.device:
            # What may be without an op: test_device_events.py
            assert books.unassigned_ns <= 0.2 * books.share_ns


@needs_samples
def test_a_device_that_only_copies_is_not_the_one_that_works():
    """JAX moves weights from GPU 0 to GPU 7, which computes. No op asked for the copies."""
    path = next((path for path in EVERY if path.name.startswith("tl_jax_conv_minimal")), None)
    if path is None:
        pytest.skip("no such sample here")
    attribution = attribute(read_trace(path))
    assert attribution.device == "GPU:7"
    executions: Counter[tuple[str, bool]] = Counter()
    for kernel in attribution.kernels:
        executions[kernel.device, kernel.op == UNASSIGNED_OP] += kernel.executions
    assert executions == {("GPU:0", True): 53, ("GPU:7", False): 25}
