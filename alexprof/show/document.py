"""What a report says, independent of how it looks: sections of sentences, tables and charts.

Every output draws the same document, so all outputs say the same. Some of its text comes from
traces and users: the document cleans all of it (`plain_text`), so no output can forget to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Literal, TypeAlias

from alexprof.plain_text import clean
from alexprof.show.numbers import MINUS, MISSING

Align = Literal["name", "text", "number", "right", "bar"]
Mark = (
    Literal["forward", "backward", "pass", "idle", "own", "others", "measured"]
    | Literal["remainder", "interval"]
    | Literal["zero", "whole", "whole, open", "part", "part, open", "dot"]
)
RowStyle = Literal["plain", "group", "muted", "sum"]


@dataclass(frozen=True)
class Piece:
    """A part of a bar, in the unit of the table's axis; `end` may lie before `start`.

    Its color is that of `kind`, the kind of op that it stands for; "" if mixed.
    """

    start: float
    end: float
    mark: Mark
    kind: str = ""


@dataclass(frozen=True)
class Bar:
    """A cell that is drawn."""

    pieces: tuple[Piece, ...]
    axis: Axis | None = None  # None takes the table's


Cell: TypeAlias = "str | Bar"


@dataclass(frozen=True)
class Column:
    """A column."""

    title: str
    unit: str = ""
    # Its cell for an item, where a table is made by `Table.of`: text, bar or a whole number; None
    # leaves it empty
    value: Callable[[Any], Cell | int | None] = lambda item: ""
    align: Align = "number"  # "name" is the column that gives way, "number" aligns decimal points
    drop: int = 0  # Which column goes first where there is no room: the highest; 0 never goes
    optional: bool = False  # Whether it is left out of a table in which no item has anything there
    legend: tuple[tuple[Mark, str], ...] = ()  # What the marks of a bar column stand for

    @property
    def header(self) -> str:
        """Title and unit."""
        return f"{self.title} {self.unit}".strip()

    @property
    def flush_right(self) -> bool:
        """Whether texts end at its right side."""
        return self.align in ("number", "right")

    def cell(self, item: Any) -> Cell:
        """Its cell for an item."""
        value = self.value(item)
        return "" if value is None else str(value) if isinstance(value, int) else value


@dataclass(frozen=True)
class Axis:
    """What bars are drawn on: its ends, and values to write above it, multiplied by `scale`."""

    low: float
    high: float
    ticks: tuple[float, ...] = ()
    scale: float = 1e3

    @classmethod
    def over(cls, values: Sequence[float], scale: float, about: int = 6) -> Axis:
        """An axis that holds all values; its ticks are 1, 2 or 5 times a power of ten apart."""
        low, high = min(values), max(values)
        if (high - low) * scale < 1e-9:  # too close for a logarithm, or a reader
            low, high = low - 1 / scale, high + 1 / scale
        rough = (high - low) * scale / about  # as written, which may be percent of a step
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(size * power for size in (1, 2, 5, 10) if size * power >= rough * 0.999) / scale
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return cls(low, high, tuple(place * step for place in range(first, last + 1)), scale)

    def place(self, value: float) -> float:
        """Where a value is: 0 at the left end, 1 at the right."""
        return (value - self.low) / (self.high - self.low)

    def label(self, tick: float) -> str:
        """A tick in the table's unit."""
        return f"{MINUS if tick < 0 else ''}{abs(tick) * self.scale:.6g}"


@dataclass(frozen=True)
class Row:
    """A row: a cell for each column; fewer mean that the rest is empty."""

    cells: tuple[Cell, ...]
    style: RowStyle = "plain"
    key: str = ""  # What the dashboard opens below it: an op's name, for example; "" for nothing


