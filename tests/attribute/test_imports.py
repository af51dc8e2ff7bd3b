from __future__ import annotations

import subprocess
import sys


def said(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_the_room_is_light():
    heavy = "{'polars', 'tensorflow', 'scipy'}"
    assert said(f"import sys, alexprof.attribute; print(*{heavy} & set(sys.modules))") == []


def test_attributing_needs_no_tensorflow():
    code = (
        "import sys; from tests.attribute.hand import *; "
        "attribute(on_host(one=[('a:A', 0, 5)])); "
        "print(*(name for name in sys.modules if name.startswith(('tensorflow', 'xprof'))))"
    )
    assert said(code) == []
