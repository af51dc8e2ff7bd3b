"""Colors of every output, where color means the kind of op."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

Paint = Callable[[str, str], str]
"""Colors a text in a style of that name."""

KINDS = ("Conv2D", "LRN", "MaxPool", "Relu")
"""Kinds with colors of their own; other kinds share one."""
OTHER = "other"
LIGHT = {
    "bg": "#ffffff",
    "panel": "#f5f6f8",
    "rule": "#d5dae0",
    "grid": "#e9ecf0",
    "ink": "#1b1f24",
    "muted": "#59626e",
    "edge": "#7b8591",
    "focus": "#0b57d0",
    "warn": "#8a5a00",
    "kind-conv2d": "#1f6fb8",
    "kind-lrn": "#cc4a00",
    "kind-maxpool": "#0a4f45",
    "kind-relu": "#5e4300",
    "kind-other": "#767676",
}
"""The colors by name, on white."""
DARK = {
    "bg": "#14171b",
    "panel": "#1c2026",
    "rule": "#3a414a",
    "grid": "#262b32",
    "ink": "#e7eaee",
    "muted": "#a3adb9",
    "edge": "#7d8794",
    "focus": "#8ab4f8",
    "warn": "#f2c14e",
    "kind-conv2d": "#5b9be0",
    "kind-lrn": "#f0894a",
    "kind-maxpool": "#a5dfcb",
    "kind-relu": "#e8cf4a",
    "kind-other": "#7d8792",
}
"""The same on black."""
INK, MUTED, EDGE, RULE = (LIGHT[name] for name in ("ink", "muted", "edge", "rule"))
GRID, PAPER, WARN = (LIGHT[name] for name in ("grid", "bg", "warn"))


_borrowed: ContextVar[Mapping[str, str] | None] = ContextVar("borrowed", default=None)
"""Colors that other kinds have because the run has none of the kinds that they belong to."""


@contextmanager
def colored(kinds: Sequence[str]) -> Iterator[None]:
    """Gives the colors of kinds that a run lacks to its largest others, as long as this lasts.

    Args:
        kinds: The run's kinds, the largest first.
    """
    free = [kind_name(kind) for kind in KINDS if kind not in kinds]
    others = [kind for kind in kinds if kind not in KINDS]
    reset = _borrowed.set(dict(zip(others, free, strict=False)))
    try:
        yield
    finally:
        _borrowed.reset(reset)


def kind_name(kind: str) -> str:
    """What a kind's color and hatching are called: "conv2d"; "other" without one."""
    return kind.lower() if kind in KINDS else (_borrowed.get() or {}).get(kind, OTHER)


def kind_color(kind: str) -> str:
    """The color of a kind in a specification: "var(--kind-conv2d)"."""
    return f"var(--kind-{kind_name(kind)})"


def hatching(kind: str) -> str:
    """What fills a kind's blocks in backward, in a specification: "url(#hatch-conv2d)"."""
    return f"url(#hatch-{kind_name(kind)})"


def kind_legend(kinds: Iterable[str], *, backward: bool = True) -> tuple[tuple[str, str], ...]:
    """What fills mean: each kind that has a color, other kinds, backward and idle time."""
    names = {kind: kind_name(kind) for kind in kinds}
    named = [(kind_color(kind), kind) for kind, name in names.items() if name != OTHER]
    legend = sorted(named)
    if OTHER in names.values():
        legend.append((kind_color(OTHER), "other kinds"))
    hatched = next((kind for kind, name in names.items() if name != OTHER), OTHER)
    legend += [(hatching(hatched), "hatched: backward")] if backward else []
    return (*legend, ("url(#dots)", "dotted: idle"))


def style_sheet() -> str:
    """The colors as CSS variables: dark where the page or the system asks, never on paper."""
    light, dark = (
        "".join(f"--{name}:{color};" for name, color in colors.items()) for colors in (LIGHT, DARK)
    )
    return (
        f":root{{color-scheme:light;{light}}}\n"
        "@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light])"
        f"{{color-scheme:dark;{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n"
    )


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
    """The color of a style in HTML: "ink", "muted" or "kind Conv2D"."""
    if style.startswith("kind"):
        return LIGHT[f"kind-{kind_name(style.removeprefix('kind '))}"]
    return LIGHT.get(style, LIGHT["kind-other"])


def no_paint(text: str, style: str) -> str:
    """Leaves text as it is."""
    return text


def terminal_paint(text: str, style: str) -> str:
    """Wraps text in the terminal's codes (ECMA-48, SGR)."""
    shown = text.rstrip()
    code = _TERMINAL.get(style, _GRAY if style.startswith("kind") else "")
    return f"\x1b[{code}m{shown}\x1b[0m{text[len(shown) :]}" if code and shown else text
