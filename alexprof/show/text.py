"""Text of any length in columns and lines of a few cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count, takewhile
from operator import eq

from rich.cells import cell_len

from alexprof.show.short_names import ELLIPSIS, shorter_names, tells_at_its_beginning


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
    """Cuts names so that different ones stay different.

    Where no place to cut tells them apart they get numbers: "long~1", "long~2". Only where even
    those don't fit are two names cut the same.

    Args:
        texts: Names, repeated ones allowed.
        width: Cells for each.
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
    """Cuts two long texts, as commands are, so that their first difference stays to be seen.

    Args:
        a: The first.
        b: The second.
        width: Cells for each.
    """
    same = sum(takewhile(bool, map(eq, a, b)))
    start = a.rfind(" ", 0, same) + 1
    shorts = (cut(a, width), cut(b, width))
    shown = shorts[0] != shorts[1] and all(map(partial(_shows, at=start), (a, b), shorts))
    if a == b or shown:
        return shorts
    around = _from(a, start, same, width), _from(b, start, same, width)
    if around[0] != around[1]:
        return around
    first, second = cut_all([a, b], width)
    return first, second


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
    yield [_around(text, same, width) for text in names]


def _around(text: str, at: int, width: int) -> str:
    """A piece of a text that begins a little before a place."""
    start = max(0, min(at - width // 4, len(text) - width + 1))
    head = ELLIPSIS if start else ""
    piece = head + text[start:]
    return piece if cell_len(piece) <= width else _head(piece, width - 1) + ELLIPSIS


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
    for short in shorter_names(text):
        if cell_len(short) <= width:
            yield short
            return
    keep = width - 1
    if tells_at_its_beginning(text):
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
