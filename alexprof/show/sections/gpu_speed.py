"""A GPU phase whose speed changed while it was timed: one warning, with what to do."""

from __future__ import annotations

from collections.abc import Iterator

from alexprof.analysis.interference_clauses import gpu_clocks, level_gpu_clocks
from alexprof.record.phase import Phase, on_cpu
from alexprof.record.values import Timed
from alexprof.show import numbers
from alexprof.show.view import View, in_sentence, sentence_case

_LEVELS_SHOWN = 4
_ADVICE = (
    "Lock the GPU’s clocks (nvidia-smi --lock-gpu-clocks) or let it warm up longer (--burn-in)."
)
_SAME_CLOCK_ADVICE = "Let it warm up longer (--burn-in), or rerun while the host is idle."


def on_gpu(phase: Phase | None) -> bool:
    """Whether the trace gives a phase's steps to a GPU."""
    return bool(phase and phase.attribution and not on_cpu(phase.attribution.device))


def level_text(timed: Timed) -> str:
    """The levels that steps had, one after the other: "1.38 → 1.61 ms"; "" if there is one."""
    found = timed.steadiness
    if found is None or not 1 < len(found.levels_s) <= _LEVELS_SHOWN:
        return ""
    unit = numbers.spoken_unit(max(found.levels_s))
    return numbers.unit(" → ".join(dict.fromkeys(map(unit.plain, found.levels_s))), unit.name)


def gpu_speed_warnings(view: View, key: str) -> Iterator[str]:
    """The warning of a phase, if its steps ran on a GPU and something changed."""
    phases = {
        name: phase
        for name in view.run.variants
        if (phase := view.phase(name, key)) is not None and phase.timed and on_gpu(phase)
    }
    changed = [text for name, phase in phases.items() if (text := _steps(view, name, phase))]
    read = [phase.interference for phase in phases.values() if phase.interference]
    clocks = list(dict.fromkeys(text for found in read for text in gpu_clocks(found)))
    if not changed and not clocks:
        return
    advice = _ADVICE if clocks else _SAME_CLOCK_ADVICE
    said = []
    if changed:
        said.append(
            f"steps changed while they were timed ({'; '.join(changed)}); the means include all "
            "steps"
        )
        if not clocks:
            clocks = list(dict.fromkeys(text for found in read for text in level_gpu_clocks(found)))
    said += clocks
    facts = " ".join(f"{sentence_case(text)}." for text in said)
    yield f"{sentence_case(view.phase_label(key))}: {in_sentence(facts)} {advice}"


def _steps(view: View, name: str, phase: Phase) -> str:
    """How a variant's steps changed: "with LRN 1.38 → 1.61 ms from step 44"; "" if they didn't."""
    timed = phase.timed
    if timed is None or timed.steadiness is None or timed.steadiness.state == "steady":
        return ""
    whose, levels = " ".join(view.needed_label(name)), level_text(timed)
    settled = timed.steadiness.settled_step
    since = "not steady by the end" if settled is None else f"level from step {settled} on"
    return " ".join(filter(None, (whose, f"{levels}," if levels else "", since)))
