"""How numbers are written, value by value, and that rounding never lies."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexprof.show import numbers

NBSP = "\u00a0"


def half_width(value: float) -> str:
    return numbers.MILLISECONDS.half_width(((100 - value) / 1e3, (100 + value) / 1e3))


WRITTEN = (
    # Three figures and two decimals at most.
    (
        numbers.plain,
        "nan=– inf=– 0=0 0.0000001=<0.0001 0.00006=0.0001 0.00123=0.0012 0.0049=0.0049 0.005=0.01 "
        "0.0149=0.01 0.456=0.46 0.995=0.99 0.996=1.00 0.9999=1.00 8.644=8.64 9.996=10.0 30.46=30.5 "
        "99.94=99.9 99.96=100 243.7=244 1013.7=1014 123456.7=123457 -31.5=−31.5 -0.001=−0.0010",
    ),
    # Only differences have a sign.
    (numbers.signed, "55.34=+55.3 -14.3=−14.3 0.02=+0.02 0.001=+0.0010 0=0"),
    # Two figures.
    (
        half_width,
        "131.2=131 71.4=71 13.7=14 9.96=10 1.94=1.9 0.996=1.0 0.812=0.81 0.041=0.04 0.004=0.0040 "
        "0=0",
    ),
)


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [(write, *case.split("=")) for write, cases in WRITTEN for case in cases.split()],
)
def test_figures(write, value, text):
    assert write(float(value)) == text


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (numbers.MILLISECONDS.plain(0.2437), "244"),
        (numbers.MILLISECONDS.signed(-0.0143), "−14.3"),
        (numbers.MILLISECONDS.signed(0.0143), "+14.3"),
        (numbers.MILLISECONDS.named(0.0556), f"55.6{NBSP}ms"),
        (numbers.MILLISECONDS.interval((-0.0315, 0.0982)), "−31.5 to 98.2"),
        (numbers.MILLISECONDS.interval((0.0199, 0.0647)), "19.9 to 64.7"),
        # Half an interval that ends at 0 is what lies above its center.
        (numbers.MILLISECONDS.half_width((0.0, 0.004), 0.001), "3.0"),
        (numbers.MILLISECONDS.half_width((0.001, 0.003), 0.002), "1.0"),
        (numbers.MICROSECONDS.plain(0.0015123), "1512"),
        (numbers.SECONDS.named(2.4), f"2.40{NBSP}s"),
        (numbers.percent_unit(0.0912), f"9.12{NBSP}%"),
        (numbers.percent(1.0), "100"),
        (numbers.times(1.4389), "1.44×"),
        (numbers.times(26.91), "26.9×"),
        (numbers.count(3.0), "3"),
        (numbers.count(0.9), "0.90"),
        # From a thousandth of the largest on a time has two figures.
        (numbers.table_unit([22.07e-3]).plain(40.1e-6), "0.040"),
        (numbers.table_unit([22.07e-3]).plain(22.4e-6), "0.022"),
        (numbers.table_unit([22.07e-3]).half_width((-40.1e-6, 40.1e-6)), "0.040"),
        (numbers.table_unit([22.07e-3]).plain(14.6e-6), "0.01"),
        (numbers.table_unit([0.3]).plain(34e-6), "0.03"),
    ],
)
def test_values_in_their_units(text, right):
    assert text == right


@pytest.mark.parametrize(
    ("times_s", "unit"),
    [
        ([1.51e-3, 0.32e-3, 3e-6], "µs"),
        ([12.4e-3], "µs"),
        ([21.8e-3, 1e-6], "ms"),
        ([0.312, 1e-4, None, 0.0], "ms"),
        ([-0.312], "ms"),
        ([2.4, 0.003], "ms"),
        ([20.0, 0.1], "s"),
        ([3e-7], "µs"),
        ([], "ms"),
        ([None, math.nan, 1e-13], "ms"),
    ],
)
def test_the_largest_time_of_a_table_has_twenty_of_its_unit(times_s, unit):
    assert numbers.table_unit(times_s).name == unit


def test_rows_of_a_fast_step_have_three_figures():
    rows_s = [1.5e-3, 0.378e-3, 0.1316e-3, 77.08e-6, 10.49e-6, 3.004e-6, 0.21e-6, 4e-9]
    texts = map(numbers.table_unit(rows_s).plain, rows_s)
    assert [*texts] == ["1500", "378", "132", "77.1", "10.5", "3.00", "0.21", "0.0040"]


@given(st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=20))
def test_no_row_of_a_table_is_less_than_it_can_write(times_s):
    unit = numbers.table_unit(times_s)
    assert max(times_s) * unit.per_second >= 20 or unit is not numbers.SECONDS
    for time_s in times_s:
        if time_s >= max(times_s) / 1000:
            figures = unit.plain(time_s).replace(".", "").lstrip("0")
            assert len(figures) >= 2
            written_s = float(unit.plain(time_s)) / unit.per_second
            assert written_s == pytest.approx(time_s, rel=0.051)


@pytest.mark.parametrize(
    ("step_s", "written"),
    [
        (None, "0.00151=1.51 ms, 0.00032=320 µs, 0.244=244 ms, 2.4=2.40 s, 1.3e-7=0.13 µs"),
        (0.00151, "0.00032=0.32 ms, 0.0000417=41.7 µs"),
        (0.3, "0.00006=0.06 ms, 1e-6=1.00 µs, 0=0 ms"),
        (2.5, "0.129=129 ms, 0.0009=0.90 ms, 1.2=1.20 s"),
    ],
)
def test_a_part_of_a_step_has_the_unit_of_the_step(step_s, written):
    for case in written.split(", "):
        seconds, text = case.split("=")
        assert numbers.time(float(seconds), step_s).replace(NBSP, " ") == text


@pytest.mark.parametrize(
    ("times_s", "texts"),
    [
        ((0.2049, 0.0061), ("0.205", "0.006")),
        ((0.0015123, 0.0001684), ("0.00151", "0.00017")),
        ((0.0259, None), ("0.0259", "–")),
        ((0.09996,), ("0.100",)),
        ((1.5, 0.01), ("1.500", "0.010")),
        ((0.0, 0.0), ("0.000", "0.000")),
        ((None, 0.1), ("–", "0.100")),
    ],
)
def test_the_classic_seconds_have_three_figures_of_the_mean(times_s, texts):
    assert numbers.classic_seconds(*times_s) == texts


def test_what_was_not_measured_is_a_dash_without_a_unit():
    ms = numbers.MILLISECONDS
    texts = [numbers.plain(None), numbers.signed(None), numbers.time(None), numbers.time(None, 0.3)]
    texts += [ms.half_width(None), ms.interval(None), numbers.percent_unit(None)]
    assert {*texts, numbers.times(None), numbers.count(None)} == {"–"}


@given(st.floats(min_value=-1e7, max_value=1e7, allow_nan=False))
def test_a_written_number_is_as_near_as_its_last_digit_allows(value):
    text = numbers.plain(value)
    if text == "<0.0001":
        assert 0 < abs(value) < 0.00005
        return
    written = float(text.replace("−", "-"))
    decimals = len(text.partition(".")[2])
    assert abs(written - value) <= 0.5 * 10**-decimals + 1e-9 * abs(value)
    if abs(value) < 0.005:
        assert decimals in (0, 3, 4)
        return
    assert decimals == (0 if abs(written) >= 100 else 1 if abs(written) >= 10 else 2)


def test_decimal_points_stand_under_each_other():
    texts = ["244", "+55.3", "8.64", "<0.01", "–", "", "26.9×", "7.84×"]
    aligned = ["244    ", "+55.3  ", "8.64 ", "<0.01 ", "–    ", "", "26.9× ", "7.84×"]
    assert numbers.align_decimals(texts) == aligned
    assert numbers.align_decimals(["1", "10", "100"]) == ["1", "10", "100"]
