"""The critical path of a step, in a sentence."""

from __future__ import annotations

from collections import defaultdict

from alexprof.record.phase import Phase
from alexprof.show import numbers
from alexprof.show.fit import clean
from alexprof.show.sections.shares import Division
from alexprof.show.view import plural

_LAYERS_SHOWN = 3


def critical_path(phase: Phase, division: Division) -> str:
    """Says which layers made the step as long as it was; "" where that is not known."""
    path = phase.replay.critical_path if phase.replay else ()
    if not path or not division.step_s:
        return ""
    layer_of = {op.name: op.layer for op in division.ops}
    by_layer: dict[str, float] = defaultdict(float)
    for one in path:
        by_layer[layer_of.get(one.op, one.op)] += one.mean_s
    ranked = sorted(by_layer.items(), key=lambda one: -one[1])
    said = [f"{clean(name)} {_part(division, seconds)}" for name, seconds in ranked[:_LAYERS_SHOWN]]
    rest = ranked[_LAYERS_SHOWN:]
    if rest:
        seconds = sum(seconds for _, seconds in rest)
        said.append(f"{plural(len(rest), 'more layer')} {_part(division, seconds)}")
    return (
        f"Critical path, the ops that waited for each other up to the step’s end: {len(path)} of "
        f"{plural(len(division.ops), 'op')} in some step; {', '.join(said)} of the step."
    )


def _part(division: Division, seconds: float) -> str:
    return numbers.percent_unit(division.part(seconds))
