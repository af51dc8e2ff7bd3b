"""Records with odd values must be shown if they can be read, and refused if not.

python -m tests.analysis.alterations [SEED [COUNT]] alters each run COUNT times.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from alexprof.analysis.compare import compare
from alexprof.analysis.gate import gate, parse_bound
from alexprof.analysis.history import history
from alexprof.analysis.selection import Group
from alexprof.errors import AlexProfError
from alexprof.record.parquet import STEPS_FILE
from alexprof.record.run import Run
from alexprof.record.store import RUN_FILE, load_run, save_run
from alexprof.show.comparison import render_comparison
from alexprof.show.gate import render_gate
from alexprof.show.options import ReportOptions
from alexprof.show.outputs import render
from alexprof.show.over_time import render_history
from alexprof.tracer.sources import select, select_each
from benchmarks.stress.records import places
from tests import h200

NUMBERS = (0, 1, 1e-9, 5e-324, 1e9, 1e15, -1e9, -1)
COUNTS = (0, 1, 2, 3, 10**9, 10**15)
TEXTS = (
    *("outside_waits", "trace_withheld", "stopped", "bound_by_launching", "gpu_slowed"),
    "",
    "x" * 3000,
    "\x1b[31m\r\u202e",
    "a\n\nb",
    "(idle)",
    "(unassigned)",
    "{names}{0}",
    "|<b>",
)


def alter(record: dict[str, Any], chance: random.Random) -> str:
    """Changes a record in one to three places, or scales all its times; says how."""
    if chance.random() < 0.15:
        factor = chance.choice((0, 1e-9, 1e-6, 1e6))
        scale(record, factor)
        return f"times x {factor:g}"
    return "; ".join(_alter_place(record, chance) for _ in range(chance.choice((1, 1, 2, 3))))


def _alter_place(record: dict[str, Any], chance: random.Random) -> str:
    # The head of the record is chosen as often as the thousand ops together.
    all_places = list(places(record))
    kinds = sorted({name for _, _, name in all_places})
    kind = chance.choice(kinds)
    holder, key, _ = chance.choice([place for place in all_places if place[2] == kind])
    if (isinstance(holder, list) and key >= len(holder)) or (
        isinstance(holder, dict) and key not in holder
    ):
        return "nothing"
    value = holder[key]
    if chance.random() < 0.2:
        holder[key] = None
        return f"{kind} = None"
    if chance.random() < 0.1:
        holder.pop(key)
        return f"no {kind}"
    if isinstance(value, bool):
        holder[key] = not value
    elif isinstance(value, int):
        holder[key] = chance.choice(COUNTS)
    elif isinstance(value, float):
        holder[key] = chance.choice((*NUMBERS, value * 1e6, value * 1e-6, value / 2))
    elif isinstance(value, str):
        holder[key] = chance.choice(TEXTS)
    elif isinstance(value, list):
        holder[key] = chance.choice(([], value[:1], value[::-1], value + value, value[1:]))
    elif isinstance(value, dict):
        holder[key] = chance.choice(({}, dict(list(value.items())[:1])))
    return f"{kind} = {str(holder[key])[:40]}"


def scale(value: Any, factor: float) -> None:
    """Multiplies all times by a factor, so that they still agree."""
    for holder, key, kind in list(places(value)):
        if isinstance(holder[key], float) and "_s" in kind.rpartition(".")[2]:
            holder[key] *= factor
        elif isinstance(holder[key], int) and "_ns" in kind:
            holder[key] = round(holder[key] * factor)


def answers(run: Run) -> Iterator[Callable[[], object]]:
    """Every output about a single run."""
    yield partial(render, run)
    for style in ("text", "json", "markdown", "html", "csv"):
        yield partial(render, run, style, ReportOptions(full=True))


def comparisons(folder: Path, other: Path) -> Iterator[Callable[[], object]]:
    """Every output that compares a run with another."""
    logdir = folder.parent

    def beside(*names: Path, style: str = "text") -> str:
        comparison = compare(select_each([str(name) for name in names], logdir))
        return render_comparison(comparison, style, ReportOptions(full=True))

    def judged(new: Path, old: Path) -> str:
        new_group, old_group = (Group((select(str(name), logdir),)) for name in (new, old))
        return render_gate(gate(new_group, old_group, [parse_bound("3%")]))

    yield lambda: beside(folder, other)
    yield lambda: beside(other, folder, style="json")
    yield lambda: judged(folder, other)
    yield lambda: judged(other, folder)
    yield lambda: render_history(history(logdir))
    variants = [Path(f"{folder}:{name}") for name in load_run(folder).variants]
    if len(variants) > 1:
        yield lambda: beside(*variants[:2])


def failures(folder: Path, other: Path, record: dict[str, Any]) -> list[str]:
    """Tracebacks of outputs that crash when the run has this record."""
    content = (folder / RUN_FILE).read_text()
    (folder / RUN_FILE).write_text(json.dumps(record))
    try:
        return list(_failures(folder, other))
    finally:
        (folder / RUN_FILE).write_text(content)


def _failures(folder: Path, other: Path) -> Iterator[str]:
    try:
        run = load_run(folder)
    except AlexProfError:
        return
    asked = [*answers(run)]
    asked += comparisons(folder, other) if (folder / STEPS_FILE).exists() else []
    for ask in asked:
        try:
            ask()
        except AlexProfError:
            continue
        except Exception:  # noqa: BLE001 (this is what the test looks for)
            yield traceback.format_exc()


def try_all(bases: dict[str, Path], other: Path, seed: int, count: int) -> dict[str, list[str]]:
    """Alters each base `count` times; returns the failures by their last line and place."""
    failed: dict[str, list[str]] = {}
    for name, folder in bases.items():
        for number in range(count):
            record = json.loads((folder / RUN_FILE).read_text())
            how = alter(record, random.Random(f"{seed} {name} {number}"))
            for text in failures(folder, other, record):
                lines = text.strip().splitlines()
                place = next(line for line in reversed(lines) if "File" in line)
                key = f"{lines[-1]} {place.strip()}"
                failed.setdefault(key, []).append(f"{name} {number}: {how}\n{text}")
    return failed


def bases_in(logdir: Path) -> tuple[dict[str, Path], Path]:
    """Makes runs to alter, and one to compare them with."""
    from alexprof.record.ablation import AblationSpec
    from tests.analysis.made import made_run
    from tests.show.test_reports import RUNS

    specs = [AblationSpec("lrn", "with_lrn", "without_lrn", ("LRN",))]
    steps_s, without = {"with_lrn": 0.2, "without_lrn": 0.2}, {"without_lrn": ("lrn1",)}
    for seed, name in enumerate(("compared", "other")):
        made_run(logdir / name, steps_s, without=without, ablations=specs, seed=seed)
    bases = {"compared": logdir / "compared"}
    for name, make in RUNS.items():
        save_run(logdir.parent / "alone" / name, make())
        bases[name] = logdir.parent / "alone" / name
    save_run(logdir.parent / "alone" / "gpu", h200.run_of("alexnet_gpu32"))
    bases["gpu"] = logdir.parent / "alone" / "gpu"
    return bases, logdir / "other"


if __name__ == "__main__":
    seed, count = (int(word) for word in (*sys.argv[1:], "0", "100")[:2])
    with tempfile.TemporaryDirectory() as folder:
        bases, other = bases_in(Path(folder) / "logdir")
        failed = try_all(bases, other, seed, count)
    for key, ways in sorted(failed.items(), key=lambda item: -len(item[1])):
        print(len(ways), key)
        print(ways[0])
    print(f"seed {seed}, {count} alterations of each of {len(bases)} runs: {len(failed)} failures")
