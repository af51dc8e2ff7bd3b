"""Traces of real programs that may lie beside the repository; tests pass without them.

shared/traces has public ones, as has shared/traces/more; those in shared/traces/h200 were recorded
on an H200 for this project. INDEX.md there says what each is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "shared" / "traces"
BERT = SAMPLES / "tf_gpu_bert_2_of_8_gpus.xplane.pb"

PUBLIC = sorted([*SAMPLES.glob("*.xplane.pb"), *SAMPLES.glob("more/*.xplane.pb")])
H200 = sorted(SAMPLES.glob("h200/*.xplane.pb"))
EVERY = PUBLIC + H200
JAX = [path for path in PUBLIC if path != BERT]

# Which steps to take where a trace marks several sorts.
MARKERS = {"train_on_batch_and_test.xplane": "train"}

needs_samples = pytest.mark.skipif(not BERT.exists(), reason="no sample traces here")
