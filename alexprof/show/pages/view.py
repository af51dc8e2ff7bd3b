"""What a page is made of: a run with its tables, and what the reader chose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from alexprof.analysis.timelines import load_timeline
from alexprof.errors import UsageError, check_name
from alexprof.record.parquet import Tables
from alexprof.record.run import Run
from alexprof.show import numbers
from alexprof.show.options import ReportOptions
from alexprof.show.palette import colored
from alexprof.show.view import View

if TYPE_CHECKING:
    from alexprof.attribute.lanes import Timeline

Timelines = Callable[[Run, str, str], "Timeline"]
UnitChoice = Literal["time", "%"]


@dataclass(frozen=True)
class Choices:
    """What a reader chose; "" takes what is shown first. Their names stand in links."""

    variant: str = ""
    phase: str = ""
    unit: UnitChoice = "time"  # "%": of the step
    roll: str = ""  # What rows and blocks of a page stand for: layers, kinds, …
    depth: int = 0  # How many parts of layers' names to keep; 0 keeps all
    idle: str = ""  # "out": idle time is left out of charts
    step: int = 0  # Place among the traced steps
    beside: str = ""  # The step to draw below it: a variant, or "step:3"
    against: str = ""  # The run, or variant, to compare with

    @classmethod
    def parse(cls, texts: dict[str, str]) -> Choices:
        """Reads choices by name, and ignores other names.

        Raises:
            UsageError: If one can't be read.
        """
        values: dict[str, str | int] = {}
        for field in fields(cls):
            text = texts.get(field.name, "")
            if not text:
                continue
            if isinstance(field.default, int):
                if not (text.isascii() and text.isdigit() and len(text) < 10):
                    raise UsageError(f"{field.name} is a whole number, not {text[:40]!r}")
                values[field.name] = int(text)
            else:
                values[field.name] = text
        if "unit" in values:
            check_name("unit", str(values["unit"]), get_args(UnitChoice))
        return cls(**values)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Source:
    """A run and its tables."""

    run: Run
    tables: Tables


@dataclass(frozen=True)
class OtherRun:
    """A run that another one can be compared with, which is read only if it is."""

    name: str  # In the list of runs
    started: str
    workload: str  # "" if it has none, or that is not known
    is_trace: bool
    load: Callable[[], Source]


@dataclass(frozen=True)
class PageView(View):
    """A run as a page looks at it: always one variant and one phase, the first if none is chosen.

    `options.phase` stays None, so that what is said of a run is said of all its phases.
    """

    tables: Tables
    choices: Choices = Choices()
    others: tuple[OtherRun, ...] = ()  # What it can be compared with, the newest first
    name: str = ""  # What the list of runs calls it
    timelines: Timelines = load_timeline  # Reads timelines, or has them
    static: bool = False  # Whether pages have no script to draw with

    @classmethod
    def of(
        cls,
        source: Source,
        choices: Choices,
        others: tuple[OtherRun, ...] = (),
        name: str = "",
        timelines: Timelines = load_timeline,
    ) -> PageView:
        """Looks at a run.

        Raises:
            UsageError: If the run has no such variant or phase.
        """
        options = ReportOptions(
            variant=choices.variant or None, phase=choices.phase or None, full=True
        )
        options.check(source.run)
        options = replace(options, phase=None)
        name = name or source.run.run
        return cls(source.run, options, source.tables, choices, others, name, timelines)

    def is_known(self, against: str) -> bool:
        """Whether that names a variant of the run, another run, or RUN:variant."""
        names = {self.name, *(other.name for other in self.others)}
        names_of_others = names - {self.name}
        run_name = against.rpartition(":")[0]
        return against in self.run.variants or against in names_of_others or run_name in names

    def timeline(self, variant: str, key: str) -> Timeline:
        """The timeline of a phase; errors are those of `load_timeline`."""
        return self.timelines(self.run, variant, key)

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of all ops of the run, those first that take most of a step in any phase."""
        largest: dict[str, float] = {}
        for _, _, phase in self.run.all_phases():
            for cost in phase.kinds:
                if phase.attribution and cost.device == phase.attribution.device:
                    largest[cost.name] = max(largest.get(cost.name, 0.0), cost.share_fraction)
        return tuple(sorted(largest, key=lambda kind: -largest[kind]))

    def colored(self) -> AbstractContextManager[None]:
        """The colors of the run's kinds, for as long as pages are made and drawn."""
        return colored(self.kinds)

    @property
    def key(self) -> str:
        """The phase to look into; "" in a run without any."""
        return self.choices.phase or next(iter(self.run.phase_keys), "")

    def unit(self, times_s: Sequence[float | None], step_s: float | None) -> numbers.Unit:
        """The unit for some times: that of a table, or percent of a step."""
        if self.choices.unit == "%" and step_s:
            return numbers.Unit("%", 100 / step_s, math.inf)
        return numbers.table_unit(times_s)
