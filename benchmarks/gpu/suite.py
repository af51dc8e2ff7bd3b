"""The project's own tests, on this machine."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from benchmarks.gpu.not_here import NotHere
from benchmarks.gpu.sizes import Sizes

ROOT = Path(__file__).parents[2]


def run_tests(sizes: Sizes, folder: Path) -> dict[str, Any]:
    """Runs pytest, on all cores where pytest-xdist is installed.

    Raises:
        NotHere: pytest isn't installed, or the tests aren't beside the benchmarks.
    """
    if importlib.util.find_spec("pytest") is None:
        raise NotHere("pytest isn't installed")
    missing = [path for path in sizes.tests if not (ROOT / path).exists()]
    if missing:
        raise NotHere(f"no {', '.join(missing)} beside the benchmarks")
    report = folder / "tests.xml"
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *sizes.tests]
    if len(sizes.tests) == 1 and importlib.util.find_spec("xdist") is not None:
        command += ["-n", "auto", "--dist", "loadfile"]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    return {"exit_code": done.returncode, **counted(report)}


def counted(report: Path) -> dict[str, Any]:
    """Counts the outcomes in a report of pytest's, and names what failed."""
    cases = list(ET.parse(report).getroot().iter("testcase"))
    failed = [case for case in cases if {"failure", "error"} & {child.tag for child in case}]
    skipped = [case for case in cases if case.find("skipped") is not None]
    return {
        "passed": len(cases) - len(failed) - len(skipped),
        "failed": [f"{case.get('classname')}::{case.get('name')}" for case in failed],
        "skipped": len(skipped),
        "seconds": sum(float(case.get("time", 0)) for case in cases),
    }
