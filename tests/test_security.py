"""Checks what SECURITY.md says: nothing from a file is run, and no connection is opened."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "alexprof"
TREES = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES = {
    # modules that make objects or code from bytes
    *("pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "yaml", "code", "runpy"),
    *("ctypes", "cffi"),
    # modules that talk to other machines
    *("urllib", "http", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "ssl", "grpc"),
    *("socketserver", "asyncio", "websockets", "xmlrpc", "multiprocessing", "webbrowser"),
}
CALLS = {
    *("eval", "exec", "compile", "__import__", "breakpoint"),
    *("os.system", "os.popen", "os.execv", "os.execvp", "os.spawnv"),
    *("np.load", "numpy.load", "glob.glob"),
}
USES = {
    "socket": {"gethostname"},
    "subprocess": {"run", "Popen", "DEVNULL", "TimeoutExpired", "CalledProcessError"},
}
"""The only names used from these modules."""
STARTS = {"measure/gpu_state.py", "measure/processes.py"}
"""Where other programs are started."""
IMPORTS = {
    "show/pages/__init__.py",
    "export/__init__.py",
    "__init__.py",
    "show/outputs/__init__.py",
    "workload/registry.py",
    "workload/leave_ops_out.py",
}
"""Files that import modules by name, from a table in the source or AlexProf's outputs."""


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def uses(tree: ast.AST, module: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == module
    }


def test_no_code_comes_from_a_file_and_nothing_from_a_network():
    for file, tree in TREES.items():
        names = set(imported(tree))
        assert not {name.partition(".")[0] for name in names} & MODULES, file
        assert not {name for name, _ in calls(tree)} & CALLS, file
        for module, used in USES.items():
            assert uses(tree, module) <= used, file
            assert not any(name.startswith(f"{module}.") for name in names), file


def test_a_page_loads_nothing():
    for page in (Path(__file__).parent / "show" / "golden").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not [word for word in ("http", "src=", "href=", "url(", "@import") if word in text]


def test_programs_are_started_in_few_places_and_without_a_shell():
    starting = {file for file, tree in TREES.items() if "subprocess" in set(imported(tree))}
    assert starting == STARTS
    for tree in TREES.values():
        for name, call in calls(tree):
            assert all(keyword.arg != "shell" for keyword in call.keywords), name


def test_modules_are_imported_by_name_in_few_places():
    importing = {
        file for file, tree in TREES.items() for name, _ in calls(tree) if name == "import_module"
    }
    assert importing == IMPORTS


def test_paths_are_read_by_alexprof_and_never_by_a_library():
    """A library may mistake a name for a pattern, an address or a compressed file."""
    for tree in TREES.values():
        for name, call in calls(tree):
            if name.rpartition(".")[2].startswith(
                ("read_parquet", "scan_parquet", "read_csv", "read_json")
            ):
                (argument,) = call.args
                assert ast.unparse(argument).startswith("io.BytesIO("), ast.unparse(call)
