"""Text from outside made plain: nothing in it moves a cursor, hides, or turns a line around.

Names of ops, devices, files and runs, and what errors say, come from traces, records, arguments and
TensorFlow. `show.document.Document` cleans them for every output, `AlexProfError` its message,
`show.progress` its lines; whatever else is printed is cleaned where it is printed.
"""

from __future__ import annotations

import re
import shlex
from unicodedata import category

LONGEST = 10_000
"""Letters of a text that are shown at the most."""
MOST_MARKS = 3
"""Combining marks on a letter: Vietnamese needs two, Hebrew and Thai three."""
# Letters and marks that have no shape (Default_Ignorable_Code_Point), so that names that differ
# look the same: fillers, joiners, variation selectors.
_SHAPELESS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
_NOT_ASCII = re.compile(r"[^ -~]+")


def clean(text: str) -> str:
    """A line of text in which every character is seen.

    Line ends, tabs and wide spaces become a space. "?" stands for what has no shape of its own, as
    control characters, directions of writing, joiners, private use and halves of a surrogate pair,
    and for more combining marks than a letter carries. What is longer than any sentence loses its
    middle. Text that is clean stays as it is.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]}…{text[1 - LONGEST // 2 :]}"
    if text.isascii() and text.isprintable():
        return text
    return _NOT_ASCII.sub(_seen, text)


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
    """Words of a command to paste into a shell, quoted; where one had to be cleaned, none fits."""
    return clean(shlex.join(words))
