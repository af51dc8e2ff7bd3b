"""How long the AlexProf tab takes in a browser, against xprof's overview of the same trace.

Chromium over a TensorBoard on loopback: from opening the tab to its first chart, on a trace of
2.4 million events; until 100 runs are listed; a step of 100,000 events until it is drawn, and how
many frames a second it is moved with, by the browser's own trace.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alexprof.tracer.importing import import_trace
from benchmarks.reader import EVENTS, events_of, record_session
from tests.attribute.hand import draw
from tests.browser.conftest import CHROMIUM, serve
from tests.trace_runs import write_trace
from tests.traces import TraceBuilder

LARGE = "2.4 M"
RUNS = 100
STEP_EVENTS = 100_000
ROUNDS = 3
FIRST_CHART_S, LISTED_S, DRAWN_S, FRAMES_PER_S = 1.0, 2.0, 1.0, 30.0
"""The marks, for two cores."""
PAN_S = 3.0
WAIT_MS = 120_000


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Medians of each time; ratios to xprof's."""
    del arguments
    if CHROMIUM is None:
        print("dashboard: no chromium, left out (apt install chromium)")
        return {}
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        result = {
            "large": _large(Path(folder) / "large", browser),
            "many": _many(Path(folder) / "many", browser),
            "timeline": _timeline(Path(folder) / "step", browser),
        }
        browser.close()
    return result


@contextmanager
def _served(logdir: Path) -> Iterator[str]:
    server = serve(logdir)
    try:
        address = next(server)
        _wait_for_runs(address, len(list(logdir.iterdir())))
        yield address
    finally:
        server.close()


def _wait_for_runs(address: str, count: int) -> None:
    """TensorBoard reads its files in the background; that is not the tab's time."""
    while True:
        if len(_answer(f"{address}/data/plugin/alexprof/data/runs")["runs"]) >= count:
            return
        time.sleep(0.2)


def _answer(url: str) -> Any:
    """A route's JSON; xprof compresses it unasked."""
    with urllib.request.urlopen(url) as answer:
        content = answer.read()
    return json.loads(gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content)


def _open_s(browser: Any, address: str, hash_: str, drawn: str) -> float:
    """Seconds from opening the tab to a condition, in a new window without a cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    start = time.perf_counter()
    page.goto(f"{address}/data/plugin_entry.html?name=alexprof#{hash_}", wait_until="commit")
    page.wait_for_function(drawn, timeout=WAIT_MS, polling="raf")
    took = time.perf_counter() - start
    context.close()
    return took


def _large(folder: Path, browser: Any) -> dict[str, Any]:
    """The first chart, and xprof's overview, of a large trace: in turns, nothing kept."""
    per_step = events_of(record_session(folder / "probe", 2)) / 2
    trace = record_session(folder / "trace", max(round(EVENTS[LARGE] / per_step), 1))
    events = events_of(trace)
    import_trace(str(trace), logdir=folder / "logdir", name="large")
    (session,) = (folder / "logdir").rglob("plugins/profile/*")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        with _served(folder / "logdir") as address:
            chart = "document.querySelector('.chart[data-drawn]')"
            ours.append(_open_s(browser, address, "p.alexprof.run=large", chart))
        for kept in session.iterdir():
            if not kept.name.endswith(".xplane.pb"):
                kept.unlink()
        with _served(folder / "logdir") as address:
            theirs.append(_overview_s(address, session.name))
    first_s, overview_s = statistics.median(ours), statistics.median(theirs)
    print(
        f"A run of {events:,} events: first chart after {first_s:.2f} s (mark {FIRST_CHART_S}), "
        f"xprof's overview has its data after {overview_s:.2f} s: {overview_s / first_s:.1f}×",
        flush=True,
    )
    return {"events": events, "first_chart_s": ours, "xprof_overview_s": theirs}


def _overview_s(address: str, session: str) -> float:
    base = f"{address}/data/plugin/profile"
    while True:
        if runs := [name for name in _answer(f"{base}/runs") if session in name]:
            break
        time.sleep(0.2)
    start = time.perf_counter()
    query = urllib.parse.urlencode({"run": runs[0], "tag": "overview_page", "host": ""})
    with urllib.request.urlopen(f"{base}/data?{query}") as answer:
        answer.read()
    return time.perf_counter() - start


