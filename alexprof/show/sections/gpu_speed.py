"""A GPU phase whose speed changed while it was timed: one warning, with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alexprof.analysis.interference import gpu_clock_notes, level_clock_notes
from alexprof.record.note import Note, distinct
from alexprof.record.phase import Phase, on_cpu
from alexprof.record.values import Timed
from alexprof.show import numbers
from alexprof.show.note_texts import note_text
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
    clocks = _distinct(note for reading in read for note in gpu_clock_notes(reading))
    if not changed and not clocks:
        return
    advice = _ADVICE if clocks else _SAME_CLOCK_ADVICE
    facts = []
    if changed:
        facts.append(
            f"steps changed while they were timed ({'; '.join(changed)}); the means include all "
            "steps."
        )
        if not clocks:
            clocks = _distinct(note for reading in read for note in level_clock_notes(reading))
    facts += clocks
    text = in_sentence(" ".join(map(sentence_case, facts)))
    yield f"{sentence_case(view.phase_label(key))}: {text} {advice}"


def _distinct(notes: Iterable[Note]) -> list[str]:
    return [note_text(note) for note in distinct(notes)]


def _steps(view: View, name: str, phase: Phase) -> str:
    """How a variant's steps changed: "with LRN 1.38 → 1.61 ms from step 44"; "" if they didn't."""
    timed = phase.timed
    if timed is None or timed.steadiness is None or timed.steadiness.state == "steady":
        return ""
    whose, levels = " ".join(view.needed_label(name)), level_text(timed)
    settled = timed.steadiness.settled_step
    since = "not steady by the end" if settled is None else f"level from step {settled} on"
    return " ".join(filter(None, (whose, f"{levels}," if levels else "", since)))
