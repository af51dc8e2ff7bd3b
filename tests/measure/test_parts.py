from __future__ import annotations

import math

import pytest

from alexprof.measure.parts import read_part


@pytest.mark.parametrize(
    ("text", "part", "percent"),
    [("3%", 0.03, True), (" 3 % ", 0.03, True), ("0.03", 0.03, False), ("-1", -1, False)],
)
def test_parts(text, part, percent):
    assert read_part(text)[0] == pytest.approx(part)
    assert read_part(text)[1] == percent


@pytest.mark.parametrize("text", ["", "%", "three", "3%%", "3% more"])
def test_what_is_no_part(text):
    assert math.isnan(read_part(text)[0])
