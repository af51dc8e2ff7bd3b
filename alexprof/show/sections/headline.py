"""The answer first: what leaving ops out saves, and what they take themselves."""

from __future__ import annotations

from alexprof.record.ablation import Ablation
from alexprof.record.phase import on_cpu
from alexprof.show import numbers
from alexprof.show.view import View, article, centre, includes_zero, measured, sentence_case


def headline(view: View, key: str) -> str:
    """Says: Leaving LRN out saves 0.32 ms of a 1.51 ms forward step, 21.3 %; its own ….

    Of several ablations of a phase the one that saves most is told; "" without any.
    """
    ablations = view.ablations(key)
    by_median = view.by_median
    known = [one for one in ablations if measured(one, by_median=by_median)[1] is not None]
    if not known:
        return ""
    most = max(known, key=lambda one: measured(one, by_median=by_median)[0])
    return _saved(view, most, by_median=by_median)


def _saved(view: View, ablation: Ablation, *, by_median: bool) -> str:
    saved_s, interval = measured(ablation, by_median=by_median)
    timed = view.timed(ablation.reference, ablation.phase)
    step_s = centre(timed, by_median=by_median) if timed else 0.0
    if interval is None or not step_s:
        return ""
    name, phase = view.ablation_label(ablation), view.phase_label(ablation.phase)
    unit = numbers.spoken_unit(abs(saved_s), step_s)
    if includes_zero(interval):
        low, high = (unit.signed(bound) for bound in interval)
        step = f"{article(phase)} {phase} step"
        return (
            f"What leaving {name} out saves of {step} can’t be told yet: "
            f"{numbers.unit(f'{low} to {high}', unit.name)} (95{numbers.NBSP}% interval)."
        )
    did = "saves" if saved_s > 0 else "costs"
    part = numbers.percent_unit(abs(saved_s) / step_s)
    whole = numbers.time(step_s)
    said = f"Leaving {name} out {did} {unit.named(abs(saved_s))} of a {whole} {phase} step, {part}"
    if ablation.attributed_s is None:
        return f"{sentence_case(said)}."
    what = "ops" if _of_cpu(view, ablation) else "kernels"
    return (
        f"{sentence_case(said)}; its own {what} take {numbers.time(ablation.attributed_s, step_s)}."
    )


def _of_cpu(view: View, ablation: Ablation) -> bool:
    phase = view.phase(ablation.reference, ablation.phase)
    return not phase or phase.attribution is None or on_cpu(phase.attribution.device)
