"""Colour means the kind of op, in every output."""

from __future__ import annotations

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
    """Wraps text in the terminal's codes (ECMA-48, SGR).

    Args:
        text: A piece of a line.
        style: "bold", "muted", "warn", "ink" or "kind Conv2D".
    """
    code = _code(style)
    shown = text.rstrip()
    return f"\x1b[{code}m{shown}\x1b[0m{text[len(shown) :]}" if code and shown else text


def _code(style: str) -> str:
    if style == "bold":
        return "1"
    if style == "muted":
        return f"38;5;{_TERMINAL_GREY}"
    if style == "warn":
        return f"38;5;{_TERMINAL_WARN}"
    kind = style.removeprefix("kind ")
    if kind != style:
        return f"38;5;{_TERMINAL_KINDS.get(kind, _TERMINAL_GREY)}"
    return ""
