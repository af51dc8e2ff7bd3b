"""How sure is it? What makes numbers unsure, on what they rest, and what was not measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from alexprof.analysis.findings import Finding
from alexprof.record.interference import Interference
from alexprof.record.phase import Phase
from alexprof.show import numbers
from alexprof.show.document import Block, Column, Lead, Links, Remark, Row, Section, Table
from alexprof.show.finding_texts import LEAST_SEVERE
from alexprof.show.pages.view import PageView
from alexprof.show.sections.brief import finding_block
from alexprof.show.text import listed, plural

TAKE_ALONG = (
    ("HTML, one file", "html", ""),
    ("Perfetto", "export", "perfetto"),
    ("Chrome trace", "export", "chrome-trace"),
    ("speedscope", "export", "speedscope"),
    ("pprof", "export", "pprof"),
    ("CSV", "export", "csv"),
    ("Parquet", "export", "parquet"),
)
_STATES = {
    "steady": "one level",
    "warming": "warming up until step {}",
    "slowing": "slowing down until step {}",
    "no steady state": "no steady state",
}


class _Measured(NamedTuple):
    """A phase of a variant."""

    label: str
    phase: Phase


def sure_page(view: PageView) -> Section:
    """Makes the page."""
    return Section("How sure is it?", "", tuple(_blocks(view)))


def _blocks(view: PageView) -> Iterator[Block]:
    yield Lead(_answer(view))
    yield from (finding_block(view, finding) for finding in view.findings)
    measured = [
        _Measured(", ".join((view.phase_label(key), *view.needed_label(variant))), phase)
        for variant, key, phase in view.run.all_phases()
    ]
    yield from _tables(measured)
    yield from _absent(view, measured)
    if view.run.machine is not None:
        yield _machine(view)
    yield Links("Take it along", TAKE_ALONG)


def _answer(view: PageView) -> str:
    """Says: one thing makes the numbers of forward unsure."""
    harmful = [finding for finding in view.findings if finding.severity >= LEAST_SEVERE]
    if not harmful:
        return "Nothing that was looked at makes these numbers unsure."
    phases = _phases(view, harmful)
    count = "One thing makes" if len(harmful) == 1 else f"{len(harmful)} things make"
    return f"{count} numbers{phases} unsure."


def _phases(view: PageView, findings: list[Finding]) -> str:
    keys = dict.fromkeys(key for finding in findings for key in finding.phases)
    if len(keys) == len(view.phases) or any(not finding.phases for finding in findings):
        return ""
    return f" of {listed([view.phase_label(key) for key in keys])}"


def _tables(measured: list[_Measured]) -> Iterator[Table]:
    if any(entry.phase.timed for entry in measured):
        yield _steps_table([entry for entry in measured if entry.phase.timed])
    if any(entry.phase.traced for entry in measured):
        yield _tracing_table([entry for entry in measured if entry.phase.traced])
    if any(entry.phase.interference for entry in measured):
        yield _interference_table([entry for entry in measured if entry.phase.interference])


def _steps_table(measured: list[_Measured]) -> Table:
    """Warm-up, steady state, how narrow the interval is, outliers."""

    def steady(entry: _Measured) -> str:
        timed = entry.phase.timed
        if timed is None or timed.steadiness is None:
            return numbers.MISSING
        return _STATES[timed.steadiness.state].format(timed.steadiness.settled_step)

    def precision(entry: _Measured) -> str:
        timed = entry.phase.timed
        return numbers.percent(timed.precision if timed else None)

    def outliers(entry: _Measured) -> str:
        found = entry.phase.timed.outliers if entry.phase.timed else None
        return numbers.MISSING if found is None else str(found.mild_high + found.severe_high)

    def in_mean(entry: _Measured) -> str:
        found = entry.phase.timed.outliers if entry.phase.timed else None
        return numbers.MISSING if found is None else numbers.percent(found.mean_share)

    def steps(entry: _Measured) -> str:
        return str(entry.phase.timed.steps) if entry.phase.timed else ""

    def burn_in(entry: _Measured) -> str:
        return str(entry.phase.timed.burn_in) if entry.phase.timed else ""

    columns = (
        Column("", "", lambda entry: entry.label, align="name"),
        Column("warm-up", "steps", burn_in, align="right", drop=3),
        Column("timed", "steps", steps, align="right"),
        Column("levels", "", steady, align="text"),
        Column("± 95 %", "% of the mean", precision),
        Column("slow steps", "", outliers, align="right", drop=2),
        Column("their part", "% of the mean", in_mean, drop=4),
    )
    return Table.of(columns, measured, title="Timed steps", aside="no profiler attached")


def _tracing_table(measured: list[_Measured]) -> Table:
    """What the profiler costs, and what the trace has."""

    def slowdown(entry: _Measured) -> str:
        traced = entry.phase.traced
        return numbers.times(traced.slowdown) if traced else ""

    def events(entry: _Measured) -> str:
        return f"{entry.phase.traced.events:,}" if entry.phase.traced else ""

    def steps(entry: _Measured) -> str:
        return str(entry.phase.traced.steps) if entry.phase.traced else ""

    def mean(entry: _Measured) -> str:
        return numbers.time(entry.phase.traced.mean_s) if entry.phase.traced else ""

    columns = (
        Column("", "", lambda entry: entry.label, align="name"),
        Column("traced", "steps", steps, align="right"),
        Column("mean", "", mean, align="right"),
        Column("traced / timed", "", slowdown, align="right"),
        Column("events", "", events, align="right", drop=2),
    )
    return Table.of(columns, measured, title="Tracing", aside="what the profiler adds")


def _interference_table(measured: list[_Measured]) -> Table:
    """What else went on while steps were timed."""

    def column(title: str, unit: str, name: str, drop: int, factor: float = 1.0) -> Column:
        def cell(entry: _Measured) -> str:
            value = getattr(entry.phase.interference or Interference(1.0, 1), name)
            return numbers.MISSING if value is None else f"{value * factor:.2f}".removesuffix(".00")

        return Column(title, unit, cell, align="right", drop=drop)

    columns = (
        Column("", "", lambda entry: entry.label, align="name"),
        column("this program", "cores", "cpu_own", 2),
        column("others", "cores", "cpu_others", 0),
        column("stolen", "cores", "steal", 3),
        column("waiting for a core", "% of the time", "cpu_stalled", 4, 100),
        column("throttled", "s/s", "throttled", 5),
        column("major faults", "", "major_page_faults", 6),
    )
    return Table.of(columns, measured, title="Interference", aside="during warm-up and timed steps")


def _absent(view: PageView, measured: list[_Measured]) -> Iterator[Block]:
    """What was not measured, and how to record it."""
    rows = list(_not_measured(view, measured))
    if rows:
        columns = (Column("", align="name"), Column("to record it", align="text"))
        yield Table(columns, tuple(Row(row) for row in rows), title="What was not measured")
    elif not view.run.is_trace:
        yield Remark("All that AlexProf can measure of these phases was measured.")


def _not_measured(view: PageView, measured: list[_Measured]) -> Iterator[tuple[str, str]]:
    if view.run.is_trace:
        yield "steps without the profiler", "alexprof.Tracer around your steps"
    elif any(entry.phase.timed is None for entry in measured) or not view.run.complete:
        yield "some timed steps", "run it again to its end"
    if any(entry.phase.traced is None for entry in measured):
        yield "where steps of some phases go", "--trace-steps 10"
    if not view.summary.savings:
        yield "a saving, by leaving ops out", "alexprof ablate"
    elif any(saving.own_s is None for saving in view.summary.savings):
        yield "the time of the ops that were left out", "--trace-steps 10"
    if any(entry.phase.timed and entry.phase.timed.ci95_s is None for entry in measured):
        yield "intervals of some means", "--num-batches 100"
    cores = [op for entry in measured for op in entry.phase.ops if op.core_mean_s is not None]
    if any(entry.phase.ops and not entry.phase.on_gpu for entry in measured) and not cores:
        yield "core times of ops", "report TRACE without --no-cores"
    untimed = sum(len(entry.phase.not_timed) for entry in measured)
    if untimed:
        text = f"{plural(untimed, 'op')} that ran without an event in the trace"
        yield text, "nothing: the profiler leaves out constants and the like"


def _machine(view: PageView) -> Table:
    """Machine and versions."""
    machine = view.run.machine
    assert machine is not None
    host, software = machine.host, machine.software
    memory = numbers.MISSING
    if host.memory_bytes is not None:
        memory = f"{host.memory_bytes / 2**30:.1f}{numbers.NBSP}GiB"
    onednn = {True: "on", False: "off", None: numbers.MISSING}[software.onednn]
    load = numbers.MISSING if host.load_before is None else f"{host.load_before:.2f}"
    devices = [f"{device.name} {device.description}" for device in machine.accelerators]
    rows = (
        ("processor", host.processor or numbers.MISSING),
        ("cores", str(host.cores)),
        ("memory", memory),
        ("system", host.system),
        ("load before", load),
        ("accelerators", ", ".join(devices) or "none: these are op times"),
        ("TensorFlow", software.tensorflow),
        ("oneDNN", onednn),
        ("Python, NumPy", f"{software.python}, {software.numpy}"),
        ("AlexProf", software.alexprof),
        ("started", view.run.started),
    )
    columns = (Column("", align="text"), Column("", align="name"))
    return Table(columns, tuple(map(Row, rows)), title="Machine and versions")
