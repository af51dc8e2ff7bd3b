"""What a report says, before it is decided how it looks: sections of sentences and tables.

Every output draws the same document, so that none of them can say anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from alexprof.show.numbers import MISSING

Align = Literal["name", "text", "number", "right", "bar"]
Mark = Literal[
    "forward",
    "backward",
    "pass",
    "idle",
    "own",
    "others",
    "measured",
    "interval",
    "zero",
    "whole",
    "whole, open",
    "part",
    "part, open",
]
RowStyle = Literal["plain", "group", "muted", "sum"]


@dataclass(frozen=True)
class Piece:
    """A part of a bar.

    Attributes:
        start: Where it begins, in the unit of the table's axis; may lie behind `end`.
        end: Where it ends.
        mark: What it stands for.
        kind: The kind of op that gives it its colour; "" if mixed.
    """

    start: float
    end: float
    mark: Mark
    kind: str = ""


@dataclass(frozen=True)
class Bar:
    """A cell that is drawn."""

    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Span:
    """A cell that also takes the columns to its right whose cells are None."""

    text: str


Cell: TypeAlias = "str | Bar | Span | None"


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        title: What is in it.
        unit: Its unit, or "".
        value: Its cell for an item, where a table is made by `Table.of`.
        align: "name" is the column that gives way, "number" aligns decimal points.
        drop: Which column goes first where there is no room: the highest; 0 never goes.
        optional: Whether it is left out of a table in which no item has anything there.
        legend: What the marks of a bar column stand for.
    """

    title: str
    unit: str = ""
    value: Callable[[Any], Cell] | None = None
    align: Align = "number"
    drop: int = 0
    optional: bool = False
    legend: tuple[tuple[Mark, str], ...] = ()

    @property
    def header(self) -> str:
        """Title and unit."""
        return f"{self.title} {self.unit}" if self.unit else self.title


@dataclass(frozen=True)
class Axis:
    """What bars are drawn on.

    Attributes:
        low: Value at the left end.
        high: Value at the right end, above `low`.
        ticks: Values to write above it.
        scale: What ticks are multiplied by to be written: from seconds to the table's unit.
    """

    low: float
    high: float
    ticks: tuple[float, ...] = ()
    scale: float = 1e3


@dataclass(frozen=True)
class Row:
    """A row: a cell for each column; fewer mean that the rest is empty."""

    cells: tuple[Cell, ...]
    style: RowStyle = "plain"

    def cell(self, place: int) -> Cell:
        """The cell in a column."""
        return self.cells[place] if place < len(self.cells) else ""

    def text(self, place: int) -> str:
        """The text in a column; "" for what is drawn or spans columns."""
        cell = self.cell(place)
        return cell if isinstance(cell, str) else ""

    def span(self, place: int) -> int:
        """How many columns the cell in a column takes."""
        end = place + 1
        if isinstance(self.cell(place), Span):
            while end < len(self.cells) and self.cells[end] is None:
                end += 1
        return end - place


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: At most one of them a "bar", the last.
        rows: From top to bottom.
        axis: Of the bars.
        title: A line above it, or "".
        aside: To the right of the title.
        part: What `--section` calls it; "" where it is shown with its section alone.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    axis: Axis | None = None
    title: str = ""
    aside: str = ""
    part: str = ""

    @classmethod
    def of(
        cls,
        columns: Iterable[Column],
        items: Iterable[Any],
        style: Callable[[Any], RowStyle] = lambda item: "plain",
        **fields: Any,
    ) -> Table:
        """Makes a row of each item, by its columns' `value`.

        Args:
            columns: What to show of an item.
            items: From top to bottom.
            style: The style of an item's row.
            fields: The table's other fields.
        """
        items = list(items)
        made = [
            (column, [column.value(item) if column.value else "" for item in items])
            for column in columns
        ]
        kept = [
            (column, cells)
            for column, cells in made
            if not column.optional or any(cell not in ("", MISSING) for cell in cells)
        ]
        rows = zip(*(cells for _, cells in kept), strict=True)
        return cls(
            columns=tuple(column for column, _ in kept),
            rows=tuple(Row(row, style(item)) for row, item in zip(rows, items, strict=True)),
            **fields,
        )

    def and_rows(self, *rows: Row) -> Table:
        """The table with more rows below."""
        return replace(self, rows=(*self.rows, *rows))


@dataclass(frozen=True)
class Lead:
    """The answer."""

    text: str


@dataclass(frozen=True)
class Note:
    """What else has to be said."""

    text: str


@dataclass(frozen=True)
class Warn:
    """What makes numbers doubtful, or what is missing."""

    text: str


@dataclass(frozen=True)
class Drawing:
    """Lines whose characters stand under each other.

    Attributes:
        title: A line above.
        lines: The drawing.
    """

    title: str
    lines: tuple[str, ...]


Block: TypeAlias = "Lead | Note | Warn | Table | Drawing"


@dataclass(frozen=True)
class Section:
    """A question and its answer.

    Attributes:
        title: The question.
        aside: Of what, in which unit.
        blocks: The answer.
    """

    title: str
    aside: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        name: The run's name.
        status: "complete" or "incomplete".
        facts: The machine and the settings.
        banner: Why the run is not complete, or "".
        sections: The questions.
        footer: The last line.
    """

    name: str
    status: str
    facts: tuple[str, ...]
    banner: str = ""
    sections: tuple[Section, ...] = field(default=())
    footer: str = ""
