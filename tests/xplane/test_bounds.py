"""Small files that want much get little: memory as a function of their size, and time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.xplane.hostile import KINDS, cost

SIZE_BYTES = 4_000_000
MOST_SECONDS = 10.0  # a second where nothing else runs


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read in /proc")
@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_at_most_eight_times_the_file_and_100_mb(kind: str, tmp_path: Path):
    data = KINDS[kind](SIZE_BYTES)
    peak_bytes, took_s, said = cost(data, tmp_path)
    assert peak_bytes <= 8 * len(data) + 100_000_000
    assert took_s < MOST_SECONDS
    assert "Traceback" not in said
