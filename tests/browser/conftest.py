"""A real browser over a real TensorBoard, without a network.

Chromium is Debian's (`apt install chromium`) or what ALEXPROF_CHROMIUM names; Playwright drives it.
Without one these tests are skipped, unless ALEXPROF_BROWSER=required, as in .ci/run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from alexprof.record.note import Note
from alexprof.record.store import load_run, save_run
from alexprof.tensorboard.run_events import write_events
from alexprof.tracer.importing import import_trace
from tests.analysis.made import made_run
from tests.browser.tab import HOSTILE, Tab
from tests.trace_runs import write_trace

CHROMIUM = os.environ.get("ALEXPROF_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
NAMES = {f"{HOSTILE[0]}/Conv2D": 0.5, HOSTILE[1]: 0.2}
UPDATE = bool(os.environ.get("ALEXPROF_UPDATE_PICTURES"))
"""Whether to make the documentation's pictures anew, of a longer run."""
REQUIRED = os.environ.get("ALEXPROF_BROWSER") == "required"
SHARED = Path(__file__).parents[3] / "shared" / "traces" / "h200"
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The browser."""
    if CHROMIUM is None:
        assert not REQUIRED, "no chromium, and ALEXPROF_BROWSER=required"
        pytest.skip("no chromium: sudo apt install chromium, or set ALEXPROF_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of every sort: see the names."""
    folder = tmp_path_factory.mktemp("browser") / "logdir"
    profile = [sys.executable, "-m", "alexprof", "profile", "--logdir", str(folder)]
    batches, size = ("40", "8") if UPDATE else ("6", "2")
    small = ["--num-batches", batches, "--batch-size", size, "--trace-steps", "5", "--burn-in", "2"]
    subprocess.run([*profile, *small, "--name", "alexnet"], check=True, capture_output=True)
    trace = write_trace(folder.parent / "imported" / "vm.xplane.pb", steps=4)
    import_trace(str(trace), logdir=folder, name="imported")
    made_run(folder / "hostile", {HOSTILE[0]: 0.1, "b": 0.1}, ops={**NAMES, "x" * 10_000: 0.1})
    write_events(load_run(folder / "hostile"))
    gpu = SHARED / "keras_nojit.xplane.pb"
    if gpu.exists():
        import_trace(str(gpu), logdir=folder, name="gpu")
    incomplete(folder / "incomplete")
    damage(folder, "imported", "damaged")
    return folder


def incomplete(folder: Path) -> None:
    """A run that was killed after its first phase."""
    made_run(folder, {"v": 0.1}, seed=1)
    run = replace(load_run(folder), complete=False, stopped=Note("killed"))
    save_run(folder, run)
    write_events(run.placed(folder))


def damage(logdir: Path, name: str, other: str) -> None:
    """A copy of a run whose trace and costs were damaged afterwards."""
    shutil.copytree(logdir / name, logdir / other)
    for path in (logdir / other).rglob("*.xplane.pb"):
        path.write_bytes(b"no trace")
    (logdir / other / "costs.parquet").write_bytes(b"no table")


def serve(logdir: Path) -> Generator[str, None, None]:
    """A TensorBoard; yields its address."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--port", "0"]
    once = ["--host", "127.0.0.1", "--reload_interval", "1"]
    process = subprocess.Popen(
        [*command, *once], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        found = (str(match[0]) for line in process.stderr if (match := _ADDRESS.search(line)))
        address = next(found, None)
        assert address is not None, "TensorBoard did not start"
        # Its log must not fill the pipe.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield address.rstrip("/")
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="session")
def address(logdir, chromium) -> Iterator[str]:
    """A TensorBoard over all runs."""
    yield from serve(logdir)


@pytest.fixture
def tab(chromium, address) -> Iterator[Tab]:
    """The tab in a new window; its end fails if anything went wrong in it."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    opened = Tab(context, address)
    yield opened
    context.close()
    assert opened.faults == []
