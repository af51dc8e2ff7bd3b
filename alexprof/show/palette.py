"""Colors of every output, where color means the kind of op."""

from __future__ import annotations

from collections.abc import Callable

Paint = Callable[[str, str], str]
"""Colors a text in a style of that name."""

INK, MUTED, EDGE, RULE = "#1b1f24", "#59626e", "#7b8591", "#d5dae0"
GRID, PAPER, WARN = "#e9ecf0", "#ffffff", "#8a5a00"
_ON_WHITE = {
    "ink": INK,
    "muted": MUTED,
    "kind Conv2D": "#1f6fb8",
    "kind LRN": "#cc4a00",
    "kind MaxPool": "#0a4f45",
    "kind Relu": "#5e4300",
}

# The terminal's background is not known: of the 256 colors those with a contrast of 3 or more
# on black and on white. The first sixteen are whatever the user's theme says.
_GRAY = "38;5;244"
_TERMINAL = {
    "bold": "1",
    "muted": _GRAY,
    "warn": "38;5;130",
    "kind Conv2D": "38;5;32",
    "kind LRN": "38;5;166",
    "kind MaxPool": "38;5;30",
    "kind Relu": "38;5;136",
}


def color_on_white(style: str) -> str:
    """The color of a style in HTML; gray for kinds without one."""
    return _ON_WHITE.get(style, "#767676")


def no_paint(text: str, style: str) -> str:
    """Leaves text as it is."""
    return text


def terminal_paint(text: str, style: str) -> str:
    """Wraps text in the terminal's codes (ECMA-48, SGR)."""
    shown = text.rstrip()
    code = _TERMINAL.get(style, _GRAY if style.startswith("kind") else "")
    return f"\x1b[{code}m{shown}\x1b[0m{text[len(shown) :]}" if code and shown else text
