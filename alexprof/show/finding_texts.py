"""Turns findings into sentences: one template for each code.

A template is a text with named figures, as in `reason_texts`, or a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from alexprof.analysis.findings import Finding
from alexprof.analysis.interference import OTHERS
from alexprof.record.interference import Interference
from alexprof.show import numbers
from alexprof.show.reason_texts import REASON_TEXTS, catalog, note_text, stopped_text
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


_TEXTS = """
# Of times, traces and their steps: `analysis.findings`.
no_turns: the variants ran one after the other, so their difference includes any drift of the
    machine.
few_steps: too few steps for an interval. Run at least 20 steps (--num-batches).
no_trace: no step was traced (--trace-steps).
trace_unlike: traced steps took {slowdown} as long as timed ones, so shares may be wrong. Trace
    again on an idle machine.
trace_varies: traced steps vary by {std_fraction}, so shares are rough. Trace more steps
    (--trace-steps).
not_warm: step times were not steady after {steps} warm-up steps, the maximum.
trace_drifts: traced steps drift from {first_s} to {last_s}, so their mean is unreliable. Warm up
    longer first.
first_step: the first traced step took {first_s} and is left out: the mean is {mean_s} without it,
    {mean_with_s} with it.
outside_waits: the marked steps cover {held_s} of the {span_s} recorded; with the time between
    steps, a step takes {step_with_it_s}. Hardly any op ran between them: the loop may be waiting
    for input.
outside_runs: the marked steps cover {held_s} of the {span_s} recorded; with the time between steps,
    a step takes {step_with_it_s}. Ops ran between them: fetch a result inside the step, so that the
    step includes them.
bound_by_input: the GPU is busy for {busy_s} of {step_s}, and waits longer than that for input.
    Prefetch, or make the input pipeline faster.
bound_by_python: the GPU is busy for {busy_s} of {step_s}, and waits longer than that for Python. Do
    less between steps, or run several steps in a call.
bound_by_fetching: the GPU is busy for {busy_s} of {step_s}, and waits longer than that for results
    to be fetched. Fetch less often.
bound_by_unknown: the GPU is busy for {busy_s} of {step_s}; the trace does not show what it waits
    for without a profiler.

# What else went on: `analysis.interference`.
quota_throttled: the container's CPU quota stopped threads for {throttled_per_s} s a second, so
    steps waited. Raise the quota, or use fewer threads.
garbage_collected: Python's garbage collector ran {collections} times and took {collecting_fraction}
    of the time: steps in which it ran are longer.
memory_stalled: programs waited for memory for {stalled_fraction} of the time, which may have slowed
    steps down. Free some memory, or use a smaller batch.
disk_page_faults: {faults} page faults waited for the disk, which may have made steps longer.
cpu_clock_fell: the cores' clock fell from {before_mhz} to {after_mhz}, so later steps may be slower
    than earlier ones.
gpu_slowed: GPU {gpu} ran at {clock_mhz} instead of {most_mhz}{at_temperature} ({names}), so kernels
    may take longer than at full speed. Lock its clocks (nvidia-smi --lock-gpu-clocks), or warm it
    up longer (--burn-in).
gpu_clock_fell: GPU {gpu}'s clock fell from {before_mhz} to {after_mhz}{at_temperature}, so later
    steps may be slower than earlier ones.
gpu_clock_level: GPU {gpu}'s clock read {clock_mhz} before and after.

# What the profiler reports: `tracer.traces`.
profiler_error: the profiler reports an error: {text}.
profiler_warning: the profiler warns: {text}.
profiler_events_dropped: events are missing, as at most 2 million launches and 2 million kernels fit
    into a trace. Trace fewer steps. (The profiler: {text}.)
profiler_no_privileges: the driver lets only administrators record kernels. Run as root, or in a
    container with --cap-add=SYS_ADMIN, or set the driver's option
    NVreg_RestrictProfilingToAdminUsers=0. (The profiler: {text}.)
profiler_no_cupti: the library that records kernels is not found. Put CUDA's extras/CUPTI/lib64 into
    LD_LIBRARY_PATH, or install tensorflow[and-cuda]. (The profiler: {text}.)
profiler_in_use: another tool, such as Nsight, is recording this GPU. Stop it. (The profiler:
    {text}.)
