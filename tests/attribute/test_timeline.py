from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexprof.attribute import timeline
from alexprof.attribute.timeline import (
    Cover,
    Int,
    cut,
    idle_within,
    innermost,
    self_segments,
    shares,
)
from tests.attribute.reference import Interval, covers, edges, owner, running

Columns: TypeAlias = "tuple[Int, Int, Int]"


def columns(events: Sequence[Interval]) -> Columns:
    return (
        np.array([each.start for each in events], np.int64),
        np.array([each.end for each in events], np.int64),
        np.array([each.thread for each in events], np.int64),
    )


def owned(events: Sequence[Interval]) -> list[tuple[int, int, int]]:
    segments = self_segments(*columns(events))
    parts = segments.start_ps, segments.end_ps, segments.owner
    return sorted(zip(*(part.tolist() for part in parts), strict=True))


def at(*spans: tuple[int, int]) -> list[Interval]:
    return [Interval(start, end) for start, end in spans]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param(
            at((0, 9), (1, 8), (2, 3), (5, 6)),
            [(0, 1, 0), (1, 2, 1), (2, 3, 2), (3, 5, 1), (5, 6, 3), (6, 8, 1), (8, 9, 0)],
            id="nested twice",
        ),
        pytest.param(at((0, 9), (0, 9)), [(0, 9, 1)], id="equal: the later is inside"),
        pytest.param(
            at((5, 9), (0, 5), (2, 8), (0, 6), (2, 7)),
            [(0, 2, 1), (2, 5, 4), (5, 9, 0)],
            id="overlaps that leave an event nothing",
        ),
    ],
)
def test_each_moment_of_a_thread_belongs_to_the_event_that_began_last(events, expected):
    assert owned(events) == expected


intervals = st.lists(
    st.builds(
        lambda start, length, thread: Interval(start, start + length, thread),
        st.integers(0, 30),
        st.integers(0, 15),
        st.integers(-1, 2),
    ),
    max_size=14,
)


@given(intervals, st.lists(st.tuples(st.integers(0, 46), st.integers(-1, 2)), min_size=1))
def test_the_innermost_interval_is_that_of_the_slow_way(events, moments):
    start, end, thread = columns(events)
    time, lane = np.array(moments, np.int64).T
    found = innermost(start, end, thread + 1, time, lane + 1)
    expected = [owner(events, on, at, at + 1) for at, on in moments]
    assert found.tolist() == [-1 if index is None else index for index in expected]


@given(st.integers(1, 400), st.integers(1, 5))
def test_self_time_of_a_long_chain_of_overlaps(count, step):
    events = [Interval(each, each + 3 * step + 1) for each in range(0, count * step, step)]
    lengths = [end - start for start, end, _ in owned(events)]
    assert lengths == [step] * (count - 1) + [3 * step + 1]


def test_an_overlap_with_many_events_takes_no_extra_passes(monkeypatch):
    passes = []
    sweep = timeline._sweep

    def counted(*columns):
        passes.append(columns)
        return sweep(*columns)

    monkeypatch.setattr(timeline, "_sweep", counted)
    nested = [Interval(begin, 200 - begin) for begin in range(100)]
    events = [*nested, Interval(50, 1000), Interval(30, 180), Interval(120, 160)]
    lengths: Counter[int] = Counter()
    for start, end, index in owned(events):
        lengths[index] += end - start
    expected = Counter(
        index
        for start, end in edges(events)
        for index in [owner(events, 0, start, end)] * (end - start)
        if index is not None
    )
    assert lengths == expected
    assert len(passes) == 2


def test_events_that_cross_take_little_memory():
    """A file of 11 bytes an event may hold millions: all columns together stay below a bound."""
    random = np.random.default_rng(0)
    start = random.integers(0, 2_000_000, 100_000)
    end = start + random.integers(100, 16_000, start.size)
    tracemalloc.start()
    try:
        timeline.self_segments(start, end, np.zeros_like(start))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 130 * start.size  # with 64-bit indexes, all kept: 197


@given(intervals)
def test_shares_are_the_integral_of_one_over_k(events):
    events = [each for each in events if each.end > each.start]
    start, end, _ = columns(events)
    exact = [Fraction(0)] * len(events)
    for left, right in edges(events):
        now = [index for index, each in enumerate(events) if covers(each, left, right)]
        for index in now:
            exact[index] += Fraction(right - left, len(now))
    assert shares(start, end) == pytest.approx([float(share) for share in exact], abs=1e-9)
    assert shares(start, end).sum() == pytest.approx(float(sum(exact)), abs=1e-9)


def test_shares_far_from_the_origin_keep_their_precision():
    hour = 3_600 * 10**12
    start = np.array([hour, hour + 10, hour + 10], np.int64)
    end = np.array([hour + 40, hour + 40, hour + 25], np.int64)
    assert shares(start, end).tolist() == pytest.approx([10 + 5 + 7.5, 5 + 7.5, 5])


windows = st.lists(st.integers(0, 40), max_size=8, unique=True).map(
    lambda times: list(zip(sorted(times)[::2], sorted(times)[1::2], strict=False))
)


@given(intervals, windows)
def test_cut_gives_each_window_its_part(events, spans):
    segments = self_segments(*columns(events))
    starts, ends = np.array(spans, np.int64).reshape(-1, 2).T
    pieces, window = cut(segments, starts, ends)
    parts = pieces.owner, pieces.start_ps, pieces.end_ps, window
    found = {
        (time, index, number)
        for index, start, end, number in zip(*(part.tolist() for part in parts), strict=True)
        for time in range(start, end)
    }
    expected = {
        (time, index, number)
        for number, (start, end) in enumerate(spans)
        for time in range(start, end)
        for index in running(events, time, time + 1)
    }
    assert found == expected
    assert (pieces.end_ps > pieces.start_ps).all()


def cells(events: Sequence[Interval]) -> set[int]:
    return {time for each in events for time in range(each.start, each.end)}


@given(intervals, intervals, windows)
def test_covered_time(events, others, spans):
    starts, ends = np.array(spans, np.int64).reshape(-1, 2).T
    busy, other = (Cover.of(*columns(group)[:2]) for group in (events, others))
    assert (busy.start_ps[1:] > busy.end_ps[:-1]).all()
    for found, expected in (
        (busy.within(starts, ends), cells(events)),
        ((busy | other).within(starts, ends), cells(events) | cells(others)),
        (idle_within(busy, other, starts, ends), cells(others) - cells(events)),
    ):
        assert found.tolist() == [len(expected & set(range(*span))) for span in spans]
