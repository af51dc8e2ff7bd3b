"""Tables and bars as lines of text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexprof.show.document import Axis, Bar, Column, Piece, Row, Table
from alexprof.show.layout import bar_text, table_lines, tick_text
from alexprof.show.palette import no_paint


def lines(table: Table, width: int = 80) -> list[str]:
    return table_lines(table, width, no_paint)


def drawn(*pieces: Piece, axis: Axis, width: int) -> str:
    return bar_text(Bar(pieces), axis, width, no_paint)


COLUMNS = (
    Column("op", align="name"),
    Column("kind", align="text", drop=1),
    Column("share", "ms"),
    Column("std", "ms", drop=2),
)
ROWS = (
    Row(("conv1", "Conv2D", "52.7", "0.81")),
    Row(("lrn1", "LRN", "8", "–")),
    Row(("sum", "", "60.7", "1"), "sum"),
)


def test_numbers_align_and_the_sum_has_a_rule_above():
    assert lines(Table(COLUMNS, ROWS)) == [
        "op       kind      share ms    std ms",
        "conv1    Conv2D        52.7      0.81",
        "lrn1     LRN            8        –",
        "                   ────────    ──────",
        "sum                    60.7      1",
    ]


def test_where_there_is_little_room_gaps_shrink_then_units_go_below_then_columns_go():
    table = Table(COLUMNS, ROWS)
    assert lines(table, 36)[0] == "op      kind     share ms   std ms"
    assert lines(table, 33)[0] == "op     kind    share ms  std ms"
    assert lines(table, 30)[:2] == ["               share   std", "op     kind       ms    ms"]
    assert lines(table, 25)[:2] == ["             share  std", "op    kind      ms   ms"]
    assert lines(table, 20)[:2] == ["               share", "op     kind       ms"]
    assert lines(table, 16)[0] == "op      share ms"


NAMES = st.text(alphabet="ab:_/", min_size=1, max_size=60)


@given(st.lists(NAMES, min_size=1, max_size=8, unique=True), st.integers(40, 100))
def test_rows_of_a_table_never_have_the_same_name(names, width):
    columns = (Column("op", align="name"), Column("share", "ms"), Column("in", align="text"))
    rows = lines(Table(columns, tuple(Row((name, "1.25", f"{name}x")) for name in names)), width)
    for place in (0, 1):
        assert len({row.split("1.25")[place] for row in rows[-len(names) :]}) == len(names)


names = st.text("abcdef/", min_size=1, max_size=70)
texts = st.sampled_from(["", "–", "1", "12.5", "0.04", "1014", "<0.01"])


@given(st.lists(st.tuples(names, names, texts, texts), max_size=5), st.integers(24, 100))
def test_no_line_is_wider_than_asked(cells, width):
    table = Table(COLUMNS, tuple(Row(row) for row in cells))
    assert all(len(line) <= width for line in lines(table, width))


@given(st.floats(0.1, 500), st.floats(0.1, 500), st.integers(24, 100))
def test_bars_fill_what_is_left(a, b, width):
    columns = (
        Column("layer", align="name"),
        Column("share", "ms"),
        Column("", align="bar", legend=(("forward", "forward"), ("backward", "backward"))),
    )
    high = a + b
    bar = Bar((Piece(0, a, "forward"), Piece(a, high, "backward")))
    drawn = lines(Table(columns, (Row(("conv1", "1", bar)),), Axis(0, high)), width)
    assert all(len(line) <= width for line in drawn)
    assert drawn[-1].endswith(("█", "▒"))


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([Piece(0, 10, "forward")], "██████████"),
        ([Piece(0, 4, "forward"), Piece(4, 7, "backward")], "████▒▒▒   "),
        ([Piece(4, 7, "own")], "    ███   "),
        ([Piece(7, 4, "others")], "    ▒▒▒   "),
        ([Piece(0, 0.4, "forward")], "▏         "),
        ([Piece(0, 0.4, "idle")], "·         "),
        ([Piece(0, 0, "forward")], "          "),
        ([Piece(2, 8, "interval")], "  ├────┤  "),
        ([Piece(-5, 8, "interval")], "←──────┤  "),
        ([Piece(2, 80, "interval")], "  ├──────→"),
        ([Piece(5, 5, "interval")], "     │    "),
    ],
)
def test_bars(pieces, text):
    assert drawn(*pieces, axis=Axis(0, 10), width=10) == text


def test_the_parts_of_a_bar_end_where_the_whole_ends():
    axis = Axis(0, 100)
    parts = drawn(Piece(0, 14.4, "own"), Piece(14.4, 30, "own"), axis=axis, width=40)
    assert parts.rstrip() == drawn(Piece(0, 30, "own"), axis=axis, width=40).rstrip()


def test_ticks_begin_at_their_place_and_never_touch():
    axis = Axis(-0.04, 0.1, ticks=(-0.04, -0.02, 0, 0.02, 0.04, 0.06, 0.08, 0.1))
    text = tick_text(axis, 42)
    assert text == "−40   −20   0     20    40    60    80"
    assert text.index("20    40") == round((0.02 + 0.04) / 0.14 * 42)
    crowded = tick_text(axis, 14)
    assert "  " in crowded
    assert len(crowded) <= 14
