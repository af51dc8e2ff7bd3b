"""Cleans text from outside, so that it can't move a cursor, or hide or reorder text.

Names of ops, devices, files and runs, and texts of errors, come from traces, records, arguments and
TensorFlow. `show.document.Document` cleans them for every output, `AlexProfError` cleans its
message, and `show.progress` its lines; all other text is cleaned where it is printed.
"""

from __future__ import annotations

import re
import shlex
from unicodedata import category

LONGEST = 10_000
"""The most characters of a text to show."""
MOST_MARKS = 3
"""The most combining marks on a letter: Vietnamese needs two, Hebrew and Thai three."""
# Characters without a shape (Default_Ignorable_Code_Point), such as fillers, joiners and variation
# selectors: with them, different names can look the same.
_SHAPELESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_NOT_ASCII = re.compile(r"[^ -~]+")


def clean(text: str) -> str:
    """Returns text as one line in which every character is visible.

    Line breaks, tabs and wide spaces become a space. "?" replaces characters without a shape, such
    as control characters, direction marks, joiners, private-use characters and halves of surrogate
    pairs, and any combining marks beyond `MOST_MARKS`. Text longer than `LONGEST` loses its middle.
    Clean text is unchanged.
    """
    text = without_middle(text, LONGEST)
    if text.isascii() and text.isprintable():
        return text
    return _NOT_ASCII.sub(_seen, text)


def without_middle(text: str, most: int) -> str:
    """The text; if it has more than `most` letters, its two ends with an ellipsis between them."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]}…{text[half + 1 - most :]}"


def _seen(match: re.Match[str]) -> str:
    shown, marks = [], 0
    for char in match[0]:
        marks = marks + 1 if category(char).startswith("M") else 0
        if marks > MOST_MARKS + 1:
            continue
        if marks > MOST_MARKS or _SHAPELESS.match(char):
            shown.append("?")
        elif char.isprintable() or char == "\u00a0":
            shown.append(char)
        else:
            shown.append(" " if char.isspace() else "?")
    return "".join(shown)


def shell_words(*words: str) -> str:
    """Quotes a command to paste into a shell; it won't work if a word had to be cleaned."""
    return clean(shlex.join(words))
