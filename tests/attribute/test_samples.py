"""Traces of real programs, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from alexprof.attribute import attribute, by_kind, totals
from alexprof.xplane import read_trace

SAMPLES = Path(__file__).parents[3] / "shared" / "traces"
BERT = SAMPLES / "tf_gpu_bert_2_of_8_gpus.xplane.pb"

needs_samples = pytest.mark.skipif(not BERT.exists(), reason="no sample traces here")


@pytest.fixture(scope="module")
def bert():
    return attribute(read_trace(BERT))


@needs_samples
def test_bert_has_the_devices_that_were_busy(bert):
    assert bert.costs["device"].unique(maintain_order=True).to_list() == [
        "CPU",
        "GPU:1",
        "GPU:4",
        "GPU:6",
    ]
    assert bert.device in {"GPU:4", "GPU:6"}
    assert bert.outside_events == 0
    assert bert.notes[0].startswith("No step is marked")


@needs_samples
@pytest.mark.parametrize(("device", "events"), [("GPU:1", 19), ("GPU:4", 759), ("GPU:6", 778)])
def test_bert_counts_each_kernel_and_copy_once(bert, device, events):
    # Its streams hold that many; the derived lines `TensorFlow Ops` have each kernel again.
    assert bert.costs.filter(device=device)["kernels"].sum() == events


@needs_samples
def test_bert_busy_time_is_that_of_the_streams(bert):
    plane = next(p for p in read_trace(BERT).planes if p.name == "/device:GPU:4")
    streams = plane.events(lambda line: line.name.startswith("Stream #"))
    busy = bert.costs.filter(device="GPU:4")["busy_ns"].sum()
    assert busy == pytest.approx(streams.duration_ps.sum() / 1000, abs=bert.costs.height)


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
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.xplane.pb")), ids=lambda path: path.stem)
def test_each_sample_closes(path):
    for books in totals(attribute(read_trace(path)).costs):
        assert books.share_ns + books.idle_ns == books.wall_ns
        assert books.unassigned_ns <= 0.2 * books.share_ns
