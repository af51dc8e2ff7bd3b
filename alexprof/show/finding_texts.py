"""Findings to sentences: one template for each code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alexprof.analysis.findings import Finding
from alexprof.analysis.interference import OTHERS
from alexprof.record.interference import Interference
from alexprof.show import numbers
from alexprof.show.note_texts import NOTE_TEXTS, note_text, stopped_text
from alexprof.show.text import listed, plural, sentence_case
from alexprof.show.view import View

LEAST_SEVERE = 2
"""Severity of a finding that makes numbers unsure."""
ONE_BY_ONE = 0.9
"""Launches, as a fraction of kernels, from which on kernels are launched one by one."""
_STOPPED_BY = {
    "precision": "because the requested precision was reached",
    "plateau": "because four times the steps had not narrowed the interval (the machine drifts)",
    "max-time": "at the time limit",
    "steps": "at the largest number of steps allowed",
}
Template = Callable[[View, Finding], str]


def finding_text(view: View, finding: Finding) -> str:
    """Says a finding in a sentence or two, with what to do."""
    template = TEMPLATES.get(finding.code)
    text = template(view, finding) if callable(template) else note_text(finding, template)
    return sentence_case(_where(view, finding) + text)


def busy(interference: Interference) -> str:
    """Warns before minutes are spent on a machine that others use; "" where they don't."""
    if interference.others_part <= OTHERS:
        return ""
    part = numbers.percent_unit(interference.others_part)
    return (
        f"! The machine is busy: other programs use {part} of the CPU, so times may be "
        "wrong. Interrupt (Ctrl-C) and stop those programs for reliable times."
    )


def _where(view: View, finding: Finding) -> str:
    """What a finding begins with: "Forward, with LRN: "; "" where that goes without saying."""
    of_all = not finding.variants and set(finding.phases) >= set(view.phases)
    only_phase = view.run.is_trace and not view.several_phases
    names_them = finding.code == "machine_busy"
    worst = _labels(view, finding.worst_phases, finding.worst_variants)
    if names_them or not finding.phases or ((of_all or only_phase) and not worst):
        return ""
    return _phases(view, finding) + (f" (worst: {worst}): " if worst else ": ")


def _phases(view: View, finding: Finding) -> str:
    """The phases and variants that it is about: "forward and forward-backward, with LRN"."""
    return _labels(view, finding.phases, finding.variants)


def _labels(view: View, phases: Sequence[str], variants: Sequence[str]) -> str:
    labels = (map(view.phase_label, phases), map(view.variant_label, variants))
    return ", ".join(filter(None, (listed([*names]) for names in labels)))


def _incomplete(view: View, finding: Finding) -> str:
    return f"the run is incomplete: {stopped_text(view.run.stopped)}."


def _machine_busy(view: View, finding: Finding) -> str:
    figures = finding.numbers
    facts = []
    if "slowest_ratio" in figures:
        phases = [view.phase_label(key) for key in finding.names if len(finding.phases) > 1]
        steps = " ".join([*phases, "steps"])
        facts.append(f"{steps} took up to {numbers.times(figures['slowest_ratio'])} the median")
    if "others_fraction" in figures:
        part = numbers.percent_unit(figures["others_fraction"])
        facts.append(f"other programs used {part} of the CPU")
    if "steal_fraction" in figures:
        part = numbers.percent_unit(figures["steal_fraction"])
        facts.append(f"the host of this virtual machine took {part} of the CPU away")
    unsure = {
        key
        for other in view.findings
        if other.severity >= LEAST_SEVERE
        for key in other.phases or view.phases
    }
    usable = [
        key
        for key in view.phases
        if key not in unsure
        and all((timed := view.timed(name, key)) and timed.ci95_s for name in view.run.variants)
    ]
    repeat = f"repeat {_phases(view, finding)} on an idle machine."
    advice = sentence_case(repeat)
    if usable:
        labels = listed([view.phase_label(key) for key in usable])
        advice = f"{sentence_case(labels)} {'is' if len(usable) == 1 else 'are'} usable; {repeat}"
    return f"the machine was busy during {_phases(view, finding)}: {', '.join(facts)}. {advice}"


