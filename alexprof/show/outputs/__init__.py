"""The outputs, a file each: `as_NAME.py` has `render`. Adding one is adding a file here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from alexprof.errors import check_name
from alexprof.record.run import Run
from alexprof.show.options import ReportOptions

Output = Callable[[Run, ReportOptions], str]


def find_output(style: str) -> Output:
    """The output of that name; a UsageError if there is none."""
    names = sorted(module.name.removeprefix("as_") for module in iter_modules(__path__))
    check_name("report style", style, names)
    render: Output = import_module(f"{__name__}.as_{style}").render
    return render
