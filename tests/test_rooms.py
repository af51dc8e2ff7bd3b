"""The way of the data is one way: DESIGN's rooms import only rooms before them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "alexprof"
# In the order of the data's way; each room may import those before it.
ROOMS = [
    *("record", "workload", "measure", "capture", "xplane", "attribute"),
    *("analysis", "show", "export", "tensorboard", "tracer", "cli"),
]
TENSORFLOW = {"tensorflow", "keras", "xprof"}
HEAVY = TENSORFLOW | {"tensorboard", "tensorboard_plugin_profile"}
MAY_IMPORT_HEAVY = {
    "workload": {"tensorflow"},
    "capture": {"tensorflow"},
    "tensorboard": {"tensorboard"},
    "tracer": {"tensorflow"},
}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """All modules that a file imports, at its top or inside a function, types included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_rooms_before_it(path):
    room = room_of(path)
    if room not in ROOMS:
        return
    for module in imports(path):
        head, _, rest = module.partition(".")
        target = rest.partition(".")[0]
        if head == "alexprof" and target in ROOMS and target != room:
            assert ROOMS.index(target) < ROOMS.index(room), f"{room} imports {module}"
        if head in HEAVY:
            assert head in MAY_IMPORT_HEAVY.get(room, set()), f"{room} imports {module}"


def test_every_folder_is_a_known_room():
    floor = {"__init__", "__main__", "errors", "files", "plain_text", "arguments"}
    assert {room_of(path) for path in FILES} <= {*ROOMS, *floor}


def loaded_by(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after running `code`."""
    script = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


READ = (
    *("record.store", "tracer.sources", "analysis.selection", "analysis.changes"),
    *("analysis.caveats", "analysis.difference", "analysis.comparable", "analysis.pairs"),
    *("analysis.summary", "analysis.findings"),
)
"""What reads a record and answers from it."""


@pytest.mark.parametrize(
    ("modules", "not_loaded"),
    [
        ([""], {*HEAVY, "numpy", "polars", "scipy", "rich", "typer", "msgspec"}),
        (
            [".xplane", ".attribute", ".record.parquet", ".tracer.traces", ".show.outputs.as_text"],
            TENSORFLOW,
        ),
        ([".cli"], {*HEAVY, "numpy", "polars", "scipy", "rich", "msgspec"}),
        ([".measure.loop"], {"tensorflow", "scipy", "polars"}),
        ([f".{module}" for module in READ], {*TENSORFLOW, "numpy", "polars", "scipy"}),
    ],
)
def test_what_starts_fast_and_without_tensorflow(modules, not_loaded):
    code = f"import {', '.join(f'alexprof{module}' for module in modules)}"
    assert not loaded_by(code) & not_loaded
