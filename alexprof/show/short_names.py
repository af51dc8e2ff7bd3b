"""What may go of a name before any of its letters is cut: scopes, signatures, namespaces."""

from __future__ import annotations

import re
from collections.abc import Iterator

ELLIPSIS = "…"
GRADIENT_SCOPES = ("gradients/", "gradient_tape/")
"""What TensorFlow puts before the name of a gradient's op."""
_GRADIENT = "∇/"
# `jit(step)/transpose(jvp(conv1))/mul`, `jit(step)/jvp(conv1)/mul`, `jit(step)/sgd/sub`
_JAX = re.compile(r"p?jit\([^()]*\)/(?:transpose\(jvp\(([^()]*)\)\)/|jvp\(([^()]*)\)/)?(.+)")
# `void ns::kernel<float, 4>(int, float*)`, the name of a compiled kernel
_SIGNATURE = re.compile(r"(?:void )?[\w:~]+(?:<.*)?\(.*\)|void .+")
_MANGLED = re.compile(r"_ZN?K?(?=\d)")
# `sm90_xmma_fprop_implicit_gemm_…_execute_segment_k_off_kernel__5x_cudnn`
_LIBRARY = re.compile(r"(?=sm\d+_)(.+?)(?:_execute(?:_\w+?)?)?_kernel__\w+")
_UNTELLING = frozenset({"Kernel", "Kernel2", "kernel"})
"""What a template that makes every kernel of a library is called."""


def shorter_names(name: str) -> Iterator[str]:
    """The name, then what is left of it when what tells least goes, shorter and shorter."""
    yield name
    if (short := _without_scope(name)) != name:
        yield short
    elif kernel := _kernel(name):
        yield kernel
        yield _without_namespaces(kernel)


def tells_at_its_beginning(name: str) -> bool:
    """Whether the end of a name says nothing: a library's kernel."""
    return _LIBRARY.fullmatch(name) is not None


def _without_scope(name: str) -> str:
    """Leaves out what most names of a run begin with: a gradient's scope, JAX's function."""
    scope = next((scope for scope in GRADIENT_SCOPES if name.startswith(scope)), "")
    if scope:
        return _GRADIENT + name.removeprefix(scope)
    jax = _JAX.fullmatch(name)
    if jax is None:
        return name
    gradient, forward, op = jax.groups()
    start = _GRADIENT if gradient is not None else f"{ELLIPSIS}/"
    scopes = gradient or forward
    return f"{start}{scopes}/{op}" if scopes else start + op


def _kernel(name: str) -> str:
    """The function of a compiled kernel with its namespaces; "" if the name is none."""
    if library := _LIBRARY.fullmatch(name):
        return library[1]
    if _MANGLED.match(name):
        return "::".join(_mangled_parts(name))
    plain = name.replace("(anonymous namespace)::", "")
    if not _SIGNATURE.fullmatch(plain):
        return ""
    return _outside_brackets(plain.removeprefix("void "))


def _mangled_parts(name: str) -> Iterator[str]:
    """The parts of a mangled name, each with its length before it: `_ZN3abc2deE` is abc, de."""
    at = len(_MANGLED.match(name)[0])  # type: ignore[index]  # the caller has matched it
    while digits := re.match(r"\d+", name[at:]):
        start = at + len(digits[0])
        at = start + int(digits[0])
        yield name[start:at]


def _outside_brackets(signature: str) -> str:
    """What stands before a function's parameters, its template's arguments left out."""
    depth, kept = 0, ""
    for char in signature:
        if char == "(" and not depth:
            break
        depth -= char == ">"
        kept += "" if depth or char == ">" else char.replace("<", "")
        depth += char == "<"
    return kept.strip()


def _without_namespaces(kernel: str) -> str:
    """The function alone, with the namespace before it if it tells nothing by itself."""
    parts = kernel.split("::")
    return "::".join(parts[-2:] if parts[-1] in _UNTELLING else parts[-1:])
