"""The names that JAX gives to ops: a stack of scopes, functions and transformations.

    jit(step)/jvp(conv1)/jit(relu)/max              conv1/relu/max
    jit(step)/transpose(jvp(conv1))/jit(relu)/mul   conv1/relu/mul, backward

A transformation stands around the outermost scope that it applies to, or around nothing (NameStack
in jax/_src/source_info_util.py). A gradient is the transposed derivative. Loops, branches and
recomputation put scopes of their own in between, which are not what the model is made of.
"""

from __future__ import annotations

import re
from itertools import pairwise

_SCOPED = re.compile(r"(?:p?jit|[px]map)\(.*")
_AROUND = re.compile(r"(\w+)\((.*)\)")
_ENTRY = "main"  # what older versions call the function inside of the outermost
_TRANSPOSED = "transpose"
_DEEPEST = 30  # nested transformations
_MARKS = re.compile(r"[/()]")

_CALLS = re.compile(
    r"pjit|(?:closed|core|xla|custom_[jv]vp)_call(?:_jaxpr)?|checkpoint|remat\d*"
    r"|rematted_computation|shard_map"
)
_LOOPS = frozenset({("while", "body"), ("while", "cond")})
_BRANCH = re.compile(r"branch_\d+_fun")


def is_scoped(name: str) -> bool:
    """Tells whether a name is such a stack. All begin with the function that was compiled."""
    return bool(_SCOPED.match(name))


def parse(name: str) -> tuple[tuple[str, ...], bool]:
    """Takes functions and transformations off a name.

    Returns:
        The scopes and, last, the op, outermost first; and whether it is a part of the gradients.
        The outermost function is left out, others are scopes.
    """
    scopes, backward = _flat(name)
    if not scopes:
        return (name,), backward
    entry, *inner = scopes
    if inner and inner[0] == _ENTRY:
        inner = inner[1:]
    return _bare(inner) or (entry,), backward


def _flat(stack: str, depth: int = 0) -> tuple[list[str], bool]:
    """Takes all parentheses away. The outermost function comes out as the first scope."""
    scopes: list[str] = []
    backward = False
    for scope in _split(stack):
        around = _AROUND.fullmatch(scope)
        if around is None or depth == _DEEPEST:
            scopes.append(scope)
            continue
        inner, transposed = _flat(around[2], depth + 1)
        scopes += inner
        backward |= transposed or around[1] == _TRANSPOSED
    return scopes, backward


def _split(stack: str) -> list[str]:
    """Splits at slashes outside of parentheses."""
    ends, depth = [-1], 0
    for match in _MARKS.finditer(stack):
        mark = match[0]
        depth += (mark == "(") - (mark == ")")
        if mark == "/" and depth <= 0:
            ends.append(match.start())
    ends.append(len(stack))
    return [stack[end + 1 : until] for end, until in pairwise(ends) if end + 1 < until]


def _bare(scopes: list[str]) -> tuple[str, ...]:
    """Leaves out what only says how the program runs. The last is the op, whatever it is called."""
    *outer, op = scopes or [""]
    kept: list[str] = []
    at = 0
    while at < len(outer):
        pair = tuple(outer[at : at + 2])
        if pair in _LOOPS or (pair[0] == "cond" and _BRANCH.fullmatch(pair[-1])):
            at += 2
            continue
        if not _CALLS.fullmatch(outer[at]):
            kept.append(outer[at])
        at += 1
    return (*kept, op) if op else ()
