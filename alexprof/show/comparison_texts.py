"""Caveats of a comparison and its results to words: a template a code."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from alexprof.analysis.caveats import Caveat, CaveatCode
from alexprof.analysis.changes import ResultChange
from alexprof.show import numbers
from alexprof.show.reason_texts import figures_of, note_text
from alexprof.show.text import clean, in_sentence, listed, plural

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
    "others": "other programs used {a} and {b} of {cores} cores",
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


def caveat_text(caveat: Caveat, labels: Mapping[str, str]) -> str:
    """A caveat as a sentence without its capital and full stop; `labels` are the phases'."""
    caveat = replace(caveat, phases=tuple(_label(key, labels) for key in caveat.phases))
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


def _label(phase: str, labels: Mapping[str, str]) -> str:
    return in_sentence(labels.get(phase, phase))


def result_text(change: ResultChange, labels: Mapping[str, str]) -> str:
    """How two results compare, in a clause; `labels` are the phases'."""
    if change.reason == "not_recorded":
        return f"no result is recorded in {clean(change.run or '')}"
    if change.reason == "seeds_differ":
        return "the seeds differ, so different numbers are expected"
    phases = (_label(change.phase, labels),)
    where = _where(phases, tuple(dict.fromkeys((change.variant, change.b_variant))))
    if change.reason == "equal":
        difference = numbers.relative(change.difference or 0.0)
        return f"{where}: largest relative difference {difference}"
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
    fraction, norm_a, norm_b = norms
    return (
        f"{clean(tensor)} differs: the difference’s norm is about {_small_percent(fraction)} of "
        f"the tensor’s ({norm_a:.6g} and {norm_b:.6g})"
    )


def _small_percent(fraction: float) -> str:
    """A fraction that was estimated, in percent: "12 %", "0.07 %", "3e-5 %"."""
    percent = fraction * 100
    digits = f"{percent:.0f}" if percent >= 9.5 else f"{percent:.1g}".replace("e-0", "e-")
    return numbers.unit(digits, "%")


def _where(phases: tuple[str, ...], variants: tuple[str, ...]) -> str:
    """The phase and the variants' keys: "forward of with_lrn and without_lrn"."""
    return f"{clean(listed(list(phases)))} of {clean(' and '.join(variants))}"


def _runs(caveat: Caveat) -> str:
    return clean(", ".join(caveat.runs))


def _no_common_variant(caveat: Caveat) -> str:
    (a, b), (of_a, of_b) = caveat.runs, caveat.names
    return clean(f"no variant in common: {a} has {of_a or 'none'}, {b} has {of_b or 'none'}")


def _no_common_phase(caveat: Caveat) -> str:
    if not caveat.runs:
        return "the runs have no phase in common"
    return clean(f"no phase in common: {caveat.runs[1]} has no phase of {caveat.runs[0]}")


def _machine_busy(caveat: Caveat) -> str:
    parts = dict.fromkeys(figures_of(caveat).values())
    phases = clean(listed(list(caveat.phases)))
    return (
        f"other programs had {' to '.join(parts)} of the cores during {phases} of "
        f"{_runs(caveat)}, which may distort its times"
        f"{': no verdict' if caveat.effect == 'times' else ''}"
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
    return f"{_runs(caveat)} computes different results: {where}: {what}"


def _reason(caveat: Caveat) -> str:
    """The note that `caveat_of` made a caveat of."""
    return note_text(replace(caveat, code=caveat.what))


def _runs_left(caveat: Caveat) -> str:
    count = round(caveat.numbers["runs"])
    return f"{_runs(caveat)} left {plural(count, 'run') if count else 'no run'}"


def _programs_unlike(caveat: Caveat) -> str:
    return (
        f"{clean(listed(list(caveat.runs)))} are not known to be the same program: ops of the same "
        f"name take at most {numbers.percent_unit(caveat.numbers['common_fraction'])} of a step"
    )


def _trace_and_timed(caveat: Caveat) -> str:
    trace, timed = map(clean, caveat.runs)
    text = (
        f"{trace} is a trace alone: its steps, which a profiler slowed down, can’t be compared "
        f"with the timed ones of {timed}"
    )
    return (
        f"{text}; name one of its traces instead, such as {clean(caveat.text)}"
        if caveat.text
        else text
    )


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
        "traced steps are compared, which a profiler slowed down; traces do not show whether "
        "machine, versions and settings are the same"
    ),
    "trace_and_timed": _trace_and_timed,
    "settings_unknown": "the settings of {runs} are not recorded, so they can’t be compared",
    "programs_unlike": _programs_unlike,
    "workload_differs": "the workload differs {values}: different ops",
    "seed_differs": "{setting} differs {values}: different numbers, but the same work",
    "amount_differs": "{setting} differs {values}: steps do different amounts of work",
    "setting_differs": "{setting} differs {values}, which alone may explain the difference",
    "fetch_differs": "only one side fetched results, so steps end at different points",
    "results_differ": _results_differ,
    "machine_differs": "{machine} {values}: machines are compared, not programs",
    "system_differs": "the system differs {values}",
    "version_differs": "{software} differs {values}: it may be the cause",
    "devices_differ": (
        "the traces are of different devices {values}: op times are not compared with kernel times"
    ),
    "load_high": (
        "{runs} began with a load of {load} on {cores} cores: other programs may have "
        "slowed it, so no verdict"
    ),
    "load_differs": (
        "the load before the runs differs ({load_a}, {load_b}): other programs may have slowed one "
        "of them"
    ),
    "machine_busy": _machine_busy,
    "interference_differs": _interference_differs,
    "slow_steps": (
        "{runs} had slow steps in a row ({phases}; up to {slowest_ratio}), which raise their means"
    ),
    "phase_missing": "{where} was not timed in all of {runs}",
    "new_part": "{what} is new: the baseline has nothing to compare it with",
    "nothing_bounded": "nothing that has a bound is in all runs",
    "unreadable": lambda caveat: f"{_runs(caveat)} can’t be read: {_reason(caveat)}",
    "no_value": _reason,
    "with_outside": (
        "a step’s time in {runs} includes what lies between the marked steps, as in their reports"
    ),
    "runs_left": _runs_left,
    "nothing_timed": "no phase was timed in all of the runs",
}