profiler_no_memory: memory ran out while recording. Trace fewer steps. (The profiler: {text}.)
host_level_low: the trace has host tracer level {level}, not {full_level}: cheap ops may be missing.
    Start the profiler with options=alexprof.profiler_options().

# What is unusual in a trace: `attribute`, `tracer.driver`.
trace_cut_short: the trace holds {steps} of {of_steps} steps: it was cut short.
events_nameless: the trace has no name for {events} of {of_events} events on {names}: ops may be
    missing, or have more time and executions than shown.
durations_negative: the trace has negative durations for {events} of {of_events} events on {names}:
    they count as 0.
command_buffers_off: XLA turns command buffers off under a profiler: {kernels_per_step} kernels a
    step, which otherwise run as {graphs_per_step} CUDA graphs, were launched one by one. So launch
    time, idle time and step time differ from those without a profiler.
graphs_not_traced: {kernels} of {of_kernels} kernels on {names} ran in CUDA graphs whose creation
    was not traced, so they are assigned to the op that launched the graph.
    XLA_FLAGS=--xla_gpu_enable_command_buffer= shows their own ops, but changes what is measured.
kernels_outside_steps: {events} of {of_events} kernels and copies on {names} belong to no step:
    fetch a result inside the step, so that it waits for them.
kernels_without_op: {fraction} of the kernel and copy time on {names} has no known op.
pool_work_without_op: {fraction} of the work of the thread pools has no known op.
clocks_apart: kernels on {names} begin up to {apart_s} before they are launched: the clocks of host
    and device differ by at least that much.
device_not_read: work on {names} is not shown: unknown kind of device.
eager_ops: many ops ran eagerly, without names: each is in a layer named after its type, and it is
    not known which belong to gradients. tf.function gives them names.
idle_unknown: part of the idle time has no known reason: the trace lacks the host's calls.
layers_below_scope: layers are the name scopes below {quoted}.
xla_fused: XLA fused ops: the whole time of a fusion goes to the op that XLA names it after.
xla_fusions_estimated: XLA names no op for some fusions: each is assigned to the most common op in
    it, which is an estimate.
xla_fusions_across: fusions across layers take {fraction} of the kernels' time. Each is assigned to
    the layer of its result.
steps_not_marked: no step is marked in the trace; the whole trace is shown as one step.
steps_by_calls: no step is marked in the trace; each step runs from one call of {quoted} to the
    next.
set_up_left_out: {set_up_s} of set-up before the first step belong to no step.
steps_empty: nothing ran in the steps {quoted}: they are left out.
markers_inside_steps: step markers inside other steps are left out ({markers}: {quoted}); name a
    marker to choose (--marker).
steps_overlap: steps that begin before the previous one has ended count from that end ({steps} of
    them).
steps_too_short: steps shorter than 1 ns are left out ({steps} of them).
steps_renumbered: steps are numbered from 0 in order of time, because marked numbers repeat.
several_hosts: {hosts} files of one folder are shown as one program on {hosts} hosts.
host_not_shown: not shown: no op or kernel ran in its trace.
steps_not_on_all_hosts: {steps} of {of_steps} steps are in the traces of all hosts.
unseen_ops_unknown: it is not known which ops ran without an event in the trace: {text}.
trace_unusable: the trace of {names} could not be used, so only step times are known: no op of
    TensorFlow or JAX ran in it, or it is damaged.
trace_missing: there is no trace of {names}, so only step times are known: {text}.
interference_unknown: it is not known what else the machine was doing: {text}.
build_not_profiled: the Profile tab does not show how the graph of {names} was built: {text}.
events_missing: TensorBoard shows no data, or older data, for this run: {text}. `alexprof export
    {names} --format tensorboard` writes its event files again.
results_unknown: the results of a step are not known: running one more step failed ({text}).
"""
TEMPLATES: dict[str, Template | str] = {
    **REASON_TEXTS,  # what stopped a phase is a finding too
    **catalog(_TEXTS),
    "incomplete": lambda view, _: f"the run is incomplete: {stopped_text(view.run.stopped)}.",
    "machine_busy": _machine_busy,
    "trace_withheld": _trace_withheld,
    "page_faults": _page_faults,
    "bound_by_launching": _bound_by_launching,
    "unsteady": _unsteady,
    "stopped": _stopped,
    "imprecise": _stopped,
    "outliers": _outliers,
}
