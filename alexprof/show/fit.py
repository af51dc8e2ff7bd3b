"""Text of any length in columns and lines of a few cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import takewhile
from operator import eq

from rich.cells import cell_len

ELLIPSIS = "…"
GRADIENT_SCOPES = ("gradients/", "gradient_tape/")
"""What TensorFlow puts before the name of a gradient's op."""
_GRADIENT = "∇/"
# `jit(step)/transpose(jvp(conv1))/mul`, `jit(step)/jvp(conv1)/mul`, `jit(step)/sgd/sub`
_JAX = re.compile(r"p?jit\([^()]*\)/(?:transpose\(jvp\(([^()]*)\)\)/|jvp\(([^()]*)\)/)?(.+)")


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
    """Cuts names so that different ones stay different, where some place to cut does that.

    Args:
        texts: Names, repeated ones allowed.
        width: Cells for each.
    """
    result = {text: cut(text, width) for text in texts}
    for short in dict.fromkeys(mine for text, mine in result.items() if mine != text):
        alike = [text for text, mine in result.items() if mine == short != text]
        taken = {mine for text, mine in result.items() if text not in alike}
        if len(alike) > 1 or short in taken:
            result.update(_told_apart(alike, width, taken))
    return [result[text] for text in texts]


def cut_two(a: str, b: str, width: int) -> tuple[str, str]:
    """Cuts two long texts, as commands are, so that their first difference stays to be seen.

    Args:
        a: The one.
        b: The other.
        width: Cells for each.
    """
    same = sum(takewhile(bool, map(eq, a, b)))
    start = a.rfind(" ", 0, same) + 1
    shorts = (cut(a, width), cut(b, width))
    if a == b or all(map(partial(_shows, at=start), (a, b), shorts)):
        return shorts
    return _from(a, start, same, width), _from(b, start, same, width)


def wrap(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    """Breaks a sentence into lines of at most `width` cells; no-break spaces hold.

    Args:
        text: The sentence.
        width: Cells of a line.
        first: What the first line begins with.
        later: What every other line begins with.
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


def _shows(text: str, short: str, at: int) -> bool:
    """Whether a cut text still has the word that begins there."""
    if short == text:
        return True
    head, _, tail = short.partition(ELLIPSIS)
    end = text.find(" ", at) % (len(text) + 1)
    return end <= len(head) or at >= len(text) - len(tail)


def _from(text: str, start: int, same: int, width: int) -> str:
    """The beginning of a text, and what follows from a word on; of a long word its end."""
    if cell_len(text) <= width:
        return text
    head = _head(text, width // 3)
    start = max(start, same - width // 4)
    if start > len(head) + 1:
        text = head + ELLIPSIS + text[start:]
    return text if cell_len(text) <= width else _head(text, width - 1) + ELLIPSIS


def _told_apart(alike: Sequence[str], width: int, taken: set[str]) -> dict[str, str]:
    for shorts in zip(*(_cuts(text, width) for text in alike), strict=False):
        if len({*shorts, *taken}) == len(alike) + len(taken):
            return dict(zip(alike, shorts, strict=True))
    return {text: cut(text, width) for text in alike}


def _cuts(text: str, width: int) -> Iterator[str]:
    """Every way to cut, the one in the middle first, then places farther and farther from it."""
    if cell_len(text) <= width:
        yield text
        return
    text = _without_scope(text)
    if cell_len(text) <= width:
        yield text
        return
    keep = width - 1
    # Ends of names tell more than beginnings: an odd cell goes there.
    for distance in range(keep // 2 + 1):
        for head in dict.fromkeys((keep // 2 - distance, keep // 2 + distance)):
            yield _head(text, head) + ELLIPSIS + _tail(text, keep - head)


def _without_scope(text: str) -> str:
    """Leaves out what most names of a run begin with: a gradient's scope, JAX's function."""
    scope = next((scope for scope in GRADIENT_SCOPES if text.startswith(scope)), "")
    if scope:
        return _GRADIENT + text.removeprefix(scope)
    found = _JAX.fullmatch(text)
    if found is None:
        return text
    gradient, forward, op = found.groups()
    start = _GRADIENT if gradient is not None else f"{ELLIPSIS}/"
    scopes = gradient or forward
    return f"{start}{scopes}/{op}" if scopes else start + op


def _head(text: str, width: int) -> str:
    while cell_len(text) > width:
        text = text[: min(len(text) - 1, max(width, 0))] if len(text) > width else text[:-1]
    return text


def _tail(text: str, width: int) -> str:
    return _head(text[::-1], width)[::-1]
