"""What a prediction covers: the ops in question that the trace shows, and what goes with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from alexprof.record.ablation import Ablation
from alexprof.record.trace import Replay
from alexprof.show.fit import clean
from alexprof.show.view import plural

NAMED = 3
"""Of the ops that go with others so many are named."""


def coverage(one: Ablation) -> str | None:
    """Says what a prediction covers, where that is not all; None otherwise.

    For example "fused into Conv2D (forward), with no event of its own: Relu; the prediction covers
    ReluGrad (backward)".
    """
    if one.traced_over_timed is None or one.predicted_s is None:
        return None
    if not one.fused and any(seen.pass_ == "forward" for seen in one.seen):
        return None
    covered = listed([f"{clean(seen.type)} ({seen.pass_})" for seen in one.seen])
    covers = f"the prediction covers {covered or 'none of it'}"
    if not one.fused:
        return f"the trace shows {'only a part' if covered else 'no op'} of it: {covers}"
    fused = listed([clean(type_) for each in one.fused for type_ in each.fused])
    into = listed([f"{clean(each.kind)} ({each.pass_})" for each in one.fused])
    return f"fused into {into}, with no event of its own: {fused}; {covers}"


def gone_with(replay: Replay, keys: Collection[tuple[str, str]]) -> str | None:
    """Says which other ops are counted into predictions, of the savings asked for by `keys`.

    A key is what a saving is of and its name; None where nothing goes with any of them.
    """
    gone = {
        (one.what, one.name): (one.dependent_ops, one.dependents)
        for one in replay.savings
        if one.dependent_ops
    }
    if not replay.savings:  # predicted by the share
        gone = {("ablation", name): (len(ops), ops) for name, ops in replay.dependents.items()}
    said = []
    for (what, name), (count, ops) in gone.items():
        if (what, name) in keys:
            names = [clean(op) for op in ops[:NAMED]] + (["…"] if count > NAMED else [])
            said.append(f"with {clean(name)} {plural(count, 'more op')} ({', '.join(names)})")
    return f"Counted in, as they exist only because of it: {'; '.join(said)}." if said else None


def listed(texts: Sequence[str]) -> str:
    """Each text once: "a, b and c"."""
    *others, last = dict.fromkeys(texts) or ("",)
    return f"{', '.join(others)} and {last}" if others else last
