"""What a prediction covers: of the ops that were left out those that the trace shows."""

from __future__ import annotations

from collections.abc import Sequence

from alexprof.runs.record import Ablation
from alexprof.show.fit import clean


def coverage(one: Ablation) -> str | None:
    """Says what a prediction covers, where that is not all; None otherwise.

    For example "Relu is fused into Conv2D, forward, and has no event of its own there: the
    prediction covers ReluGrad, backward".
    """
    if one.traced_over_timed is None or one.predicted_s is None:
        return None
    if not one.fused and any(seen.pass_ == "forward" for seen in one.seen):
        return None
    covered = listed([f"{clean(seen.type)}, {seen.pass_}" for seen in one.seen])
    covers = f"the prediction covers {covered}" if covered else "the prediction covers none of it"
    if not one.fused:
        seen = "only these of its ops" if covered else "no op of it"
        return f"the trace shows {seen}: {covers}"
    fused = listed([clean(type_) for each in one.fused for type_ in each.fused])
    into = listed([f"{clean(each.kind)}, {each.pass_}" for each in one.fused])
    return f"{fused} is fused into {into}, and has no event of its own there: {covers}"


def listed(texts: Sequence[str]) -> str:
    """Each text once: "a, b and c"."""
    *others, last = dict.fromkeys(texts) or ("",)
    return f"{', '.join(others)} and {last}" if others else last
