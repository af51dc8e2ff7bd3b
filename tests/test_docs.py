"""The documentation says what the code does: options, fields of the JSON, links."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from alexprof.cli.app import app
from alexprof.show import finding_texts
from docs import json_reference

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMANDS: Any = typer.main.get_command(app)


def text_of(page: Path) -> str:
    """A page without its examples."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.S)
    return "\n".join(line for line in text.splitlines() if not line.startswith("    "))


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)", text_of(page), flags=re.MULTILINE)
    return {json_reference.slug(heading) for heading in headings}


def test_the_reference_of_the_json_is_current():
    page = json_reference.PAGE.read_text(encoding="utf-8")
    assert page == json_reference.current_page(), "docs/json.md is out of date: run make docs"


def test_every_finding_is_explained():
    table = json_reference.head().partition("## Findings")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`) \|", table, flags=re.MULTILINE)
    codes = {code for row in rows for code in re.findall(r"\w+", row)}
    assert codes == set(finding_texts.TEMPLATES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in LINK.findall(text_of(page)):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_pages_that_the_code_names_are_there():
    sources = [*(ROOT / "alexprof").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    for source in sources:
        for name in re.findall(r"docs/[\w/]+\.md", source.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{source}: {name}"


def test_files_that_contributing_names_are_there():
    for name in re.findall(r"`([a-z_]+/[\w./]*)`", text_of(DOCS / "contributing.md")):
        assert any((parent / name).exists() for parent in (ROOT / "alexprof", ROOT)), name


def sections() -> dict[str, set[str]]:
    """The options that the tables of commands.md explain, by command."""
    parts = re.split(r"^## alexprof (\w+).*$", text_of(DOCS / "commands.md"), flags=re.MULTILINE)
    return {
        name: {
            option
            for row in re.findall(r"^\| (`--.*?`) \|", part, flags=re.MULTILINE)
            for option in re.findall(r"--[\w-]+", row)
        }
        for name, part in zip(parts[1::2], parts[2::2], strict=True)
    }


def columns() -> set[str]:
    """The headings of the tables that `show` draws; reading.md explains the short report."""
    calls = (
        node
        for source in (ROOT / "alexprof" / "show").rglob("*.py")
        if source.name != "brief.py"
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Column" and node.args
    )
    headings = (ast.literal_eval(call.args[0]) for call in calls if is_text(call.args[0]))
    return {heading for heading in headings if heading}


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def options(command: Any) -> set[str]:
    return {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--") and name != "--help"
    }


def test_commands_md_explains_every_option_and_no_other():
    assert sections() == {name: options(command) for name, command in COMMANDS.commands.items()}


def test_every_column_of_a_table_is_explained():
    pages = text_of(DOCS / "commands.md") + text_of(DOCS / "reading.md")
    rows = re.findall(r"^\| (.*?) \|", pages, flags=re.MULTILINE)
    explained = {name for row in rows for name in row.split(", ")} | set(
        re.findall(r"\*(\w+)\*", pages)
    )
    assert columns() <= explained
