from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("room", "heavy"),
    [
        ("attribute", {"tensorflow", "polars", "scipy", "xprof"}),
        ("xplane", {"tensorflow", "polars", "scipy", "xprof", "google", "msgspec"}),
    ],
)
def test_importing_a_room_is_light(room, heavy):
    code = f"import sys, alexprof.{room}; print(*(name.split('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())
