"""Words of sentences; text of any length in lines and columns of a few cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count, takewhile
from operator import eq

from rich.cells import cell_len

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


def plural(number: int, noun: str, ending: str = "s") -> str:
    """A number and a noun: "1 step", "10 steps"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}{ending}"


def listed(texts: Sequence[str]) -> str:
    """Each text once: "a, b and c"."""
    *others, last = dict.fromkeys(texts) or ("",)
    return f"{', '.join(others)} and {last}" if others else last


def article(noun: str) -> str:
    """Says "a" or "an", by the sound that the noun begins with."""
    spelled = noun[:2].isupper()  # an LSTM step, a GPU step
    return "an" if noun[:1] in ("AEFHILMNORSX" if spelled else "aeiou") else "a"


def sentence_case(text: str) -> str:
    """Text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def in_sentence(label: str) -> str:
    """A label with its capital gone, unless it is an abbreviation: "Forward", but "LSTM step"."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def clean(text: str) -> str:
    """Text that can't move the cursor: control characters become "?", line ends a space."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\u00a0" else " " if char.isspace() else "?"
        for char in text
    )


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fills text up to `width` cells; `right` sets it flush right."""
    fill = " " * max(0, width - cell_len(text))
    return fill + text if right else text + fill


def cut(text: str, width: int) -> str:
    """Cuts the middle out of a text that takes more than `width` cells."""
    return next(_cuts(text, width)) if width > 0 else ""


def cut_all(texts: Sequence[str], width: int) -> list[str]:
    """Cuts names to `width` cells so that different ones stay different.

    Where no place to cut tells them apart they get numbers: "long~1", "long~2". Only where even
    those don't fit are two names cut the same.
    """
    if width < 1:
        return [""] * len(texts)
    result = {text: cut(text, width) for text in texts}
    for short in dict.fromkeys(cut_ for text, cut_ in result.items() if cut_ != text):
        names = [text for text, cut_ in result.items() if cut_ == short != text]
        taken = {cut_ for text, cut_ in result.items() if text not in names}
        if len(names) > 1 or short in taken:
            result.update(_distinct(names, width, taken))
    return [result[text] for text in texts]


def cut_two(a: str, b: str, width: int) -> tuple[str, str]:
    """Cuts two long texts, as commands are, so that their first difference stays to be seen."""
    same = sum(takewhile(bool, map(eq, a, b)))
    start = a.rfind(" ", 0, same) + 1
    first, second = (_from(text, start, same, width) for text in (a, b))
    if first == second and a != b:
        first, second = cut_all([a, b], width)
    return first, second


def wrap(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    """Breaks a sentence into lines of at most `width` cells; no-break spaces hold.

    The first line begins with `first`, each other with `later`.
    """
    later = later if cell_len(later) < width else ""
    lines, line = [], first
    empty = True
    for word in text.split(" "):
        longer = line + word if empty else f"{line} {word}"
        if not empty and cell_len(longer) > width:
            lines.append(line)
            longer = later + word
        while cell_len(longer) > width:
            head = _head(longer, width)
            lines.append(head)
            longer = later + longer[len(head) :]
        line, empty = longer, False
    return [*lines, line]


def _from(text: str, start: int, same: int, width: int) -> str:
    """The beginning of a text, and what follows from a word on; of a long word its end."""
    if cell_len(text) <= width:
        return text
    start = max(start, same - width // 4)
    head = _head(text, max(width // 3, width - 1 - cell_len(text[start:])))
    if start > len(head) + 1:
        text = head + ELLIPSIS + text[start:]
    return text if cell_len(text) <= width else _head(text, width - 1) + ELLIPSIS


def _distinct(names: Sequence[str], width: int, taken: set[str]) -> dict[str, str]:
    """Other ways to cut names, so that they differ from each other and from what is taken."""
    for shorts in _ways(names, width):
        if len({*shorts, *taken}) == len(names) + len(taken):
            return dict(zip(names, shorts, strict=True))
    return _numbered(names, width, taken)


def _ways(names: Sequence[str], width: int) -> Iterator[Sequence[str]]:
    """The middle cut out at other places, then what is around the first difference kept."""
    yield from zip(*(_cuts(text, width) for text in names), strict=False)
    same = sum(takewhile(bool, (len({*chars}) == 1 for chars in zip(*names, strict=False))))
    yield [_from(text, same, same, width) for text in names]


def _numbered(names: Sequence[str], width: int, taken: set[str]) -> dict[str, str]:
    """Names cut to make room for a number behind each."""
    result: dict[str, str] = {}
    numbers = count(1)
    for text in names:
        for number in numbers:
            mark = f"~{number}"
            short = cut(text, width - len(mark)) + mark
            if len(mark) > width:
                return {other: cut(other, width) for other in names}
            if short not in taken:
                result[text] = short
                break
    return result


def _cuts(text: str, width: int) -> Iterator[str]:
    """Every way to cut, the best first: where the end tells nothing that, else the middle."""
    short = text
    for short in _shorter_names(text):
        if cell_len(short) <= width:
            yield short
            return
    keep = width - 1
    if _tells_at_its_beginning(text):
        yield _head(short, keep) + ELLIPSIS
    # Ends of names tell more than beginnings: an odd cell goes there.
    for distance in range(keep // 2 + 1):
        for head in dict.fromkeys((keep // 2 - distance, keep // 2 + distance)):
            yield _head(short, head) + ELLIPSIS + _tail(short, keep - head)


def _head(text: str, width: int) -> str:
    while text and cell_len(text) > width:
        text = text[: min(len(text) - 1, max(width, 0))] if len(text) > width else text[:-1]
    return text


def _tail(text: str, width: int) -> str:
    return _head(text[::-1], width)[::-1]


def _shorter_names(name: str) -> Iterator[str]:
    """The name, then what is left of it when what tells least goes, shorter and shorter."""
    yield name
    if (short := _without_scope(name)) != name:
        yield short
    elif kernel := _kernel(name):
        yield kernel
        yield _without_namespaces(kernel)


def _tells_at_its_beginning(name: str) -> bool:
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
