"""ASCII for terminals that can't show more, and what stands there for a report's characters."""

from __future__ import annotations

import codecs
import io
import os
import sys

_ASCII = {
    **dict(zip("█▒░·▏├┤─│→←┊◆◇■□▶", "#=:.|||-|><|@O*o>", strict=True)),
    **dict(zip("▁▂▃▄▅▆▇¹²³⁴⁵⁶⁷⁸⁹", "1234567*+$%&^~!?", strict=True)),
    **dict(zip("\u00a0−–’“”×µ∇…", ' --\'""xu^~', strict=True)),
    "±": "+-",
}
"""What stands for a character; one for one, so that columns stay under each other."""


def ascii_alone() -> bool:
    """Whether the user says so: by TERM=dumb or the C locale."""
    # Python writes UTF-8 in the C locale too (PEP 540), so its encoding doesn't tell.
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    return os.environ.get("TERM") == "dumb" or locale in ("C", "POSIX")


def adapt_output() -> None:
    """Makes standard output and error write in ASCII what they can't show otherwise."""
    codecs.register_error("alexprof", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = "ascii" if ascii_alone() else None
            stream.reconfigure(encoding=encoding, errors="alexprof")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    at = error.start
    char, following = error.object[at], error.object[at + 1 : at + 2]
    if char == "±" and following in (" ", "\u00a0"):
        at += 1  # "+-" is as wide as "± "
    return _ASCII.get(char, "?"), at + 1
