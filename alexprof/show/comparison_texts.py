"""Caveats of a comparison and its results to words: a template a code."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from alexprof.analysis.caveats import Caveat, CaveatCode
from alexprof.analysis.changes import ResultChange
from alexprof.show import numbers
from alexprof.show.note_texts import figures_of, note_text
from alexprof.show.text import clean, listed, plural

SOFTWARE = {
    "tensorflow": "TensorFlow",
    "python": "Python",
    "numpy": "NumPy",
    "alexprof": "AlexProf",
    "onednn": "oneDNN",
}
_MACHINE = {
    "processor": "the processor differs",
    "cores": "the number of cores differs",
    "accelerators": "the accelerators differ",
}
_INTERFERENCE = {
    "others": "others used {a} and {b} of {cores} cores",
    "steal": "the host took {a} and {b} of {cores} cores",
    "memory": "programs waited for memory {a_fraction} and {b_fraction} of the time",
    "quota": "the container’s quota stopped threads for {a} and {b} s a second",
    "clock": "the cores ran at {a_mhz} and {b_mhz}",
    "gpu_clock": "GPU {gpu} ran at {a_mhz} and {b_mhz}",
}
_RESULTS = {
    "not_repeatable": "{tensor} differs from step to step within a run",
    "tensor_count": "{} and {} tensors are fetched",
    "dtype": "{tensor} differs: {}, {}",
    "shape": "{tensor} differs: shapes {}, {}",
    "nonfinite": "{tensor} differs: {} and {} values are NaN or infinite",
}


def caveat_text(caveat: Caveat) -> str:
    """A caveat as a sentence without its capital and full stop."""
    template = _TEMPLATES[caveat.code]
    if not isinstance(template, str):
        return template(caveat)
    return template.format(
        runs=_runs(caveat),
        phases=clean(", ".join(caveat.phases)),
        variants=clean(" and ".join(caveat.variants)),
        where=_where(caveat.phases, caveat.variants),
        values=clean(f"({', '.join(caveat.names)})"),
        what=clean(caveat.what),
        setting=clean(caveat.what.replace("_", " ")),
        software=SOFTWARE.get(caveat.what, ""),
        machine=_MACHINE.get(caveat.what, ""),
        text=clean(caveat.text),
        **figures_of(caveat),
    )


def result_text(change: ResultChange) -> str:
    """What was found of two results, in a clause."""
    if change.reason == "not_recorded":
        return f"no result is recorded in {clean(change.run or '')}"
    if change.reason == "seeds_differ":
        return "the seeds differ, so other numbers are to be expected"
    where = _where((change.phase,), tuple(dict.fromkeys((change.variant, change.b_variant))))
    if change.reason == "equal":
        difference = numbers.relative(change.difference or 0.0)
        return f"{where}: largest difference {difference} of the result"
    norms = None
    if change.difference is not None:
        norms = (change.difference, change.a_norm or 0.0, change.b_norm or 0.0)
    text = _difference(change.reason, change.tensor or "", change.values or (), norms)
    return f"{where}: {text}"


def _difference(
    reason: str, tensor: str, values: tuple[str, ...], norms: tuple[float, float, float] | None
) -> str:
    """In what two results differ; `norms` are the norm of the difference and both norms."""
    if template := _RESULTS.get(reason):
        return template.format(*values, tensor=clean(tensor))
    if norms is None:
        return f"{clean(tensor)} differs"
    difference, norm_a, norm_b = numbers.relative(norms[0]), norms[1], norms[2]
    return f"{clean(tensor)} differs by {difference} of its norm ({norm_a:.6g}, {norm_b:.6g})"


def _where(phases: tuple[str, ...], variants: tuple[str, ...]) -> str:
    """The phase and variants, as their keys: "forward of with_lrn and without_lrn"."""
    return f"{clean(listed(list(phases)))} of {clean(' and '.join(variants))}"


def _runs(caveat: Caveat) -> str:
    return clean(", ".join(caveat.runs))


def _no_common_variant(caveat: Caveat) -> str:
    (a, b), (of_a, of_b) = caveat.runs, caveat.names
    return clean(f"no variant in common: {a} has {of_a or 'none'}, {b} has {of_b or 'none'}")


def _no_common_phase(caveat: Caveat) -> str:
    if not caveat.runs:
        return "the runs have no phase in common"
    return clean(f"no phase in common: nothing of {caveat.runs[0]} is in {caveat.runs[1]}")


def _machine_busy(caveat: Caveat) -> str:
    parts = dict.fromkeys(figures_of(caveat).values())
    phases = clean(listed(list(caveat.phases)))
    return (
        f"other programs had {' to '.join(parts)} of the cores during {phases} of "
        f"{_runs(caveat)}, which may distort its times: no verdict"
    )


def _interference_differs(caveat: Caveat) -> str:
    where = f"{clean(listed(list(caveat.phases)))}, {clean(' and '.join(caveat.runs))}"
    figures = {"a": "an unknown part", "b": "an unknown part", **figures_of(caveat)}
    return f"{where}: {_INTERFERENCE[caveat.what].format(**figures)}"


def _results_differ(caveat: Caveat) -> str:
    norms = None
    if caveat.numbers:
        figures = caveat.numbers
        norms = (figures["difference_fraction"], figures["norm_a"], figures["norm_b"])
    what = _difference(caveat.what, caveat.text, caveat.names, norms)
    where = _where(caveat.phases, caveat.variants)
    return f"{_runs(caveat)} computes something else: {where}: {what}"


def _reason(caveat: Caveat) -> str:
    """The note that `caveat_of` made a caveat of."""
    return note_text(replace(caveat, code=caveat.what))


def _runs_left(caveat: Caveat) -> str:
    count = round(caveat.numbers["runs"])
    return f"{_runs(caveat)} left {plural(count, 'run') if count else 'no run'}"


def _trace_and_timed(caveat: Caveat) -> str:
    trace, timed = map(clean, caveat.runs)
    text = (
        f"{trace} is a trace alone: its steps, which a profiler slowed down, can’t be compared "
        f"with the timed ones of {timed}"
    )
    return f"{text}; name a trace of it instead, like {clean(caveat.text)}" if caveat.text else text


_TEMPLATES: dict[CaveatCode, Callable[[Caveat], str] | str] = {
    "no_common_variant": _no_common_variant,
    "no_common_phase": _no_common_phase,
    "variant_unmatched": "variant {variants} is in {runs} only",
    "phase_unmatched": "phase {where} is in {runs} only",
    "variants_of_one_run": "{variants} are variants of one run: they differ on purpose",
    "incomplete": "{runs} is incomplete: what it finished is compared",
    "not_timed": "{where} was not timed in {runs}",
    "not_traced": "{where} has no trace in {runs}: no layers, kinds and ops",
    "outside_steps": (
        "the marked steps of {runs} cover {held_fraction} of what was recorded, so they do not "
        "tell how long a step takes: no verdict"
    ),
    "traces_alone": (
        "traced steps are compared, which a profiler slowed down; whether machine, versions and "
        "settings are the same is not known of traces"
    ),
    "trace_and_timed": _trace_and_timed,
    "settings_unknown": "the settings of {runs} are not recorded, so they can’t be compared",
    "workload_differs": "the workload differs {values}: other ops",
    "seed_differs": "{setting} differs {values}: other numbers, the same work",
    "amount_differs": "{setting} differs {values}: steps do different amounts of work",
    "setting_differs": "{setting} differs {values}: that alone may be the difference",
    "fetch_differs": "only one fetched results, so steps end at different points",
    "results_differ": _results_differ,
    "machine_differs": "{machine} {values}: machines are compared, not programs",
    "system_differs": "the system differs {values}",
    "version_differs": "{software} differs {values}: it may be the cause",
    "devices_differ": (
        "the step is divided on other devices {values}: op times and kernel times are not set "
        "beside each other"
    ),
    "load_high": (
        "{runs} began with a load of {load} on {cores} cores: other programs may have "
        "slowed it, so no verdict"
    ),
    "load_differs": (
        "the load before differs ({load_a}, {load_b}): other programs may have run beside one "
        "of them"
    ),
    "machine_busy": _machine_busy,
    "interference_differs": _interference_differs,
    "slow_steps": (
        "{runs} had slow steps in a row ({phases}; up to {slowest_ratio}), which raise their means"
    ),
    "phase_missing": "{where} was not timed in all of {runs}",
    "new_part": "{what} is new: the baseline has nothing to measure it against",
    "nothing_bounded": "nothing with a bound is in all of them",
    "unreadable": lambda caveat: f"{_runs(caveat)} can’t be read: {_reason(caveat)}",
    "no_value": _reason,
    "runs_left": _runs_left,
    "nothing_timed": "no phase was timed in all of the runs",
}
