"""The campaign detects faults, and a seed repeats it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from benchmarks.stress import subjects
from benchmarks.stress.commands import Command, Outcome, controls, fault
from benchmarks.stress.mutations import changed_message, mutated
from benchmarks.stress.records import change_json, change_table, contradict

FINE = Outcome(code=0, seconds=1.0, peak_bytes=100_000_000, out="12 µs ± 2, „層“\n", err="")
TRACEBACK = "Traceback (most recent call last)\nValueError"


@pytest.mark.parametrize("char", "\x00\t\r\x1b\x7f\x85\x9b\u200e\u202e\u2028\u2066\udcff")
def test_a_character_with_side_effects_is_noticed(char):
    assert controls(f"12 µs{char}\n") == f"U+{ord(char):04X}"
    assert controls(FINE.out) == ""


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, ""),
        ({"code": None}, "hang"),
        ({"code": 70, "err": TRACEBACK}, "exit code"),
        ({"code": -9}, "exit code"),
        ({"err": TRACEBACK}, "exit code"),
        ({"code": 2}, "without a message"),
        ({"code": 2, "err": "alexprof: no\n"}, ""),
        ({"peak_bytes": 512_000_001}, "memory"),
        ({"err": "\x1b[31m"}, "control character"),
        ({"out": "other"}, "checked"),
    ],
)
def test_faults_are_found(changes, word):
    check = Command("c", (), 1_000_000, lambda outcome: "checked" if outcome.out == "other" else "")
    wrong = fault(check, replace(FINE, **changes))
    assert word in wrong
    assert bool(wrong) == bool(word)


def test_a_seed_repeats_what_it_changes(tmp_path):
    names = ("other/run.json", "other/steps.parquet", "gpu/run.json", "base/run.json")
    contents = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        subjects.make_runs(folder)
        chance = random.Random("7")
        changes = (change_json, change_table, change_json, contradict)
        shown = [how(folder / name, chance) for how, name in zip(changes, names, strict=True)]
        files = [(folder / name).read_bytes() for name in names]
        trace = next(subjects.traces())
        contents.append((shown, files, mutated(trace, chance), changed_message(trace, chance)))
    assert contents[0] == contents[1]
