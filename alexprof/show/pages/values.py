"""Pages as plain values for JSON, which the dashboard draws as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alexprof.show.document import (
    Axis,
    Bar,
    Block,
    Cell,
    Choice,
    Columns,
    Figure,
    Lanes,
    Lead,
    Links,
    Section,
    Table,
    Warn,
    cleaned,
)
from alexprof.show.layout import page_cells
from alexprof.show.palette import kind_name


def page_values(section: Section) -> dict[str, Any]:
    """A page as dictionaries, lists, texts and numbers."""
    section = cleaned(section)
    return {"title": section.title, "aside": section.aside, "blocks": block_values(section.blocks)}


def block_values(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """Blocks of a page, which are clean, in the same way."""
    return [_block(block) for block in blocks]


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Columns):
        sides = {"main": block_values(block.main), "side": block_values(block.side)}
        return {"type": "columns", **sides}
    if isinstance(block, Figure | Choice | Lanes | Links):
        return {"type": type(block).__name__.lower(), **vars(block)}
    kind = "lead" if isinstance(block, Lead) else "warn" if isinstance(block, Warn) else "remark"
    return {"type": kind, "text": block.text}


def _table(table: Table) -> dict[str, Any]:
    columns = [
        {
            "title": column.title,
            "unit": column.unit,
            "align": column.align,
            "drop": column.drop,
            "legend": column.legend,
        }
        for column in table.columns
    ]
    cells = zip(*(page_cells(table, place) for place in range(len(table.columns))), strict=True)
    rows = [
        {"cells": list(map(_cell, cells_of_row)), "style": row.style, "key": row.key}
        for row, cells_of_row in zip(table.rows, cells, strict=True)
    ]
    texts = {"title": table.title, "aside": table.aside, "part": table.part}
    return {"type": "table", **texts, "columns": columns, "rows": rows, "axis": _axis(table.axis)}


def _cell(cell: Cell) -> str | dict[str, Any]:
    if not isinstance(cell, Bar):
        return cell
    axis = {} if cell.axis is None else {"axis": _axis(cell.axis)}
    pieces = [
        {**vars(piece), "kind": kind_name(piece.kind) if piece.kind else ""}
        for piece in cell.pieces
    ]
    return {"pieces": pieces, **axis}


def _axis(axis: Axis) -> dict[str, Any]:
    ticks = [(tick, axis.label(tick)) for tick in axis.ticks]
    return {"low": axis.low, "high": axis.high, "ticks": ticks}
