"""The blocks of a phase in the order they ran, as a strip: does the machine drift?"""

from __future__ import annotations

from alexprof.analysis.order import BlockOrder, block_orders
from alexprof.show.document import Column, Table
from alexprof.show.view import View

LEVELS = "▁▂▃▄▅▆▇█"
OFF_SCALE = "!"
ORDER_TITLE = "In the order measured"


def order_table(view: View) -> Table | None:
    """Strips of the phases whose variants took turns; None if no phase has that."""
    orders = [order for order in block_orders(view.run) if order.phase in view.phases]
    if not orders:
        return None

    def most(order: BlockOrder) -> str:
        return _ratio(max(order.ratios)) if max(order.ratios) > order.highest else ""

    columns = (
        Column("", "", lambda order: view.phase_label(order.phase), align="name"),
        Column(LEVELS[0], "", lambda order: _ratio(min(order.ratios)), drop=2),
        Column(LEVELS[-1], "", lambda order: _ratio(order.highest), drop=1),
        Column(OFF_SCALE, "", most, drop=3, optional=True),
        Column("", "", _strip, align="bar"),
    )
    aside = "each block relative to its variant’s median"
    return Table.of(columns, orders, title=ORDER_TITLE, aside=aside)


def _ratio(value: float) -> str:
    return f"{value:.3f}×"


def _strip(order: BlockOrder) -> str:
    low, high = min(order.ratios), order.highest
    steps = (len(LEVELS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        OFF_SCALE if ratio > high else LEVELS[round((ratio - low) * steps)]
        for ratio in order.ratios
    )
