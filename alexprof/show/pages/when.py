"""When does it run? Timelines of steps, and a step's flame graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from alexprof.analysis.division import divide
from alexprof.analysis.timelines import Concurrency, blocks_of_step, concurrency
from alexprof.errors import AlexProfError, UsageError
from alexprof.show import numbers
from alexprof.show.document import Block, Choice, Figure, Lanes, Lead, Remark, Section, Warn
from alexprof.show.figures.icicle import icicle_chart, placed
from alexprof.show.figures.lanes import lanes_chart
from alexprof.show.pages.view import PageView
from alexprof.show.pages.where import legend_of
from alexprof.show.text import plural, sentence_case

_LEVELS = ("layer", "op", "kernel")
_STEPS_OFFERED = 1000
_SEEN = 0.001
"""Less of a step is not worth a word."""
_BESIDE_STEP = "step:"


def when_page(view: PageView) -> Section:
    """Makes the page."""
    return Section("When does it run?", "", tuple(_blocks(view)))


def _blocks(view: PageView) -> Iterator[Block]:
    phase = view.phase(view.variant, view.key)
    if phase is None or phase.traced is None or phase.attribution is None:
        yield Lead(f"{sentence_case(view.phase_label(view.key))} has no traced steps to show.")
        yield Remark("Trace some: alexprof profile --trace-steps 10.")
        return
    place, count = view.choices.step, phase.traced.steps
    if place >= count:
        raise UsageError(f"no step {place}: there are {count}, from 0 on")
    try:
        timeline = view.timeline(view.variant, view.key)
    except AlexProfError as error:
        yield Lead("The timeline can't be shown.")
        yield Warn(str(error))
        return
    step_s = float(timeline.wall_ps[place]) / 1e12
    running = concurrency(timeline, place)
    yield Lead(_answer(timeline.device, running, step_s))
    yield Remark(" ".join(_more(timeline.device, running, step_s)))
    if view.static:
        yield _picture(view, place, step_s)
        yield _flame(view, place, step_s)
        return
    yield from _choices(view, count)
    steps = ((view.variant, view.key, place), *_beside(view, count))
    division = divide(view.run, view.variant, view.key)
    legend = legend_of(phase, division) if division is not None else ()
    yield Lanes(
        f"Step {place + 1} of {count}",
        "under the profiler",
        steps,
        tuple(_step_label(view, *step) for step in steps),
        legend,
    )
    yield replace(_flame(view, place, step_s), legend=legend)


def _step_label(view: PageView, variant: str, key: str, place: int) -> str:
    """Says: forward-backward, with LRN, step 1."""
    phase = view.phase_label(key) if view.several_phases else ""
    several = len(view.run.variants) > 1
    label = view.variant_label(variant) if several else ""
    return ", ".join(filter(None, (phase, label, f"step {place + 1}")))


def _answer(device: str, running: Concurrency, step_s: float) -> str:
    """Says: two ops or more run at once for 57 % of the step, one for 40 %, none for 3 %."""
    none_s, one_s, *more_s = (*running.running_s, 0.0)
    idle, alone = (numbers.percent_unit(part_s / step_s) for part_s in (none_s, one_s))
    what = "op" if device == "CPU" else "kernel"
    where = "" if device == "CPU" else f" on {device}"
    if sum(more_s) > _SEEN * step_s:
        together = numbers.percent_unit(sum(more_s) / step_s)
        return (
            f"Two {what}s or more run at once{where} for {together} of the step, one for {alone}, "
            f"none for {idle}."
        )
    return f"One {what} at a time runs{where} for {alone} of the step, none for {idle}."


def _more(device: str, running: Concurrency, step_s: float) -> Iterator[str]:
    yield f"The step lasts {numbers.time(step_s)}."
    if running.backward_at_s is not None:
        yield f"Backward begins at {numbers.time(running.backward_at_s, step_s)}."
    if running.longest_idle_s:
        lasts = numbers.time(running.longest_idle_s, step_s)
        begins = "its begin"
        if running.longest_idle_at_s:
            begins = numbers.time(running.longest_idle_at_s, step_s)
        yield f"The longest time without any op on {device} is {lasts}, from {begins} on."
    if sum(running.running_s[2:]) > _SEEN * step_s:
        yield "Where k run at once, each gets 1/k of the time as its share."


def _choices(view: PageView, count: int) -> Iterator[Choice]:
    phase = view.phase(view.variant, view.key)
    assert phase is not None
    assert phase.traced is not None
    steps_s = phase.traced.steps_s
    unit = numbers.table_unit(list(steps_s))
    shown = steps_s if len(steps_s) == count else ()
    labels = [f"{place + 1}: {unit.named(step_s)}" for place, step_s in enumerate(shown)]
    labels = labels or [str(place + 1) for place in range(count)]
    options = tuple(
        (str(place) if place else "", label) for place, label in enumerate(labels[:_STEPS_OFFERED])
    )
    yield Choice("step", "Step", options, str(view.choices.step or ""))
    beside = [("", "nothing")]
    for variant in view.run.variants:
        other = view.phase(variant, view.key)
        if variant != view.variant and other is not None and other.traced is not None:
            beside.append((variant, f"{view.variant_label(variant)}, same step"))
    if len(shown) > 1:
        ranked = sorted(range(count), key=lambda place: shown[place])
        for place, name in ((ranked[0], "shortest"), (ranked[-1], "longest")):
            if place != view.choices.step:
                beside.append((f"{_BESIDE_STEP}{place}", f"the {name} step, {place + 1}"))
    if len(beside) > 1:
        yield Choice("beside", "Below it", tuple(beside), view.choices.beside)


def _beside(view: PageView, count: int) -> Iterator[tuple[str, str, int]]:
    """The step below, if one is chosen."""
    chosen = view.choices.beside
    if chosen.startswith(_BESIDE_STEP) and chosen.removeprefix(_BESIDE_STEP).isdecimal():
        place = int(chosen.removeprefix(_BESIDE_STEP))
        if place < count:
            yield view.variant, view.key, place
            return
    other = view.phase(chosen, view.key) if chosen else None
    if other is not None and other.traced is not None:
        yield chosen, view.key, min(view.choices.step, other.traced.steps - 1)
    elif chosen:
        raise UsageError(f"nothing to show below it by the name {chosen!r}")


def _picture(view: PageView, place: int, step_s: float) -> Figure:
    """The step's lanes, where no script draws them."""
    unit = numbers.table_unit([step_s])
    timeline = view.timeline(view.variant, view.key)
    spec, left_out = lanes_chart(timeline, place, (unit.name, unit.per_second))
    phase, division = view.phase(view.variant, view.key), divide(view.run, view.variant, view.key)
    legend = legend_of(phase, division) if phase is not None and division is not None else ()
    rest = f"; the {left_out} shortest events are left out" if left_out else ""
    return Figure(
        "lanes",
        f"Step {place + 1} of {timeline.wall_ps.size}",
        spec,
        "The events of the step on their threads and streams, in the order of time.",
        aside=f"under the profiler{rest}",
        legend=legend,
    )


