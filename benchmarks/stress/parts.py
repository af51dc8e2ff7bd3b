"""The parts of the campaign, by name."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.stress import adversary, hostile, interruptions, surroundings
from benchmarks.stress.commands import Command, Outcome, Result, run_all
from benchmarks.stress.mutations import changed_message, mutated
from benchmarks.stress.records import change_json, change_table
from benchmarks.stress.subjects import copy_run, make_run
from tests.samples import EVERY

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
                for words in (
                    *(("report", str(path), "--format", form) for form in _FORMATS),
                    ("report", str(path), "--full"),
                    ("import", str(path), "--name", run, *logdir),
                    ("compare", str(path), str(again), "--full"),
                ):
                    size = len(content) * (1 + (words[0] == "compare"))
                    yield Command(f"{name}: {' '.join(words)}", words, size)

    return [run_all("hostile traces", commands())]


def _mutated_traces(folder: Path, arguments: argparse.Namespace) -> list[Result]:
    run = make_run(folder / "logdir", "base")
    sources = [path.read_bytes() for path in sorted(run.rglob("*.xplane.pb"))]
    sources += [content for name, content in hostile.traces() if name == "names: colons"]
    sources += [path.read_bytes() for path in EVERY if path.stat().st_size < 1_000_000]

    def commands() -> Iterator[Command]:
        for number in range(round(MUTATED * arguments.scale)):
            chance = random.Random(f"{arguments.seed} trace {number}")
            change = mutated if number % 4 == 0 else changed_message
            content = change(chance.choice(sources), chance)
            path = folder / f"{number}.xplane.pb"
            path.write_bytes(content)
            asked = ("report", str(path), "--json")
            yield Command(f"trace {number}", asked, len(content), check=_sums_close)

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
    """One run of three is changed: the others are answered, and its table gives no other number."""
    good = folder / "good"
    base, other = (make_run(good, name) for name in ("base", "other"))
    compared = folder / "compared.json"
    as_it_was = run_all("", [Command("", _compare(good), check=_keep(compared))])
    assert not as_it_was.faults
    right = compared.read_text()

    def commands() -> Iterator[Command]:
        for number in range(round(ALTERED * arguments.scale)):
            chance = random.Random(f"{arguments.seed} record {number}")
            logdir = folder / f"{number}"
            copy_run(base, logdir, "base")
            changed = copy_run(other, logdir, "other")
            if chance.random() < 0.5:
                how, same = change_json(changed / "run.json", chance), None
            else:
                table = chance.choice(("costs.parquet", "steps.parquet"))
                how, same = f"{table}: {change_table(changed / table, chance)}", right
            name = f"{number} {how}"
            size = 1_000_000
            at = ("--logdir", str(logdir))
            yield Command(f"{name}: list", ("list", *at), size, check=_lists_base)
            yield Command(f"{name}: history", ("history", *at), size, check=_lists_base)
            yield Command(f"{name}: report", ("report", "other", "--full", *at), size)
            yield Command(f"{name}: compare", _compare(logdir), size, check=_equals(same))

    return [run_all("altered records", commands())]


def _compare(logdir: Path) -> tuple[str, ...]:
    return ("compare", "base", "other", "--full", "--json", "--logdir", str(logdir))


def _keep(path: Path) -> Callable[[Outcome], str]:
    def keep(outcome: Outcome) -> str:
        path.write_text(outcome.out)
        return ""

    return keep


def _equals(right: str | None) -> Callable[[Outcome], str]:
    """A comparison of runs with a changed table is refused, or is as it was."""

    def check(outcome: Outcome) -> str:
        if outcome.code == 0 and right is not None and outcome.out != right:
            return "another comparison"
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
