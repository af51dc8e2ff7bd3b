"""What leaving ops out saves, in the words of every output."""

from __future__ import annotations

from alexprof.analysis.summary import Saving
from alexprof.show import numbers
from alexprof.show.fit import clean
from alexprof.show.view import View


def saving_label(view: View, saving: Saving) -> str:
    """What was left out, as the run itself writes it: "LRN" for "lrn"."""
    for ablation in view.run.ablations:
        if (ablation.name, ablation.phase) == (saving.name, saving.phase):
            return view.ablation_label(ablation)
    return clean(saving.name)


def difference_text(unit: numbers.Unit, saving: Saving) -> str:
    """Says: 322 (262 to 381); or "unclear: −20 to 174" where the interval includes 0."""
    if saving.ci95_s is None:
        return "unclear"
    low, high = (unit.plain(bound_s) for bound_s in saving.ci95_s)
    if saving.verdict == "unclear":
        return f"unclear: {low} to {high}"
    return f"{unit.plain(saving.saved_s)} ({low} to {high})"
