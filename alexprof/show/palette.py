"""Colours of every output, where colour means the kind of op; titles and warnings in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.cells import cell_len

from alexprof.show.text import wrap

Paint = Callable[[str, str], str]
"""Colours a text in a style of that name."""

INK, MUTED, EDGE, RULE, GRID, PAPER, WARN = (
    "#1b1f24",
    "#59626e",
    "#7b8591",
    "#d5dae0",
    "#e9ecf0",
    "#ffffff",
    "#8a5a00",
)
OTHER_KINDS = "#767676"
KINDS = {"Conv2D": "#1f6fb8", "LRN": "#cc4a00", "MaxPool": "#0a4f45", "Relu": "#5e4300"}
"""On white, for HTML; a kind that is not named here is grey."""

# The terminal's background is not known: of the 256 colours those with a contrast of 3 or more
# on black and on white. The first sixteen are whatever the user's theme says.
_TERMINAL_KINDS = {"Conv2D": 32, "LRN": 166, "MaxPool": 30, "Relu": 136}
_TERMINAL_GREY, _TERMINAL_WARN = 244, 130


def kind_color(kind: str) -> str:
    """A kind's colour on white; grey for kinds without one."""
    return KINDS.get(kind, OTHER_KINDS) if kind else MUTED


def no_paint(text: str, style: str) -> str:
    """Leaves text as it is."""
    return text


def terminal_paint(text: str, style: str) -> str:
    """Wraps text in the terminal's codes (ECMA-48, SGR)."""
    shown, kind = text.rstrip(), style.removeprefix("kind ")
    color = {"muted": _TERMINAL_GREY, "warn": _TERMINAL_WARN}.get(style)
    if kind != style:
        color = _TERMINAL_KINDS.get(kind, _TERMINAL_GREY)
    code = "1" if style == "bold" else f"38;5;{color}" if color else ""
    return f"\x1b[{code}m{shown}\x1b[0m{text[len(shown) :]}" if code and shown else text


def two_sides(left: str, right: str, width: int, paint: Paint) -> Iterator[str]:
    """A bold text on the left and a muted one flush right, below each other if they don't fit."""
    room = width - cell_len(left) - cell_len(right)
    if room < (2 if right else 0):
        yield from (paint(line, "bold") for line in wrap(left, width))
        yield from (paint(line, "muted") for line in wrap(right, width) if right)
    else:
        yield paint(left, "bold") + " " * room + paint(right, "muted")


def warning_lines(text: str, width: int, paint: Paint, indent: str = "") -> Iterator[str]:
    """A warning begins with "!"; its other lines begin under its first word."""
    for line in wrap(text, width, f"{indent}! ", f"{indent}  "):
        yield paint(line, "warn")
