"""The documentation says what the code does: options, fields of the JSON, links."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import textwrap
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from alexprof.cli.app import app
from alexprof.show import finding_texts
from alexprof.show.outputs import render
from docs import json_reference
from tests import h200

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted(DOCS.rglob("*.md"))]
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


def test_limits_are_those_of_the_code():
    text = (DOCS / "promises.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \| ([\d,]+)( MB)? \| `([\w.]+)` \|$", text, flags=re.MULTILINE)
    assert len(rows) == text.count("\n| ") - 2  # its head
    for number, unit, constant in rows:
        module, _, name = f"alexprof.{constant}".rpartition(".")
        value = getattr(import_module(module), name)
        assert value == int(number.replace(",", "")) * (1_000_000 if unit else 1), constant


def examples(page: Path) -> list[tuple[str, set[str]]]:
    """The command and the options of each call of `alexprof` that a page shows."""
    text = page.read_text(encoding="utf-8").replace("\\\n", "")
    calls = re.findall(r"(?:^ {4}|[`'/])alexprof\"? +([a-z]+)([^'`\n]*)", text, flags=re.MULTILINE)
    return [(name, set(re.findall(r"(?<= )--[\w-]+", rest))) for name, rest in calls]


def test_readme_shows_what_the_report_of_a_recorded_run_says_today():
    report = render(h200.run_of("alexnet_gpu32")).replace("\u00a0", " ")
    block = textwrap.indent(report.partition("\n\nDetails:")[0], "    ") + "\n"
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    if os.environ.get("ALEXPROF_UPDATE_GOLDEN"):
        text = re.sub(r"    AlexProf  .*\n(?:    .*\n|\n(?=    ))*", lambda _: block, text, count=1)
        readme.write_text(text, encoding="utf-8")
    assert f"\n\n{block}\n" in text
    quoted = re.findall(r"^    .*", (DOCS / "reading.md").read_text(encoding="utf-8"), re.MULTILINE)
    words = [line.strip(" █·").split() for line in block.splitlines()]
    assert all(line.strip(" █·").split() in words for line in quoted)


PROGRAMS = [
    textwrap.dedent(program)
    for page in (ROOT / "README.md", DOCS / "api.md")
    for program in re.findall(
        r"^    import alexprof\n(?:    .*\n|\n(?=    ))*", page.read_text("utf-8"), re.MULTILINE
    )
]


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_of_the_pages_run(program, tmp_path):
    command, environment = [sys.executable, "-c", program], {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("AlexProf  ")


EXPLAINING = ("commands.md", "reading.md", "tensorboard.md")
"""The pages that explain columns of tables."""


def columns() -> set[str]:
    """The headings of the tables that `show` draws; reading.md explains the short report."""
    calls = (
        node
        for source in (ROOT / "alexprof" / "show").rglob("*.py")
        if source.name != "brief.py"
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Column" and node.args
    )
    headings = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
    return {heading for heading in headings if isinstance(heading, str) and heading}


def options(command: Any) -> dict[str, str]:
    """Each option of a command, and what `--help` says about it."""
    return {
        name: parameter.help
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }


@pytest.mark.parametrize("name", COMMANDS.commands)
def test_help_explains_every_option_and_commands_md_names_no_other(name):
    there = options(COMMANDS.commands[name])
    assert all(there.values())
    parts = re.split(r"^## alexprof (\w+).*$", text_of(DOCS / "commands.md"), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert set(re.findall(r"`(--[\w-]+)", sections[name])) <= set(there)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_use_commands_and_options_that_there_are(page):
    for name, used in examples(page):
        assert used <= set(options(COMMANDS.commands[name])), name


def test_every_column_of_a_table_is_explained():
    pages = "".join(map(text_of, (DOCS / name for name in EXPLAINING)))
    rows = re.findall(r"^\| (.*?) \|", pages, flags=re.MULTILINE)
    explained = {name for row in rows for name in row.split(", ")}
    assert columns() <= explained.union(re.findall(r"\*(\w+)\*", pages))
