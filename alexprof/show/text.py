"""Words of sentences; text of any length in lines and columns of a few cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from os.path import commonprefix

from rich.cells import cell_len, chop_cells

from alexprof.plain_text import clean

ELLIPSIS = "…"
MOST_DIFFERENCES = 8
"""Names that still look alike after cuts around this many differences get numbers."""
# What TensorFlow puts before the name of a gradient's op, and JAX before the name of any.
_SCOPES = (
    (re.compile(r"(?:gradients|gradient_tape)/"), "∇/"),
    (re.compile(r"p?jit\([^()]*\)/transpose\(jvp\(([^()]*)\)\)/"), r"∇/\1/"),
    (re.compile(r"p?jit\([^()]*\)/(?:jvp\(([^()]*)\)/)?"), r"…/\1/"),
)
# `void ns::kernel<float, 4>(int, float*)`, the name of a compiled kernel
_SIGNATURE = re.compile(r"[\w:~]+(?:<.*?)?\(")
_MANGLED = re.compile(r"_ZN?K?(?=\d)")
# `sm90_xmma_fprop_implicit_gemm_…_execute_segment_k_off_kernel__5x_cudnn`
_OF_LIBRARY, _RUNS = re.compile(r"sm\d+_."), "_execute"
_BRACKETS = re.compile(r"([<>()])")


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


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fills text up to `width` cells; `right` sets it flush right."""
    fill = " " * max(0, width - cell_len(text))
    return fill + text if right else text + fill


