"""How numbers are written, value by value, and that rounding never lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexprof.show import numbers

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (float("inf"), "–"),
        (0, "0"),
        (0.0049, "<0.01"),
        (0.005, "0.01"),
        (0.0149, "0.01"),
        (0.456, "0.46"),
        (0.995, "0.99"),
        (0.996, "1.00"),
        (0.9999, "1.00"),
        (8.644, "8.64"),
        (9.996, "10.0"),
        (30.46, "30.5"),
        (99.94, "99.9"),
        (99.96, "100"),
        (243.7, "244"),
        (1013.7, "1014"),
        (123456.7, "123457"),
        (-31.5, "−31.5"),
        (-0.001, "<0.01"),
    ],
)
def test_plain_numbers_have_three_figures_and_two_decimals_at_most(value, text):
    assert numbers.plain(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(55.34, "+55.3"), (-14.3, "−14.3"), (0.02, "+0.02"), (0.001, "<0.01"), (0, "0"), (None, "–")],
)
def test_only_differences_have_a_sign(value, text):
    assert numbers.signed(value) == text


@pytest.mark.parametrize(
    ("half_ms", "text"),
    [
        (131.2, "131"),
        (71.4, "71"),
        (13.7, "14"),
        (9.96, "10"),
        (1.94, "1.9"),
        (0.996, "1.0"),
        (0.812, "0.81"),
        (0.041, "0.04"),
        (0.004, "<0.01"),
        (0, "0"),
    ],
)
def test_half_widths_have_two_figures(half_ms, text):
    assert numbers.ms_half_width(((100 - half_ms) / 1e3, (100 + half_ms) / 1e3)) == text


def test_times_are_milliseconds_from_seconds():
    assert numbers.ms(0.2437) == "244"
    assert numbers.ms_signed(-0.0143) == "−14.3"
    assert numbers.ms_unit(0.0556) == f"55.6{NBSP}ms"
    assert numbers.ms_interval((-0.0315, 0.0982)) == "−31.5 to 98.2"
    assert numbers.ms_interval((0.0199, 0.0647)) == "19.9 to 64.7"


def test_what_was_not_measured_is_a_dash_without_a_unit():
    assert numbers.ms_unit(None) == "–"
    assert numbers.ms_half_width(None) == "–"
    assert numbers.ms_interval(None) == "–"
    assert numbers.percent_unit(None) == "–"
    assert numbers.times(None) == "–"
    assert numbers.classic_seconds(None) == "–"


def test_percent_ratio_count_and_the_classic_seconds():
    assert numbers.percent_unit(0.0912) == f"9.12{NBSP}%"
    assert numbers.percent(1.0) == "100"
    assert numbers.times(1.4389) == "1.44×"
    assert numbers.times(26.91) == "26.9×"
    assert numbers.count(3.0) == "3"
    assert numbers.count(0.9) == "0.90"
    assert numbers.classic_seconds(0.0259) == "0.026"
    assert numbers.classic_seconds(0.0004) == "<0.001"
    assert numbers.classic_seconds(1.5) == "1.500"


@given(st.floats(min_value=-1e7, max_value=1e7, allow_nan=False))
def test_a_written_number_is_as_near_as_its_last_digit_allows(value):
    text = numbers.plain(value)
    if text == "<0.01":
        assert 0 < abs(value) < 0.005
        return
    written = float(text.replace("−", "-"))
    decimals = len(text.partition(".")[2])
    assert abs(written - value) <= 0.5 * 10**-decimals + 1e-9 * abs(value)
    assert decimals == (0 if abs(written) >= 100 or value == 0 else 1 if abs(written) >= 10 else 2)


def test_decimal_points_stand_under_each_other():
    texts = ["244", "+55.3", "8.64", "<0.01", "–", "", "26.9×", "7.84×"]
    aligned = numbers.align_decimals(texts)
    width = max(map(len, aligned))
    points = {line.rjust(width).find(".") for line in aligned if "." in line}
    assert len(points) == 1
    point = points.pop()
    units = {line.rjust(width).rstrip()[-1:] for line in aligned if line and "." not in line}
    assert units == {"4", "–"}
    assert all(
        len(line.rjust(width).rstrip()) == point for line in aligned if line and "." not in line
    )
    assert aligned[5] == ""


def test_a_column_of_whole_numbers_is_not_padded():
    assert numbers.align_decimals(["1", "10", "100"]) == ["1", "10", "100"]
