"""Notes to sentences: one template for each code, with figures by their names.

`{names}` and `{quoted}` are the note's names, `{text}` is what somebody else wrote.
"""

from __future__ import annotations

import re

from alexprof.record.note import Note
from alexprof.show import numbers
from alexprof.show.text import clean, listed


def note_text(note: Note, template: str | None = None) -> str:
    """Says a note in a sentence or two; a reason is a clause, without an end.

    Without a `template` that of its code is taken.
    """
    names = [clean(name) for name in note.names]
    celsius = note.numbers.get("temperature_c")
    text = (template or NOTE_TEXTS.get(note.code, note.code)).format(
        names=listed(names),
        quoted=listed([f'"{name}"' for name in names]),
        text=clean(note.text),
        at_temperature="" if celsius is None else f" at {celsius:.0f} °C",
        **figures_of(note),
    )
    return f"{clean(note.host)}: {text}" if note.host else text


def figures_of(note: Note) -> dict[str, str]:
    """A note's numbers by name, as its sentence writes them."""
    times_s = [value for name, value in note.numbers.items() if _is_time(name)]
    longest_s = max(times_s, default=None)
    return {name: _figure(name, value, longest_s) for name, value in note.numbers.items()}


def stopped_text(stopped: Note | None) -> str:
    """Says why a run is incomplete, in a clause."""
    return note_text(stopped) if stopped else "the reason is not known"


def _is_time(name: str) -> bool:
    return name.endswith("_s") and not name.endswith("per_s")


def _figure(name: str, value: float, longest_s: float | None) -> str:
    """A number by the end of its name, times in one unit; counts whole, or with two figures."""
    if name.endswith("fraction"):
        return numbers.percent_unit(value)
    if name == "slowdown" or name.endswith("_ratio"):
        return numbers.times(value)
    if name.endswith("_mhz"):
        return numbers.unit(f"{value:.0f}", "MHz")
    if _is_time(name):
        return numbers.time(value, longest_s)
    return f"{value:.0f}" if value == round(value) or value >= 9.95 else f"{value:.2g}"


_CATALOG = """
# Findings without more than figures: `analysis.findings`.
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

# What is odd in a trace: `attribute`, `tracer.driver`.
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
results_unknown: what a step computes is not known: running it once more failed ({text}).

# Why a run is incomplete: clauses.
unfinished: it did not finish: still running, or killed
interrupted: interrupted from the keyboard
ended_by_signal: ended by a signal (SIGTERM)
nothing_timed: nothing was timed
failed: {text}
refused: a call to AlexProf was rejected
out_of_memory: {names}: out of memory ({text})
too_large: {names} needs {needed_gb} GB and {free_gb} GB were free
step_failed: {names}: the step failed ({text})
not_captured: the profiler failed
profiler_failed: {names}: the profiler failed ({text})
profiler_running: {names}: another profiler was running
trace_not_written: {names}: the profiler wrote no trace
trace_unreadable: a trace can't be read
trace_damaged: {names} is damaged at byte {byte}
planes_unread: everything ran on {names}, which AlexProf does not read
nothing_ran: no op or kernel ran in the trace
closure_broken: shares and idle time of step {step} on {names} add up to {share_ns} ns, not
    {wall_ns} ns
too_many_planes: {names} has {count} planes, and at most {most} are read
trace_no_memory: too little memory to read {names}
too_many_sorts: {names} has {count} sorts of steps, and at most {most} are read
too_many_fields: {names} has {count} fields in one message, and at most {most} are read
too_many_pieces: {names} make {count} pieces, and at most {most} are read
too_many_instructions: {names} has {count} instructions of XLA, and at most {most} are read
too_many_calls: {names} has a program of XLA whose computations call each other too often
too_many_ops: {names} has {count} ops, and at most {most} are read
too_many_steps: {names} has {count} steps of devices, and at most {most} are read
not_written: can't write {names}: {text}
folder_exists: {names} exists already
name_not_text: the name of its folder is not UTF-8
process_failed: {names} failed (exit code {exit_code})
process_killed: {names} was ended by signal {signal}

# Why a run, or a value of it, is missing: clauses.
run_unusable: it is not a run, or can't be used
file_missing: there is no {names}
file_damaged: {names} is damaged: {text}
file_too_large: {names} is larger than {bytes} bytes
table_changed: {names} is not the table that the run wrote, or was changed
not_readable: can't read {names}: {text}
schema_newer: {names} has schema {schema}, and this AlexProf reads only up to {known_schema}
schema_older: {names} has schema {schema}, which is no longer read
no_variant: no variant {names}
no_phase: no phase {names}
not_timed: not timed
not_traced: no trace
no_part: no kind, layer or op {names}

# Why steps are not replayed: clauses.
replay_gpu_busy: the GPU is busy for at least as long as it waits for launches, so the prediction
    uses kernel times
replay_waits_for_python: the GPU waits for Python for longer than it is busy
replay_waits_for_input: the GPU waits for input for longer than it is busy
replay_waits_for_fetching: the GPU waits for results to be fetched for longer than it is busy
replay_waits_unknown: the trace does not show what the GPU waits for without a profiler
replay_no_graph: the trace alone does not say which op waits for which
replay_several_hosts: steps of several hosts are not replayed
replay_not_cpu_alone: steps are replayed only where all ops run on the CPU
replay_xla: XLA compiled the graph, so ops no longer wait as the graph says
replay_repeated_ops: ops run several times in a step, as in loops
replay_nested_ops: ops run inside others
replay_empty_steps: some steps run nothing
replay_no_launch_times: the trace does not say when the host launched what the GPU ran
replay_cuda_graphs: CUDA graphs launch many kernels at once
replay_gpu_behind: the GPU lags behind the host, so GPU work determines the step time
replay_too_many_launches: steps of {launches_per_step} launches take too long to replay
replay_too_many_ops: steps of {ops_per_step} ops take too long to replay
replay_no_host_speed: no speed of the host makes the traced steps as long as the timed ones
replay_ops_not_in_graph: the trace shows ops that are not in the graph, such as those inside
    functions
replay_cycle: the graph has ops that wait for each other, as in loops
"""
NOTE_TEXTS = {
    code: " ".join(text.split())
    for code, text in re.findall(r"^(\w+): (.*(?:\n .*)*)", _CATALOG, re.MULTILINE)
}
