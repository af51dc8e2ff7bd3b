"""Turns reasons why something is missing into clauses: one template for each code.

Templates hold a note's figures by name. `{names}` and `{quoted}` are its names, `{text}` is text
from other software. Templates for findings are in `finding_texts`.
"""

from __future__ import annotations

import re

from alexprof.record.note import Note
from alexprof.show import numbers
from alexprof.show.text import listed


def note_text(note: Note, template: str | None = None) -> str:
    """Writes a note by a template, or else as a reason: a clause without a period."""
    template = template or REASON_TEXTS.get(note.code)
    celsius = note.numbers.get("temperature_c")
    fields = _Fields(figures_of(note))
    fields |= {
        "names": listed(note.names),
        "quoted": listed([f'"{name}"' for name in note.names]),
        "text": note.text,
        "at_temperature": "" if celsius is None else f" at {celsius:.0f} °C",
    }
    text = template.format_map(fields) if template else note.code
    return f"{note.host}: {text}" if note.host else text


class _Fields(dict[str, str]):
    """The fields that a template may use; a record of another version may lack some."""

    def __missing__(self, name: str) -> str:
        return numbers.MISSING


def figures_of(note: Note) -> dict[str, str]:
    """A note's numbers by name, formatted for its sentence."""
    times_s = [value for name, value in note.numbers.items() if _is_time(name)]
    longest_s = max(times_s, default=None)
    return {name: _figure(name, value, longest_s) for name, value in note.numbers.items()}


def stopped_text(stopped: Note | None) -> str:
    """Says why a run is incomplete, in a clause."""
    return note_text(stopped) if stopped else "the reason is not known"


def catalog(text: str) -> dict[str, str]:
    """Templates by code, from lines "code: template" and indented lines that continue them."""
    entries = re.findall(r"^(\w+): (.*(?:\n .*)*)", text, re.MULTILINE)
    return {code: " ".join(template.split()) for code, template in entries}


def _is_time(name: str) -> bool:
    return name.endswith("_s") and not name.endswith("per_s")


def _figure(name: str, value: float, longest_s: float | None) -> str:
    """Formats a number by its name's ending, times in one unit; counts whole or to two figures."""
    if name.endswith("fraction"):
        return numbers.percent_unit(value)
    if name == "slowdown" or name.endswith("_ratio"):
        return numbers.times(value)
    if name.endswith("_mhz"):
        return numbers.unit(f"{value:.0f}", "MHz")
    if _is_time(name):
        return numbers.time(value, longest_s)
    return f"{value:.0f}" if value == round(value) or value >= 9.95 else f"{value:.2g}"


REASON_TEXTS = catalog("""
# Why a run is incomplete.
unfinished: it did not finish: still running, or killed
killed: its process was killed, or could not record how it ended
files_removed: {names} were removed while it ran
folder_replaced: another run has taken its folder {names}
interrupted: interrupted from the keyboard
ended_by_signal: ended by a signal (SIGTERM)
nothing_timed: nothing was timed
failed: {text}
refused: a call to AlexProf was rejected
out_of_memory: {names}: out of memory ({text})
too_large: {names} needs {needed_gb} GB, but only {free_gb} GB were free
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
too_many_planes: {names} has {count} planes, but at most {most} are read
trace_no_memory: not enough memory to read {names}
too_many_phases: {names} has {count} phases, but at most {most} are read
too_many_fields: {names} has {count} fields in one message, but at most {most} are read
too_many_pieces: {names} make {count} pieces, but at most {most} are read
too_many_instructions: {names} has {count} XLA instructions, but at most {most} are read
too_many_calls: {names} has an XLA program whose computations call each other too often
too_many_ops: {names} has {count} ops, but at most {most} are read
too_many_steps: {names} has {count} steps, summed over devices, but at most {most} are read
not_written: can't write {names}: {text}
folder_exists: {names} exists already
name_not_text: the name of its folder is not UTF-8
process_failed: {names} failed (exit code {exit_code})
process_killed: {names} was ended by signal {signal}

# Why a run, or a value of it, is missing.
run_unusable: it is not a run, or can't be used
file_missing: there is no {names}
file_damaged: {names} is damaged: {text}
no_file: {names} is a pipe or a device, not a file
file_too_large: {names} is larger than {bytes} bytes
table_changed: {names} is not the table that the run wrote, or was changed
not_readable: can't read {names}: {text}
schema_newer: {names} has schema {schema}, but this AlexProf reads only up to {known_schema}
schema_older: {names} has schema {schema}, which is no longer read
no_variant: no variant {names}
no_phase: no phase {names}
not_timed: not timed
not_traced: no trace
no_part: no kind, layer or op {names}

# Why steps are not replayed.
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
""")