@dataclass(frozen=True)
class Table:
    """A table. Text outputs take one column that is a "bar", the last.

    `aside` stands right of the title; `part` is what `--section` calls the table, "" where it is
    shown with its section alone.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    axis: Axis = Axis(0.0, 1.0)
    title: str = ""
    aside: str = ""
    part: str = ""

    @classmethod
    def of(
        cls,
        columns: Iterable[Column],
        items: Iterable[Any],
        style: Callable[[Any], RowStyle] = lambda item: "plain",
        key: Callable[[Any], str] = lambda item: "",
        **fields: Any,
    ) -> Table:
        """Makes a row of each item by `value` of its columns; `fields` are the table's others.

        An item that is a `Row`, as a heading or a sum, stays as it is.
        """
        all_columns = tuple(columns)
        rows = [
            item
            if isinstance(item, Row)
            else Row(tuple(column.cell(item) for column in all_columns), style(item), key(item))
            for item in items
        ]
        whole = cls(all_columns, tuple(rows), **fields)
        return whole.without(
            place
            for place, column in enumerate(all_columns)
            if column.optional and set(whole.cells(place)) <= {"", MISSING}
        )

    def cells(self, place: int) -> list[Cell]:
        """The cells of a column."""
        return [row.cells[place] if place < len(row.cells) else "" for row in self.rows]

    def without(self, places: Iterable[int]) -> Table:
        """The table without some columns."""
        kept = sorted({*range(len(self.columns))}.difference(places))
        cells = zip(*map(self.cells, kept), strict=True)
        return replace(
            self,
            columns=tuple(self.columns[place] for place in kept),
            rows=tuple(
                replace(row, cells=kept) for row, kept in zip(self.rows, cells, strict=True)
            ),
        )


@dataclass(frozen=True)
class Remark:
    """What else has to be said."""

    text: str


class Lead(Remark):
    """The answer."""


class Warn(Remark):
    """What makes numbers doubtful, or what is missing."""


@dataclass(frozen=True)
class Figure:
    """A chart for pages and pictures; text outputs leave it out.

    In the specification colors are names of the palette, as `var(--ink)`. Text from traces stands
    in values of its data alone, never in expressions or field names. Values that can be pointed at
    have an `id`, their place in the order of the arrow keys, and `text`, what is told of them;
    `filter` is what the Enter key searches the table for.
    """

    name: str  # What files and links call it
    title: str
    spec: Mapping[str, Any]  # A Vega-Lite specification with its data
    summary: str  # What it shows, for those who can't see it
    aside: str = ""
    hint: str = ""  # Stands below it until something is pointed at
    narrow: Mapping[str, Any] | None = None  # The specification for a narrow page; None for one
    legend: tuple[tuple[str, str], ...] = ()  # Fills, as in the specification, and what they mean


@dataclass(frozen=True)
class Choice:
    """Buttons of the dashboard that set what it calls `name` to the key of an option."""

    name: str
    title: str
    options: tuple[tuple[str, str], ...]  # Keys and labels
    value: str  # The key that is chosen


@dataclass(frozen=True)
class Lanes:
    """Steps to draw as timelines, one above the other; the dashboard fetches their events."""

    title: str
    aside: str
    steps: tuple[tuple[str, str, int], ...]  # Variant, phase and place among the traced steps
    labels: tuple[str, ...]  # What each step is called
    legend: tuple[tuple[str, str], ...] = ()  # As of figures


@dataclass(frozen=True)
class Links:
    """What the dashboard gives of the run to take along: labels, routes and their parameters."""

    title: str
    links: tuple[tuple[str, str, str], ...]  # Label, route, format; "" where it has none


@dataclass(frozen=True)
class Columns:
    """Blocks side by side where there is room."""

    main: tuple[Block, ...]
    side: tuple[Block, ...]


Text: TypeAlias = Remark | Table
"""What text can show."""
Block: TypeAlias = Text | Figure | Choice | Lanes | Links | Columns


def _texts(blocks: Iterable[Block]) -> Iterator[Text]:
    for block in blocks:
        if isinstance(block, Columns):
            yield from _texts((*block.main, *block.side))
        elif isinstance(block, Remark | Table):
            yield block


@dataclass(frozen=True)
class Section:
    """A question and its answer; `aside` says of what, in which unit."""

    title: str
    aside: str
    blocks: tuple[Block, ...]

    @property
    def texts(self) -> tuple[Text, ...]:
        """Its blocks that text can show, in order."""
        return tuple(_texts(self.blocks))


def cleaned(part: Any) -> Any:
    """Cleans the text in all fields of a part of a document."""
    if isinstance(part, str):
        return clean(part)
    if isinstance(part, tuple | list):
        return type(part)(map(cleaned, part))
    if isinstance(part, Mapping):  # a specification
        return {name: cleaned(value) for name, value in part.items()}
    if is_dataclass(part) and not isinstance(part, type | Bar | Axis):  # these have no text
        return replace(part, **{name: cleaned(value) for name, value in vars(part).items()})
    return part


@dataclass(frozen=True)
class Document:
    """A report: its head, its questions, its end.

    `commands` show more; they are not broken into lines, so that they can be pasted.
    """

    name: str
    status: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...] = ()
    footer: str = ""
    commands: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, cleaned(getattr(self, field.name)))

    @property
    def end(self) -> str:
        """Footer and commands in one line."""
        return " · ".join(filter(None, (self.footer, *self.commands)))
