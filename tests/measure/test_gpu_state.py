from __future__ import annotations

import subprocess

import pytest

from alexprof.measure.gpu_state import parse_gpus, read_gpus

TWO = """0, 1755, 1980, 2619, 41, 0x0000000000000004
1, 345, 1980, 2619, 29, 0x0000000000000001
"""


def test_a_line_is_a_gpu_with_its_clocks_and_what_slows_it():
    busy, idle = parse_gpus(TWO)
    assert (busy.index, busy.clock_mhz, busy.clock_max_mhz) == (0, 1755, 1980)
    assert (busy.memory_clock_mhz, busy.temperature_c) == (2619, 41)
    assert busy.slowed_by == ("power cap",)
    # Having nothing to do (bit 0) is no slow-down.
    assert (idle.clock_mhz, idle.slowed_by) == (345, ())


def test_bits_add_up_and_what_the_driver_does_not_say_is_none():
    slowed, unknown = parse_gpus(
        "3, 900, 1980, 2619, 91, 0x0000000000000068\n"
        "0, [N/A], [Not Supported], 5001, 55, [Unknown Error]\n"
    )
    assert slowed.slowed_by == ("hardware slowdown", "thermal (software)", "thermal (hardware)")
    assert (unknown.clock_mhz, unknown.clock_max_mhz, unknown.temperature_c) == (None, None, 55)
    assert unknown.slowed_by == ()


@pytest.mark.parametrize("text", ["", "No devices were found\n", "a, b, c, d, e, f\n", "0, 1\n"])
def test_other_text_is_no_gpu(text):
    assert parse_gpus(text) == ()


def answering(monkeypatch, answer):
    """An `nvidia-smi` that answers so; returns the queries that it gets."""
    queries: list[list[str]] = []

    def run(command, **_):
        queries.append(command)
        return answer(command)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/nvidia-smi")
    monkeypatch.setattr(subprocess, "run", run)
    return queries


def test_an_old_driver_is_asked_by_the_old_name(monkeypatch):
    def answer(command):
        old = "clocks_throttle_reasons.active" in command[1]
        unknown = 'Field "clocks_event_reasons.active" is not a valid field to query.'
        return subprocess.CompletedProcess(command, *((0, TWO) if old else (2, unknown)), "")

    queries = answering(monkeypatch, answer)
    assert len(read_gpus()) == 2
    assert len(queries) == 2


def test_a_driver_that_hangs_fails_or_is_not_there_says_nothing(monkeypatch):
    def hangs(command):
        raise subprocess.TimeoutExpired(command, 5)

    answering(monkeypatch, hangs)
    assert read_gpus() == ()
    answering(monkeypatch, lambda command: subprocess.CompletedProcess(command, 9, "", "failed"))
    assert read_gpus() == ()
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert read_gpus() == ()


@pytest.mark.parametrize("visible", ["", "-1"])
def test_gpus_that_are_hidden_are_not_asked(monkeypatch, visible):
    queries = answering(monkeypatch, lambda _: subprocess.CompletedProcess([], 0, TWO, ""))
    assert len(read_gpus()) == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert read_gpus() == ()
    assert len(queries) == 1
