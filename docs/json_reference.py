"""Writes the reference in docs/json.md from the structs: `make docs`.

What stands above the marker in docs/json.md is written by hand. Below it is a table for each struct
that an object holds: fields and types as msgspec encodes them, meanings from the comments beside or
above the fields.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

import msgspec.inspect as types

from alexprof.analysis.changes import RunComparison
from alexprof.analysis.gate import GateResult
from alexprof.analysis.history import History
from alexprof.analysis.pairs import PairsResult
from alexprof.analysis.summary import Answers
from alexprof.record.run import Run

PAGE = Path(__file__).with_name("json.md")
MARKER = "<!-- Generated from the structs: edit their comments and run make docs -->"
OBJECTS: tuple[tuple[str, str, str, type], ...] = (
    ("A run", "alexprof report RUN --json", "", Run),
    ("Answers", "alexprof report RUN --json", ".answers", Answers),
    ("Comparison", "alexprof compare A B --json", "", RunComparison),
    ("Pairs", "alexprof ab 'COMMAND A' 'COMMAND B' --json", "", PairsResult),
    ("Gate", "alexprof gate RUN --baseline RUN --json", "", GateResult),
    ("History", "alexprof history --json", "", History),
)
"""Heading, the command that prints the object, its place in what is printed, its struct."""

NULL = "null"
RECORDS = (types.StructType, types.DataclassType)
_SCALARS: dict[type[types.Type], str] = {
    types.BoolType: "boolean",
    types.FloatType: "number",
    types.IntType: "integer",
    types.NoneType: NULL,
    types.StrType: "string",
}


def current_page() -> str:
    """docs/json.md as it should be: its head as it is, and the reference made anew.

    Raises:
        ValueError: If a field has no comment.
    """
    return f"{head()}{MARKER}\n\n{_reference()}"


def head() -> str:
    """What of docs/json.md is written by hand."""
    return PAGE.read_text(encoding="utf-8").partition(MARKER)[0]


def _reference() -> str:
    """The tables of all objects; a struct that several hold has its table where it comes first."""
    places = [_places(record, place) for _, _, place, record in OBJECTS]
    headings = _headings([record for structs in places for record in structs])
    lines: list[str] = []
    written: set[type] = set()
    for (heading, command, _, _), structs in zip(OBJECTS, places, strict=True):
        lines += [f"## {heading}", "", f"`{command}`", ""]
        for record, place in structs.items():
            if record not in written:
                written.add(record)
                lines += _section(record, place, headings)
    return "\n".join(lines)


def _headings(records: list[type]) -> dict[type, str]:
    """The heading of each struct: its name, or of a second struct of that name its module too."""
    headings = {record: heading for heading, _, _, record in OBJECTS}
    taken = set(headings.values())
    for record in records:
        if record not in headings:
            name = record.__name__
            if name in taken:
                name = f"{name} ({record.__module__.rpartition('.')[2]})"
            taken.add(name)
            headings[record] = name
    return headings


def _places(record: type, place: str) -> dict[type, str]:
    """The structs that an object holds, itself first, and where each comes first, as for jq."""
    places: dict[type, str] = {}

    def look(kind: types.Type, place: str) -> None:
        if isinstance(kind, RECORDS) and kind.cls not in places:
            places[kind.cls] = place
            for field in kind.fields:
                look(field.type, f"{place}.{field.encode_name}")
        for part, suffix in _parts(kind):
            look(part, place + suffix)

    look(types.type_info(record), place)
    return places


def _parts(kind: types.Type) -> Iterator[tuple[types.Type, str]]:
    """The types inside a type, and what jq appends to reach them."""
    if isinstance(kind, types.UnionType):
        yield from ((part, "") for part in kind.types)
    elif isinstance(kind, types.VarTupleType | types.ListType):
        yield kind.item_type, "[]"
    elif isinstance(kind, types.TupleType):
        yield from ((part, f"[{index}]") for index, part in enumerate(kind.item_types))
    elif isinstance(kind, types.DictType):
        yield kind.value_type, "[]"


def _section(record: type, place: str, headings: dict[type, str]) -> list[str]:
    info = types.type_info(record)
    assert isinstance(info, RECORDS)
    summary, meanings = _read_docstring(record)
    is_object = any(record is entry[-1] for entry in OBJECTS)
    lines = [] if is_object else [f"### {headings[record]}", ""]
    lines += [f"`{place}`: {summary}." if place else f"{summary}.", ""]
    inherited = [base for base in record.__mro__[1:] if base in headings]
    if inherited:
        lines += [
            f"All fields of [{headings[base]}](#{slug(headings[base])}), and:" for base in inherited
        ] + [""]
    lines += ["field | type | meaning", "--- | --- | ---"]
    for field in info.fields:
        anew = field.name in record.__annotations__
        if not anew and any(field.name in base.__annotations__ for base in inherited):
            continue
        if field.name not in meanings:
            raise ValueError(f"{record.__module__}.{record.__name__}: describe {field.name}")
        meaning = meanings[field.name]
        lines.append(f"`{field.encode_name}` | {_type(field.type, headings)} | {meaning}")
    return [*lines, ""]


def _type(kind: types.Type, headings: dict[type, str]) -> str:
    """A type as the page writes it: `number?` may be null, `number[]` is a list."""
    inner = [_type(part, headings) for part, _ in _parts(kind)]
    match kind:
        case types.StructType() | types.DataclassType():
            text = f"[{headings[kind.cls]}](#{slug(headings[kind.cls])})"
        case types.LiteralType():
            text = ", ".join(f'"{value}"' for value in kind.values)
        case types.UnionType():
            known = [part for part in inner if part != NULL]
            text = " or ".join(known) + ("?" if len(known) < len(inner) else "")
        case types.VarTupleType() | types.ListType():
            several = isinstance(kind.item_type, types.UnionType | types.LiteralType)
            text = f"({inner[0]})[]" if several else f"{inner[0]}[]"
        case types.TupleType():
            text = f"[{', '.join(inner)}]"
        case types.DictType():
            text = f"object of {inner[0]}"
        case _:
            text = _SCALARS[type(kind)]
    return text


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _read_docstring(record: type) -> tuple[str, dict[str, str]]:
    """Its first paragraph, and the meaning of each field, those of the classes it extends too."""
    meanings: dict[str, str] = {}
    for base in reversed(record.__mro__):
        if base.__module__.startswith("alexprof."):
            meanings |= _comments(base)
    docstring = inspect.cleandoc(record.__dict__.get("__doc__") or "")
    return _as_markdown(docstring.partition("\n\n")[0]), meanings


def _comments(record: type) -> dict[str, str]:
    """What the comment behind each field says, or the comment lines above it."""
    source = textwrap.dedent(inspect.getsource(record))
    lines = [line.strip() for line in source.splitlines()]
    meanings = {}
    for field in ast.walk(ast.parse(source)):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            _, _, behind = lines[field.lineno - 1].partition("  # ")
            above = takewhile(lambda line: line.startswith("#"), lines[field.lineno - 2 :: -1])
            comment = behind or " ".join(line[2:] for line in [*above][::-1])
            if comment:
                meanings[field.target.id] = _as_markdown(comment)
    return meanings


def _as_markdown(text: str) -> str:
    one_line = " ".join(text.split())
    for python, json in (("None", "null"), ("True", "true"), ("False", "false"), ("pass_", "pass")):
        one_line = re.sub(rf"\b{python}\b", json, one_line)
    return one_line.removesuffix(".").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(current_page(), encoding="utf-8")
