"""The outputs: a file for each, which registers one function. Adding one is adding a file here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from alexprof.errors import check_name
from alexprof.record.run import Run
from alexprof.show.options import ReportOptions

Output = Callable[[Run, ReportOptions], str]

_OUTPUTS: dict[str, Output] = {}


def output(style: str) -> Callable[[Output], Output]:
    """Registers a function as the output of that name."""

    def register(function: Output) -> Output:
        _OUTPUTS[style] = function
        return function

    return register


def find_output(style: str) -> Output:
    """The output of that name; a UsageError if there is none."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    check_name("report style", style, sorted(_OUTPUTS))
    return _OUTPUTS[style]