def _many(folder: Path, browser: Any) -> dict[str, Any]:
    trace = write_trace(folder / "vm.xplane.pb", steps=4)
    import_trace(str(trace), logdir=folder / "logdir", name="run-000")
    for number in range(1, RUNS):
        shutil.copytree(folder / "logdir" / "run-000", folder / "logdir" / f"run-{number:03}")
    listed = f"document.querySelectorAll('select[data-name=run] option').length === {RUNS}"
    with _served(folder / "logdir") as address:
        times = [_open_s(browser, address, "", listed) for _ in range(ROUNDS)]
    print(
        f"{RUNS} runs listed after {statistics.median(times):.2f} s (mark {LISTED_S})", flush=True
    )
    return {"listed_s": times}


def _timeline(folder: Path, browser: Any) -> dict[str, Any]:
    """A step of many events, on four threads."""
    trace = _write_step(folder / "vm.xplane.pb")
    import_trace(str(trace), logdir=folder / "logdir", name="step")
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    with _served(folder / "logdir") as address:
        drawn = "document.querySelector('.lanes[data-drawn]')"
        hash_ = "p.alexprof.page=when&p.alexprof.run=step"
        cold = _open_s(browser, address, hash_, drawn)
        warm = [_open_s(browser, address, hash_, drawn) for _ in range(ROUNDS)]
        page.goto(f"{address}/data/plugin_entry.html?name=alexprof#{hash_}")
        page.wait_for_function(drawn, timeout=WAIT_MS)
        draw_s = page.evaluate(_REDRAW) / 1e3
        frames = {zoom: _frames_per_s(browser, page, zoom) for zoom in (1, 8, 64)}
    context.close()
    print(
        f"A step of {STEP_EVENTS:,} events: opened and drawn after {statistics.median(warm):.2f} s "
        f"(the first time, with reading the trace, {cold:.2f} s; mark {DRAWN_S}); drawing alone "
        f"{draw_s * 1e3:.0f} ms; moved with "
        + ", ".join(f"{rate:.0f} frames a second at {zoom}×" for zoom, rate in frames.items())
        + f" (mark {FRAMES_PER_S:.0f})",
        flush=True,
    )
    return {"cold_s": cold, "warm_s": warm, "draw_s": draw_s, "frames_per_s": frames}


_REDRAW = """async () => {
  const canvas = document.querySelector('canvas');
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await frame();
  const start = performance.now();
  canvas.dispatchEvent(new KeyboardEvent('keydown', { key: '0' }));
  await frame();
  await frame();
  return performance.now() - start;
}"""


def _frames_per_s(browser: Any, page: Any, zoom: int) -> float:
    """Frames that the browser drew while the step was dragged to and fro."""
    canvas = page.query_selector("canvas")
    canvas.focus()
    page.keyboard.press("0")
    for _ in range(zoom.bit_length() - 1):
        page.keyboard.press("+")
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    browser.start_tracing(page=page, categories=["devtools.timeline"])
    start, moves = time.perf_counter(), 0
    while time.perf_counter() - start < PAN_S:
        moves += 1
        page.mouse.move(x + 200 * (-1) ** (moves // 40) * (moves % 40) / 40, y)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    page.mouse.up()
    drawn = sorted(event["ts"] for event in events if event["name"] == "FireAnimationFrame")
    return (len(drawn) - 1) / ((drawn[-1] - drawn[0]) / 1e6) if len(drawn) > 1 else 0.0


def _write_step(path: Path) -> Path:
    """A trace of two steps of many short ops."""
    length_ns, threads = 1000, 4
    step_ns = STEP_EVENTS // threads * length_ns
    kinds = ("Conv2D", "LRN", "MaxPool", "Relu", "MatMul")
    names = [f"layer{number % 40}/op{number}:{kinds[number % 5]}" for number in range(400)]
    lines: dict[str, Any] = {
        "python": [("train", at, at + step_ns, {"step_num": at}) for at in (0, step_ns)]
    }
    for thread in range(threads):
        lines[f"tf_Compute/{thread}"] = [
            (names[(event * 7 + thread) % 400], at, at + length_ns * (event % 9 + 1) // 10)
            for event, at in enumerate(range(0, 2 * step_ns, length_ns))
        ]
    trace = TraceBuilder()
    draw(trace.plane("/host:CPU"), lines)
    return trace.write(path)
