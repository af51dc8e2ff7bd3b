"""The strip of blocks in the order they ran."""

from __future__ import annotations

import pytest

from alexprof.analysis.order import MOST_LEVELS
from alexprof.record.run import Run
from alexprof.show.options import ReportOptions
from alexprof.show.sections.order import LEVELS, order_table
from alexprof.show.view import View
from tests.factory import with_fields
from tests.show import runs


def strip(run: Run) -> tuple[str, ...]:
    """The texts of the forward phase's row, its cells last; empty without a strip."""
    table = order_table(View(run, ReportOptions(phase="forward")))
    if table is None:
        return ()
    (row,) = table.rows
    return tuple(map(str, row.cells[1:]))


def with_blocks(*series: list[tuple[int, float]]) -> Run:
    """Two variants' blocks, as place in the order measured and mean in ms."""
    run = runs.alexnet()
    for name, blocks in zip(run.variants, series, strict=True):
        timed = runs.timed(runs.blocks(name, dict(blocks), steps=1))
        run = with_fields(run, name, "forward", timed=vars(timed))
    return run


@pytest.mark.parametrize(
    ("series", "row"),
    [
        (
            ([(0, 90), (3, 110), (4, 100)], [(1, 120), (2, 160), (5, 170)]),
            ("0.750×", "1.100×", "▄▁▆█▆▇"),
        ),
        # Variants of two levels are no drift.
        (
            ([(n, 100.0) for n in range(0, 20, 2)], [(n, 300.0) for n in range(1, 20, 2)]),
            ("1.000×", "1.000×", "▁" * 20),
        ),
        # Without turns there is no strip.
        (([(0, 1), (1, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]), ()),
        (([(0, 1), (1, 2), (2, 3)], [(3, 1), (4, 2), (5, 3)]), ()),
        (([(0, 1)], [(1, 2)]), ()),
    ],
)
def test_cells_stand_in_the_order_measured_each_over_its_variant(series, row):
    assert strip(with_blocks(*series)) == row


def test_a_block_far_out_leaves_the_scale_and_is_named():
    near = [(n, 100.0 + n % 5) for n in range(0, 22, 2)]
    far = [(n, 100.0 + n % 5) for n in range(1, 21, 2)] + [(21, 400.0)]
    _, _, most, cells = strip(with_blocks(near, far))
    assert cells.count("!") == 1
    assert most == "3.922×"


def test_a_fifth_of_the_blocks_is_not_off_the_scale():
    values = [400.0 if n % 5 == 0 else 100.0 + n % 3 for n in range(20)]
    blocks = list(enumerate(values))
    _, high, cells = strip(with_blocks(blocks[::2], blocks[1::2]))
    assert high == "3.960×"
    assert "!" not in cells


def test_places_are_what_counts_not_the_order_in_the_record():
    run = with_blocks([(0, 100), (3, 140)], [(1, 120), (2, 160)])
    blocks = run.variants["with_lrn"].phases["forward"].timed.blocks[::-1]
    back = with_fields(run, "with_lrn", "forward", timed={"blocks": blocks})
    assert strip(back) == strip(run)


def test_many_blocks_share_cells():
    a = [(n, 100.0 + (n >= 360)) for n in range(0, 720, 2)]
    b = [(n, 300.0 + 3 * (n >= 360)) for n in range(1, 720, 2)]
    *_, cells = strip(with_blocks(a, b))
    # Both rose by 1 % half way, and that is all there is to see.
    assert len(cells) <= MOST_LEVELS
    assert cells[:15] == LEVELS[0] * 15
    assert cells[-15:] == LEVELS[-1] * 15
