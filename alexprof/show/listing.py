"""Many runs at a glance: `alexprof list`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.cells import cell_len

from alexprof.record.run import Run
from alexprof.show import numbers
from alexprof.show.layout import two_sides, warning_lines
from alexprof.show.options import LEAST_WIDTH, ReportOptions
from alexprof.show.palette import Paint, no_paint, terminal_paint
from alexprof.show.reason_texts import stopped_text
from alexprof.show.report import status
from alexprof.show.sections.brief import difference_text
from alexprof.show.text import clean, cut_all, listed, pad, plural, wrap
from alexprof.show.verdicts import verdict_word
from alexprof.show.view import View

if TYPE_CHECKING:
    from alexprof.record.store import BrokenRun


def render_list(
    runs: Sequence[Run | BrokenRun],
    options: ReportOptions | None = None,
    now: datetime | None = None,
) -> str:
    """Renders runs in their order, without a newline at the end.

    `now`, with a time zone, adds how long ago a run started.
    """
    options = options or ReportOptions()
    if not runs:
        return "No run yet: make one with `alexprof profile`."
    width = max(options.width, LEAST_WIDTH)
    paint = terminal_paint if options.color else no_paint
    what = f"step times, and what leaving ops out saves (95{numbers.NBSP}% interval)"
    title = wrap(f"{plural(len(runs), 'run')}; {what}", width)
    lines = [paint(line, "muted") for line in title]
    names = cut_all([clean(run.run) for run in runs], width)
    for run, name in zip(runs, names, strict=True):
        if isinstance(run, Run):
            lines += ["", *_run(run, name, width, now, paint)]
        else:
            lines += ["", paint(name, "bold")]
            lines += warning_lines(clean(str(run.error)), width, paint, indent="  ")
    return "\n".join(line.rstrip() for line in lines)


def _run(run: Run, name: str, width: int, now: datetime | None, paint: Paint) -> Iterator[str]:
    when = f"{_started(run.started, now)}  {status(run):>10}"
    yield from two_sides(name, when, width, paint)
    if not run.complete:
        yield from warning_lines(stopped_text(run.stopped), width, paint, indent="  ")
    view = View(run, ReportOptions())
    yield from _phases(view, width)
    for finding in view.summary.findings:
        if finding.code == "machine_busy":  # as the report warns
            phases = listed([view.phase_label(key) for key in finding.phases])
            text = f"The machine was busy during {phases}."
            yield from warning_lines(text, width, paint, indent="  ")


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
    labels = [view.phase_label(key) for key in view.phases]
    if view.outside and not view.summary.steps:  # the report leads with the loop's time too
        step_s = view.outside.numbers["step_with_it_s"]
        texts = [(f"{numbers.time(step_s)} with the time between steps", "")]
        labels = [", ".join(labels)]
    else:
        texts = [(_times(view, key), _savings(view, key)) for key in view.phases]
    phases = cut_all(labels, width // 3)
    rows = [(phase, *text) for phase, text in zip(phases, texts, strict=True)]
    label = max((cell_len(phase) for phase, _, _ in rows), default=0) + 2
    times = max((cell_len(time) for _, time, _ in rows), default=0) + 2
    for phase, time, saving in rows:
        text = f"{pad(time, times)}{saving}".rstrip()
        if label + 2 + cell_len(text) > width:
            text = f"{time}; {saving}" if saving else time
        yield from wrap(text, width, f"  {pad(phase, label)}", " " * (label + 2))


def _times(view: View, key: str) -> str:
    steps = [step for step in view.summary.steps if step.phase == key]
    if not steps:
        traced = (step for step in view.summary.traced if step.phase == key)
        return next((f"{numbers.time(step.center_s)} traced" for step in traced), "not timed")
    longest_s = max(step.center_s for step in steps)
    first, *others = steps
    texts = [numbers.time(step.center_s, longest_s) for step in steps]
    if len(view.run.variants) > 1:
        labels = [view.other_label(step.variant, first.variant) for step in others]
        labels.insert(0, view.variant_label(first.variant))
        texts = [f"{time} {label}" for time, label in zip(texts, labels, strict=True)]
    return ", ".join(texts) + (" (medians)" if view.by_median else "")


def _savings(view: View, key: str) -> str:
    texts = []
    for saving in view.savings(key):
        step = view.step(saving.reference, key)
        unit = numbers.spoken_unit(saving.saved_s, step.center_s if step else None)
        saved = numbers.unit(difference_text(unit, saving), unit.name)
        saved = verdict_word(saving) if saving.verdict == "unclear" else saved
        texts.append(f"{view.saving_label(saving)}: {saved}")
    return ", ".join(texts)