def _flame(view: PageView, place: int, step_s: float) -> Figure:
    """The step's layers, ops and kernels."""
    timeline = view.timeline(view.variant, view.key)
    unit = numbers.table_unit([step_s])
    blocks = blocks_of_step(timeline, place)
    busy_s = sum(block.share_s for block in blocks)
    drawn_s = busy_s if busy_s < 0.5 * step_s else step_s
    rows = placed(blocks, unit.per_second, drawn_s)
    texts = [
        f"{' › '.join((*row.inside, row.name))}: "
        f"{unit.named((row.end - row.start) / unit.per_second)}."
        for row in rows
    ]
    idle = f"Idle: {unit.named(step_s - busy_s)}."
    whole = (unit.name, drawn_s * unit.per_second)
    charts = [
        icicle_chart(rows, [*texts, idle], _LEVELS, whole, upright=upright)
        for upright in (False, True)
    ]
    left_out = "" if drawn_s == step_s else "; idle time is left out"
    return Figure(
        "flame",
        "What it is made of",
        charts[0],
        f"{plural(len(blocks), 'layer')} of the step, with their ops and kernels, as blocks.",
        aside=f"shares of this step by {', '.join(_LEVELS)}{left_out}",
        hint="Point at a block, or use Tab and arrow keys, to read it.",
        narrow=charts[1],
    )
