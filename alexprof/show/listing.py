"""Many runs at a glance: `alexprof list`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.cells import cell_len

from alexprof.analysis.summary import Summary, summarize
from alexprof.record.run import Run
from alexprof.show import numbers
from alexprof.show.lines import Paint, warning_lines
from alexprof.show.note_texts import stopped_text
from alexprof.show.options import LEAST_WIDTH, ReportOptions
from alexprof.show.palette import no_paint, terminal_paint
from alexprof.show.sections.brief import difference_text
from alexprof.show.sections.header import status
from alexprof.show.text import clean, cut_all, pad, wrap
from alexprof.show.view import View
from alexprof.show.words import plural

if TYPE_CHECKING:
    from alexprof.record.store import BrokenRun


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
    what = f"step times, and what leaving ops out saves (95{numbers.NBSP}% interval)"
    return f"{plural(len(runs), 'run')}; {what}"


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
        yield from warning_lines(stopped_text(run.stopped), width, paint, indent="  ")
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
    summary = summarize(view.run)
    phases = cut_all([view.phase_label(key) for key in view.phases], width // 3)
    rows = [
        (phase, _times(view, summary, key), _savings(view, summary, key))
        for key, phase in zip(view.phases, phases, strict=True)
    ]
    if not rows:
        return
    label = max(cell_len(row[0]) for row in rows) + 2
    times = max(cell_len(row[1]) for row in rows) + 2
    for phase, time, saving in rows:
        line = f"  {pad(phase, label)}{pad(time, times)}{saving}"
        if cell_len(line.rstrip()) <= width:
            yield line
        else:
            indent = " " * (4 if width < 60 else label + 2)
            yield from wrap(f"{time}; {saving}" if saving else time, width, f"  {phase}  ", indent)


def _times(view: View, summary: Summary, key: str) -> str:
    steps = [step for step in summary.steps if step.phase == key]
    longest_s = max((step.center_s for step in steps), default=None)
    texts = []
    for step in steps:
        first = steps[0].variant
        label = view.variant_label(step.variant)
        label = label if step.variant == first else view.other_label(step.variant, first)
        time = numbers.time(step.center_s, longest_s)
        texts.append(f"{time} {label}" if len(view.run.variants) > 1 else time)
    traced = [numbers.time(step.center_s) for step in summary.traced if step.phase == key]
    line = ", ".join(texts) or (f"{traced[0]} traced" if traced else "not timed")
    return f"{line} (medians)" if texts and summary.estimator == "median" else line


def _savings(view: View, summary: Summary, key: str) -> str:
    steps_s = {(step.phase, step.variant): step.center_s for step in summary.steps}
    texts = []
    for saving in summary.savings:
        if saving.phase == key:
            step_s = steps_s.get((key, saving.reference))
            unit = numbers.spoken_unit(saving.saved_s, step_s)
            saved = numbers.unit(difference_text(unit, saving), unit.name)
            saved = saving.verdict if saving.verdict == "unclear" else saved
            texts.append(f"{view.saving_label(saving)}: {saved}")
    return ", ".join(texts)
