"""Vega's script for the browser: in a wheel a file of the package, for a checkout made once."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

from alexprof.files import whole_file

_SNIPPET = "window.vegaEmbed = vegaEmbed;"
PACKAGED = Path(__file__).with_name("static") / "vega.js"
"""Where wheels have it."""


def script_path() -> Path:
    """Where the script is; it is made if there is none, which takes seconds.

    It defines `vegaEmbed` of the window.

    Raises:
        RunError: If it can't be written.
    """
    if PACKAGED.exists():
        return PACKAGED
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = cache / "alexprof" / f"vega-embed-{version('vl-convert-python')}.js"
    if not path.exists():
        make_script(path)
    return path


def make_script(path: Path) -> None:
    """Writes the script, whole; a RunError if it can't be written."""
    import vl_convert

    with whole_file(path) as temporary:
        temporary.write_text(vl_convert.javascript_bundle(_SNIPPET), encoding="utf-8")


if __name__ == "__main__":
    script_path()
