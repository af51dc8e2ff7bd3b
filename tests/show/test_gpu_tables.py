"""Tables of a GPU's step: parts of its busy time, units of a fast step, names that differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexprof.show import ReportOptions
from alexprof.show.document import Column, Row, Table
from alexprof.show.layout import table_lines
from alexprof.show.palette import no_paint
from alexprof.show.sections.where import where_section
from alexprof.show.view import View
from tests.show import odd_runs, runs


def layer_table(run):
    view = View(run, ReportOptions())
    section = where_section(view, view.phases[0])
    assert section is not None
    return next(block for block in section.blocks if isinstance(block, Table))


def column(table, title):
    place = [column.title for column in table.columns].index(title)
    return {row.cells[0]: row.cells[place] for row in table.rows}


def test_shares_of_busy_time_add_up_without_idle():
    table = layer_table(odd_runs.two_gpus())
    steps, busy = column(table, "step"), column(table, "GPU-busy")
    assert busy.pop("idle") == ""
    assert busy.pop("step") == "100"
    assert sum(map(float, busy.values())) == pytest.approx(100, abs=0.1)
    used = 1 - float(steps["idle"]) / 100
    for layer, part in busy.items():
        assert float(part) == pytest.approx(float(steps[layer]) / used, rel=0.01)


def test_a_cpu_has_no_such_column():
    assert "GPU-busy" not in [column.title for column in layer_table(runs.alexnet()).columns]


def test_a_step_of_some_ms_is_divided_in_microseconds():
    table = layer_table(odd_runs.two_gpus())
    units = {column.title: column.unit for column in table.columns}
    assert units["share"] == units["± 95 %"] == "µs"
    assert column(table, "share")["data"] == "90.0"


NAMES = st.text(alphabet="ab:_/", min_size=1, max_size=60)


@given(st.lists(NAMES, min_size=1, max_size=8, unique=True), st.integers(40, 100))
def test_rows_of_a_table_never_have_the_same_name(names, width):
    columns = (Column("op", align="name"), Column("share", "ms"), Column("in", align="text"))
    rows = tuple(Row((name, "1.25", f"{name}x")) for name in names)
    lines = table_lines(Table(columns, rows), width, no_paint)[-len(names) :]
    assert len({line.split("1.25")[0] for line in lines}) == len(names)
    assert len({line.split("1.25")[1] for line in lines}) == len(names)
