from __future__ import annotations

import mmap

import pytest

from alexprof.measure import faults, loop
from alexprof.measure.faults import faults_per_step, page_faults
from alexprof.measure.loop import describe, timed_blocks


def test_touching_fresh_pages_counts():
    before = page_faults()
    pages = 256
    with mmap.mmap(-1, pages * mmap.PAGESIZE) as fresh:
        # Huge pages would make one fault of them.
        fresh.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(pages):
            fresh[page * mmap.PAGESIZE] = 1
    assert page_faults() - before >= pages


def test_a_count_that_is_not_known_leaves_the_mean_unknown():
    assert faults_per_step([10, 20], 4) == 7.5
    assert faults_per_step([10, None], 4) is None
    assert faults_per_step([], 0) is None


def for_both(monkeypatch, count):
    """The loop counts before a block by one function, after it by another."""
    monkeypatch.setattr(loop, "page_faults", count)
    monkeypatch.setattr(faults, "page_faults", count)


def test_faults_are_those_of_timed_steps_over_their_number(monkeypatch):
    # Before and after each block: warm-up, 2 steps, 2 steps, 1 step.
    counts = iter([0, 1000, 1000, 1004, 1050, 1054, 1054, 1056])
    for_both(monkeypatch, lambda: next(counts))
    blocks = timed_blocks({"A": lambda: None}, steps=5, burn_in=1, block_steps=2)
    assert describe(blocks, fetch=True).page_faults_per_step == pytest.approx(10 / 5)


def test_where_nobody_counts_there_is_no_number(monkeypatch):
    for_both(monkeypatch, lambda: None)
    timed = describe(timed_blocks({"A": lambda: None}, steps=2, burn_in=0), fetch=True)
    assert timed.page_faults_per_step is None
