"""Words of sentences: numbers of things, lists, capitals."""

from __future__ import annotations

from collections.abc import Sequence


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
