"""The parts of the campaign, by name."""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.stress import adversary, interruptions, subjects, surroundings
from benchmarks.stress.commands import Command, Outcome, Result, run_all
from benchmarks.stress.mutations import changed_message, mutated
from benchmarks.stress.records import change_json, change_table, contradict

MUTATED, ALTERED = 1000, 500
_FORMATS = ("csv", "html", "json", "markdown")


def _hostile_traces(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    def commands() -> Iterator[Command]:
        for number, (name, content) in enumerate(adversary.traces()):
            if arguments.match in name:
                path, again = (folder / f"{number}{part}.xplane.pb" for part in ("", "b"))
                path.write_bytes(content)
                again.write_bytes(content)
                logdir, run = ("--logdir", str(folder)), f"run{number}"
                form = _FORMATS[(number + arguments.seed) % len(_FORMATS)]
                for words in (
                    ("report", str(path), "--full"),
                    ("report", str(path), "--format", form),
                    ("import", str(path), "--name", run, *logdir),
                    ("compare", str(path), str(again), "--full"),
                ):
                    size = len(content) * (1 + (words[0] == "compare"))
                    yield Command(f"{name}: {' '.join(words)}", words, size)

    return [run_all("hostile traces", commands())]


def _mutated_traces(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    sources = list(subjects.traces())

    def commands() -> Iterator[Command]:
        for number in range(round(MUTATED * arguments.scale)):
            chance = random.Random(f"{arguments.seed} trace {number}")
            change = mutated if number % 4 == 0 else changed_message
            content = change(chance.choice(sources), chance)
            path = folder / f"{number}.xplane.pb"
            path.write_bytes(content)
            form, check = chance.choice((("--json", _sums_close), ("--full", None)))
            yield Command(f"trace {number}", ("report", str(path), form), len(content), check)

    return [run_all("mutated traces", commands())]


def _sums_close(outcome: Outcome) -> str:
    """Whether shares and idle time of a report make up the steps, in whole nanoseconds."""
    if outcome.code != 0:
        return ""
    for variant in json.loads(outcome.out)["variants"].values():
        for phase in variant["phases"].values():
            for device in phase["attribution"]["devices"] if phase["attribution"] else ():
                spent_ns = device["share_ns"] + device["idle_ns"]
                if spent_ns != device["wall_ns"]:
                    return f"sums: {spent_ns} of {device['wall_ns']} ns"
    return ""


def _altered_records(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    """Changes one of three runs: the others must be shown, and no number may change."""
    good = folder / "good"
    subjects.make_runs(good)
    compared = folder / "compared.json"
    as_it_was = run_all("", [Command("", _compare(good), check=_keep(compared))])
    assert not as_it_was.faults, as_it_was.faults
    right = compared.read_text()

    def commands() -> Iterator[Command]:
        for number in range(round(ALTERED * arguments.scale)):
            chance = random.Random(f"{arguments.seed} record {number}")
            logdir = Path(shutil.copytree(good, folder / f"{number}"))
            how, run, same = _altered(logdir, chance, right)
            name, at = f"{number} {how}", ("--logdir", str(logdir))
            size = sum(path.stat().st_size for path in logdir.rglob("*.*"))
            yield Command(f"{name}: list", ("list", *at), size, _lists_base)
            yield Command(f"{name}: history", ("history", *at), size, _lists_base)
            yield Command(f"{name}: report", ("report", run, "--full", *at), size)
            if run == "other" and (same or chance.random() < 0.5):
                yield Command(f"{name}: compare", _compare(logdir), size, _equals(same))
            elif run == "other":
                gate = ("gate", "base", "--baseline", "other", *at)
                yield Command(f"{name}: gate", gate, size)

    return [run_all("altered records", commands())]


def _altered(logdir: Path, chance: random.Random, right: str) -> tuple[str, str, str | None]:
    """Changes a run; returns how, which run, and the comparison to expect, None for any."""
    kind = chance.choice(("json", "json", "gpu", "contradiction", "table", "table"))
    if kind in ("json", "gpu"):
        run = "gpu" if kind == "gpu" else "other"
        return change_json(logdir / run / "run.json", chance), run, None
    if kind == "contradiction":
        return contradict(logdir / "other" / "run.json", chance), "other", right
    table = chance.choice(("costs.parquet", "steps.parquet"))
    return f"{table}: {change_table(logdir / 'other' / table, chance)}", "other", right


def _compare(logdir: Path) -> tuple[str, ...]:
    return ("compare", "base", "other", "--full", "--json", "--logdir", str(logdir))


def _keep(path: Path) -> Callable[[Outcome], str]:
    def keep(outcome: Outcome) -> str:
        path.write_text(outcome.out)
        return "" if outcome.code == 0 else outcome.err

    return keep


def _equals(right: str | None) -> Callable[[Outcome], str]:
    """The comparison of a run that contradicts itself must be refused, or unchanged."""

    def check(outcome: Outcome) -> str:
        if outcome.code == 0 and right is not None and outcome.out != right:
            return "wrong number: another comparison"
        return ""

    return check


def _lists_base(outcome: Outcome) -> str:
    if outcome.code != 0:
        return f"exit code {outcome.code}: {outcome.err.strip()[:200]}"
    return "" if "base" in outcome.out else "the good run is missing"


PARTS: dict[str, Callable[[Path, argparse.Namespace], list[Result]]] = {
    "hostile": _hostile_traces,
    "mutated": _mutated_traces,
    "records": _altered_records,
    "kills": interruptions.kills,
    "disk": interruptions.full_disks,
    "surroundings": surroundings.commands,
    "programs": surroundings.programs,
}
