"""Optimizers under any name: where variables are updated and no gradient flows.

Where there are gradients, a scope that holds several updates of variables and has no gradient twin
is an optimizer's: a layer that updates variables of its own, as a batch norm does, has gradients.
Metrics only add to theirs, so a scope that only adds is an optimizer's if no other subtracts. What
scales the loss belongs to it: the branch around the updates that skips them, and the checks for
finite gradients (keras/src/optimizers/loss_scale_optimizer.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from alexprof.attribute.roots import LOOP, Path

_ADDS, _SUBTRACTS = "AssignAddVariableOp", "AssignSubVariableOp"
_SEVERAL = 2
_CHECKS = frozenset({"IsFinite", "All"})
_PACKED = "Pack"
_REWRITTEN = "ArithmeticOptimizer"


def optimizers_of(places: Sequence[tuple[Path, bool]], types: Sequence[str]) -> dict[int, str]:
    """Finds the ops of optimizers.

    Args:
        places: Of each op its path, and whether it belongs to the gradients.
        types: Type of each op.

    Returns:
        The optimizer's name by the op's number.
    """
    names = _scopes(places, types)
    found: dict[int, str] = {}
    for number, (path, backward) in enumerate(places):
        if not backward:
            name = next(
                (names[path[:end]] for end in range(1, len(path)) if path[:end] in names), ""
            )
            if name:
                found[number] = name
    for name in dict.fromkeys(names.values()):
        found |= {number: name for number in _checks(places, types) if number not in found}
    return found


def _scopes(places: Sequence[tuple[Path, bool]], types: Sequence[str]) -> dict[Path, str]:
    """The scopes of optimizers, the branches around them included, and each one's name."""
    with_gradients = {
        path[:end] for path, backward in places if backward for end in range(1, len(path) + 1)
    }
    # An op that is a part of a fusion too stands here twice.
    updates = {
        (path, type_)
        for (path, backward), type_ in zip(places, types, strict=True)
        if with_gradients and not backward and len(path) > 1 and type_ in (_ADDS, _SUBTRACTS)
    }
    count = Counter(path[:-1] for path, _ in updates)
    scopes = [
        scope
        for scope in count
        if count[scope] >= _SEVERAL and not with_gradients.intersection(_prefixes(scope))
    ]
    subtracting = {path[:-1] for path, type_ in updates if type_ == _SUBTRACTS}
    names: dict[Path, str] = {}
    for scope in sorted(scopes):
        if scope in subtracting or subtracting.isdisjoint(scopes):
            around = scope
            while len(around) > 1 and LOOP.fullmatch(around[-2]):
                around = around[:-1]
            names[around] = scope[-1]
    return names


def _prefixes(scope: Path) -> Iterator[Path]:
    """The scope and the loops and branches around it."""
    yield scope
    while len(scope) > 1 and LOOP.fullmatch(scope[-2]):
        scope = scope[:-1]
        yield scope


def _checks(places: Sequence[tuple[Path, bool]], types: Sequence[str]) -> list[int]:
    """The checks for finite gradients: of no layer, and gathered in one op."""
    outside = [
        number
        for number, (path, backward) in enumerate(places)
        if not backward and (len(path) == 1 or path[0] == _REWRITTEN)
    ]
    checks = [number for number in outside if types[number] in _CHECKS]
    if "IsFinite" not in {types[number] for number in checks}:
        return []
    return checks + [number for number in outside if types[number] == _PACKED]