def wrap(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    """Breaks a sentence into lines of at most `width` cells; no-break spaces hold.

    The first line begins with `first`, each other with `later`.
    """
    text, first = clean(text), clean(first)
    later = later if cell_len(later) < width else ""
    lines, line = [], first
    for place, word in enumerate(text.split(" ")):
        longer = f"{line} {word}" if place else line + word
        if place and cell_len(longer) > width:
            lines.append(line)
            longer = later + word
        while cell_len(longer) > width:
            head = _head(longer, width)
            lines.append(head)
            longer = later + longer[len(head) :]
        line = longer
    return [*lines, line]


def cut(text: str, width: int, scope: str = "") -> str:
    """Cuts a text to `width` cells: what tells least goes first, as a `scope`, then the middle."""
    if width < 1:
        return ""
    short = text
    for short in _shorter_names(text, scope):
        if cell_len(short) <= width:
            return short
    # Ends of names tell more than beginnings, but for those of a library's kernels.
    tail = 0 if _of_library(text) else width // 2
    return _without_middle(short, width, tail)


def cut_all(texts: Sequence[str], width: int) -> list[str]:
    """Cuts names to `width` cells so that different ones stay different.

    A scope that most begin with goes first. Of those that would look alike what is around their
    first difference stays, or they are cut elsewhere, or get numbers: "long~1", "long~2". Only
    where even those don't fit are two names cut the same.
    """
    scoped = [text for text in texts if "/" in text]
    scope = _common(scoped) if len(scoped) > len(texts) / 2 > 1 else ""
    scope = scope[: scope.rfind("/") + 1]
    shorts = {text: cut(text, width, scope) for text in texts}
    whole = {text for text, short in shorts.items() if text == short}
    changed = {text: short for text, short in shorts.items() if text != short}
    shorts.update(_distinct(changed, width, whole, count(1)))
    return [shorts[text] for text in texts]


def _common(names: Sequence[str]) -> str:
    """What all names begin with."""
    return commonprefix(names)  # noqa: RUF071  # not only whole parts of a path


def _distinct(
    shorts: Mapping[str, str],
    width: int,
    taken: set[str],
    numbers: Iterator[int],
    differences: int = MOST_DIFFERENCES,
) -> Iterator[tuple[str, str]]:
    """Names with what they are cut to, or with what tells them apart; adds that to `taken`."""
    groups: dict[str, list[str]] = {}
    for name, short in shorts.items():
        groups.setdefault(short, []).append(name)
    clashing = {short for short, names in groups.items() if len(names) > 1 or short in taken}
    for short in groups.keys() - clashing:
        taken.add(short)
        yield groups[short][0], short
    for short, names in groups.items():
        if short not in clashing:
            continue
        same = len(_common(names))
        around = {name: _around(name, same, width) for name in names}
        if differences and len({*around.values()}) > 1:
            yield from _distinct(around, width, taken, numbers, differences - 1)
        else:
            yield from ((name, _elsewhere(name, width, taken, numbers)) for name in names)


def _around(text: str, place: int, width: int) -> str:
    """What follows in a text from a little before a place on, with what room is left before it."""
    part = max(text.rfind(separator, 0, place) for separator in " /") + 1
    start = max(part, place - width // 4)
    head = _head(text, width - 1 - cell_len(text[start:]))
    if start > len(head) + 1:
        text = head + ELLIPSIS + text[start:]
    return text if cell_len(text) <= width else _head(text, width - 1) + ELLIPSIS


def _elsewhere(name: str, width: int, taken: set[str], numbers: Iterator[int]) -> str:
    """Cuts a name somewhere other than its middle, or adds the next number to it."""
    cuts = (_without_middle(name, width, tail) for tail in reversed(range(width)))
    marks = (f"~{number}" for number in numbers)
    numbered = (cut(name, width - len(mark)) + mark for mark in marks)
    short = next(short for short in chain(cuts, numbered) if short not in taken)
    taken.add(short)
    return short if cell_len(short) <= width else cut(name, width)


def _without_middle(text: str, width: int, tail: int) -> str:
    return _head(text, width - 1 - tail) + ELLIPSIS + _head(text[::-1], tail)[::-1]


def _head(text: str, width: int) -> str:
    """The beginning that takes at most `width` cells."""
    if text.isascii() and text.isprintable():
        return text[: max(width, 0)]
    return chop_cells(text[:width], width)[0] if text and width > 0 else ""


def _shorter_names(name: str, scope: str) -> Iterator[str]:
    """The name, then what is left of it when what tells least goes, shorter and shorter."""
    yield name
    for pattern, start in _SCOPES:
        if matched := pattern.match(name):
            yield matched.expand(start).replace("//", "/") + name[matched.end() :]
            return
    if scope and name.startswith(scope):
        yield f"{ELLIPSIS}/{name.removeprefix(scope)}"
    elif parts := _kernel(name):
        yield "::".join(parts)
        # What a template that makes every kernel of a library is called tells nothing.
        yield "::".join(parts[-2:] if parts[-1].casefold().startswith("kernel") else parts[-1:])


def _kernel(name: str) -> list[str]:
    """The function of a compiled kernel behind its namespaces; empty if the name is none."""
    if library := _of_library(name):
        return [library]
    if mangled := _MANGLED.match(name):
        return list(_mangled_parts(name[mangled.end() :]))
    signature = name.removeprefix("void ")
    named = signature.replace("(anonymous namespace)", "")
    if signature == name and not (named.endswith(")") and _SIGNATURE.match(named)):
        return []
    plain = _without_brackets(signature)
    return [part.strip() for part in plain.split("::") if part]


def _of_library(name: str) -> str:
    """A library kernel's name without the parts that all kernels of the library share, or ""."""
    kernel, _, library = name.rpartition("_kernel__")
    return kernel.partition(_RUNS)[0] if library and _OF_LIBRARY.match(kernel) else ""


def _without_brackets(name: str) -> str:
    """Removes brackets and what is in them; a bracket without a partner stays."""
    kept: list[str] = []
    opened: dict[str, list[int]] = {"<": [], "(": []}
    for part in _BRACKETS.split(name):
        places = opened[{">": "<", ")": "("}.get(part, "<")]
        if part in opened:
            opened[part].append(len(kept))
        elif part in (">", ")") and places:
            del kept[places.pop() :]
            for others in opened.values():
                while others and others[-1] >= len(kept):
                    others.pop()
            continue
        kept.append(part)
    return "".join(kept)


def _mangled_parts(name: str) -> Iterator[str]:
    """The parts of a mangled name, each with its length before it: of `3abc2deE` abc and de."""
    while digits := re.match(r"\d+", name):
        end = digits.end() + int(digits[0])
        yield name[digits.end() : end]
        name = name[end:]