def _trace_withheld(view: View, finding: Finding) -> str:
    traced_s, clock_s = finding.numbers["traced_s"], finding.numbers.get("wall_clock_s")
    clock = f"the wall clock {numbers.time(clock_s)}" if clock_s else "and the wall clock disagrees"
    return (
        f"the trace says {numbers.time(traced_s)} per step, {clock}, so the shares are withheld. "
        "Take a new trace."
    )


def _page_faults(view: View, finding: Finding) -> str:
    traced, timed = finding.numbers["traced_per_step"], finding.numbers["timed_per_step"]
    machine = view.run.machine
    keeps = machine is not None and machine.software.cpu_allocator == "bfc"
    advice = "" if keeps else " Set TF_CPU_ALLOCATOR_USE_BFC=true (profile: --cpu-allocator bfc)."
    return (
        f"traced steps had {traced:.0f} page faults each, timed steps {timed:.0f}; their time goes "
        f"to the ops that touch the memory first.{advice}"
    )


def _bound_by_launching(view: View, finding: Finding) -> str:
    figures = finding.numbers
    launches = plural(round(figures.get("launches_per_step", 0)), "launch", "es")
    step_s = figures["step_s"]
    waits, busy = (numbers.time(figures.get(name, 0.0), step_s) for name in ("waits_s", "busy_s"))
    kernels = figures.get("kernels_per_step", 0.0)
    one_by_one = figures.get("launches_per_step", 0.0) > ONE_BY_ONE * kernels
    advice = (
        "Fewer and larger ops shorten the step."
        if one_by_one
        else "Its kernels run in CUDA graphs; the GPU waits for the host between graphs."
    )
    return (
        f"launch-bound: {launches} in {numbers.time(step_s)}. The GPU "
        f"waits {waits} for launches and is busy for {busy}. {advice}"
    )


def _unsteady(view: View, finding: Finding) -> str:
    figures = finding.numbers
    last_s = figures["last_level_s"]
    levels = f"{numbers.time(figures['first_level_s'], last_s)} → {numbers.time(last_s)}"
    since = ", not steady by the end"
    if "settled_step" in figures:
        since = f", steady from step {figures['settled_step']:.0f} on"
    return (
        f"step times changed during timing ({levels}{since}), and the numbers include all steps. "
        "Warm up longer (--burn-in), or rerun on an idle machine."
    )


def _stopped(view: View, finding: Finding) -> str:
    figures, (stopped_by,) = finding.numbers, finding.names
    steps = plural(round(figures["steps"]), "step")
    text = f"timing stopped after {steps}, {_STOPPED_BY[stopped_by]}"
    if "requested_fraction" not in figures:
        return f"{text}."
    reached = figures.get("reached_fraction")
    now = numbers.percent_half_width(reached) if reached else "no interval known"
    met = "not " if finding.code == "imprecise" else ""
    wanted = numbers.percent_half_width(figures["requested_fraction"])
    return f"{text}: {now}, {met}within the requested {wanted}."


def _outliers(view: View, finding: Finding) -> str:
    """Says: 3 slow outliers (1 severe) in 120 steps, which add at most 1.2 % to a mean."""
    figures = finding.numbers
    counts = [
        plural(round(figures[word]), f"{word} outlier")
        + (f" ({figures[severe]:.0f} severe)" if figures[severe] else "")
        for word, severe in (("slow", "slow_far"), ("quick", "quick_far"))
        if figures[word]
    ]
    text = f"{' and '.join(counts)} in {plural(round(figures['steps']), 'step')}"
    if figures["added_fraction"] > 0:
        text += f", which add at most {numbers.percent_unit(figures['added_fraction'])} to a mean"
    return f"{text}. None is dropped."


TEMPLATES: dict[str, Template | str] = {
    **NOTE_TEXTS,
    "incomplete": _incomplete,
    "machine_busy": _machine_busy,
    "trace_withheld": _trace_withheld,
    "page_faults": _page_faults,
    "bound_by_launching": _bound_by_launching,
    "unsteady": _unsteady,
    "stopped": _stopped,
    "imprecise": _stopped,
    "outliers": _outliers,
}
