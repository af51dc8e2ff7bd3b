from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def recorded(tmp_path_factory) -> dict[str, Path]:
    """Traces of real programs by kind: see recording.py."""
    folder = tmp_path_factory.mktemp("recorded")
    done = subprocess.run(
        [sys.executable, "-m", "tests.attribute.recording", str(folder)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path.relative_to(folder).parts[0]: path for path in folder.rglob("*.xplane.pb")}
