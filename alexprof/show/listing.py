"""Many runs at a glance: `alexprof list`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.cells import cell_len

from alexprof.runs.record import Ablation, Run
from alexprof.show import numbers
from alexprof.show.fit import clean, cut_all, pad, wrap
from alexprof.show.lines import Paint, warning_lines
from alexprof.show.options import LEAST_WIDTH, ReportOptions
from alexprof.show.palette import no_paint, terminal_paint
from alexprof.show.sections.header import status
from alexprof.show.view import View, includes_zero, plural

if TYPE_CHECKING:
    from alexprof.runs.store import BrokenRun


def render_list(
    runs: Sequence[Run | BrokenRun],
    width: int = 80,
    *,
    now: datetime | None = None,
    color: bool = False,
) -> str:
    """Renders a list of runs.

    Args:
        runs: In the order to show them.
        width: Columns a line may take.
        now: Adds how long ago a run started; with a time zone. None adds nothing.
        color: Whether to colour the text.

    Returns:
        The text, without a newline at its end.
    """
    if not runs:
        return "No run yet: make one with `alexprof profile`."
    width = max(width, LEAST_WIDTH)
    paint = terminal_paint if color else no_paint
    lines = [paint(line, "muted") for line in wrap(_title(runs), width)]
    names = cut_all([clean(run.run) for run in runs], width)
    for run, name in zip(runs, names, strict=True):
        if isinstance(run, Run):
            lines += ["", *_run(run, name, width, now, paint)]
        else:
            lines += ["", *_broken(run, name, width, paint)]
    return "\n".join(line.rstrip() for line in lines)


def _title(runs: Sequence[Run | BrokenRun]) -> str:
    return f"{plural(len(runs), 'run')}; mean step times, ± is a 95{numbers.NBSP}% interval"


def _broken(run: BrokenRun, name: str, width: int, paint: Paint) -> Iterator[str]:
    yield paint(name, "bold")
    yield from warning_lines(clean(run.why), width, paint, indent="  ")


def _run(run: Run, name: str, width: int, now: datetime | None, paint: Paint) -> Iterator[str]:
    name = pad(name, min(26, width))
    state = status(run)
    started = _started(run.started, now)
    room = width - cell_len(name) - cell_len(started) - len(state) - 4
    if room < 0:
        yield paint(name, "bold")
        yield f"  {started}  {state}"
    else:
        yield f"{paint(name, 'bold')}  {started}  {' ' * room}{state}"
    if not run.complete:
        why = clean(run.stopped or "the reason is not known")
        yield from warning_lines(why, width, paint, indent="  ")
    yield from _phases(View(run, ReportOptions()), width)


def _started(started: str, now: datetime | None) -> str:
    try:
        when = datetime.fromisoformat(started)
    except ValueError:
        return clean(started)
    text = f"{when:%Y-%m-%d %H:%M}"
    return f"{text}, {_ago(now - when)}" if now and when.tzinfo and now >= when else text


def _ago(passed: timedelta) -> str:
    minutes = int(passed.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{passed.days} days ago"


def _phases(view: View, width: int) -> Iterator[str]:
    phases = cut_all([view.phase_label(key) for key in view.phases], width // 3)
    rows = [
        (phase, _means(view, key), _costs(view, key))
        for key, phase in zip(view.phases, phases, strict=True)
    ]
    if not rows:
        return
    label = max(cell_len(row[0]) for row in rows) + 2
    means = max(cell_len(row[1]) for row in rows) + 2
    for phase, mean, cost in rows:
        line = f"  {pad(phase, label)}{pad(mean, means)}{cost}"
        if cell_len(line.rstrip()) <= width:
            yield line
        else:
            indent = " " * (4 if width < 60 else label + 2)
            yield from wrap(f"{mean}; {cost}" if cost else mean, width, f"  {phase}  ", indent)


def _means(view: View, key: str) -> str:
    names = [name for name in view.run.variants if view.timed(name, key)]
    said = []
    means_s = [timed.mean_s if (timed := view.timed(name, key)) else None for name in names]
    longest_s = max((mean_s for mean_s in means_s if mean_s is not None), default=None)
    for name, mean_s in zip(names, means_s, strict=True):
        label = view.variant_label(name) if name == names[0] else view.other_label(name, names[0])
        one = numbers.time(mean_s, longest_s)
        said.append(f"{one} {label}" if len(view.run.variants) > 1 else one)
    return ", ".join(said) or "not timed"


def _costs(view: View, key: str) -> str:
    return ", ".join(_cost(view, one) for one in view.ablations(key))


def _cost(view: View, one: Ablation) -> str:
    name = view.ablation_label(one)
    if includes_zero(one.ci95_s):
        return f"{name}: no difference seen"
    timed = view.timed(one.reference, one.phase)
    unit = numbers.spoken_unit(one.measured_s, timed.mean_s if timed else None)
    spread = f" ± {unit.half_width(one.ci95_s)}" if one.ci95_s else ""
    return f"{name}: {numbers.unit(unit.signed(one.measured_s) + spread, unit.name)}"
