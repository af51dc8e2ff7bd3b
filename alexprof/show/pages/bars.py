"""Bars in cells of tables, as SVG whose colors are names of the palette."""

from __future__ import annotations

from alexprof.show.document import Axis, Bar, Mark, Piece
from alexprof.show.palette import hatching, kind_color

WIDTH, HEIGHT = 200, 14
_MIDDLE = HEIGHT / 2
_INK, _MUTED = "var(--ink)", "var(--muted)"
_POINTS: dict[Mark, str] = {"whole": "◆", "whole, open": "◇", "part": "■", "part, open": "□"}


def bar_svg(bar: Bar, axis: Axis) -> str:
    """Draws a bar on its table's axis."""
    pieces = "".join(_piece(piece, axis) for piece in bar.pieces)
    return f'<svg width="{WIDTH}" height="{HEIGHT}" aria-hidden="true">{pieces}</svg>'


def legend_mark(mark: Mark) -> str:
    """A sample of a mark, for a legend."""
    shape = _piece(Piece(0.0, 1.0, mark), Axis(0.0, WIDTH / 10))
    return f'<svg width="10" height="{HEIGHT}" aria-hidden="true">{shape}</svg>'


def _piece(piece: Piece, axis: Axis) -> str:
    start, end = sorted(axis.place(value) * WIDTH for value in (piece.start, piece.end))
    if piece.mark in _POINTS or piece.mark in ("zero", "dot"):
        return _point(piece.mark, start) if 0 <= start <= WIDTH else ""
    cut_left, cut_right = start < 0, end > WIDTH
    start, end = max(start, 0.0), min(end, float(WIDTH))
    if piece.mark == "interval":
        return _whisker(start, end, cut_left, cut_right) if end >= start else ""
    if end <= start:
        return ""
    size = f'x="{start:.1f}" width="{max(end - start, 0.5):.1f}" y="2" height="{HEIGHT - 4}"'
    return f"<rect {size} {_fill(piece)}/>"


def _fill(piece: Piece) -> str:
    color = kind_color(piece.kind) if piece.kind else _MUTED
    if piece.mark == "backward":
        return f'fill="{hatching(piece.kind)}"'
    if piece.mark == "idle":
        return 'fill="url(#dots)" stroke="var(--edge)" stroke-width="0.5"'
    if piece.mark == "remainder":
        return f'fill="none" stroke="{_INK}" stroke-dasharray="3 2"'
    if piece.mark == "pass":
        return f'fill="{color}" fill-opacity="0.45"'
    return f'fill="{_INK if piece.mark == "measured" else color}"'


def _point(mark: Mark, place: float) -> str:
    if mark == "zero":
        return f'<path d="M{place:.1f} 0V{HEIGHT}" stroke="var(--edge)" stroke-dasharray="2 2"/>'
    if mark == "dot":
        return f'<circle cx="{place:.1f}" cy="{_MIDDLE}" r="2.5" fill="none" stroke="{_INK}"/>'
    text = f'x="{place:.1f}" y="{HEIGHT - 3}" text-anchor="middle" font-size="11"'
    return f'<text {text} fill="{_INK}">{_POINTS[mark]}</text>'


def _whisker(start: float, end: float, cut_left: bool, cut_right: bool) -> str:
    """An interval; an arrow where it goes on beyond the axis."""
    low = "l4 -4m-4 4l4 4" if cut_left else "m0 -4v8"
    high = "l-4 -4m4 4l-4 4" if cut_right else "m0 -4v8"
    path = f"M{start:.1f} {_MIDDLE}H{end:.1f}{high}M{start:.1f} {_MIDDLE}{low}"
    return f'<path d="{path}" fill="none" stroke="{_INK}" stroke-width="2"/>'
