"""The blocks of a phase in the order they ran, as a strip: does the machine drift?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import fmean, quantiles
from string import ascii_uppercase

from alexprof.record.values import BlockTime
from alexprof.show import numbers
from alexprof.show.text import pad, wrap
from alexprof.show.view import View

LEVELS = "▁▂▃▄▅▆▇█"
OFF_SCALE = "!"
_FEWEST_BLOCKS = 4
_MOST_ROWS = 2
"""Rows of cells with a letter each; more blocks than that go together."""


def measured_order(view: View) -> tuple[str, ...]:
    """Strips of the phases whose variants took turns; none if no phase has that."""
    strips = [(key, blocks) for key in view.phases if (blocks := _interleaved(view, key))]
    if not strips:
        return ()
    width = max(len(view.phase_label(key)) for key, _ in strips) + 2
    lines = [
        line
        for key, blocks in strips
        for line in _strip(pad(view.phase_label(key), width), blocks, view.options.width)
    ]
    if all(_share_cells(blocks, view.options.width - width) for _, blocks in strips):
        return tuple(lines)
    letters = [
        f"{letter} {view.variant_label(name)}"
        for letter, name in zip(ascii_uppercase, view.run.variants, strict=False)
    ]
    blank = " " * width
    return (*lines, *wrap(", ".join(letters), view.options.width, blank, blank))


def _interleaved(view: View, key: str) -> list[tuple[str, BlockTime]]:
    """Letter and block in the order measured; empty if the variants did not take turns."""
    blocks = [
        (letter, block)
        for letter, name in zip(ascii_uppercase, view.run.variants, strict=False)
        if (timed := view.timed(name, key))
        for block in timed.blocks
    ]
    blocks.sort(key=lambda item: item[1].order)
    places = {block.order for _, block in blocks}
    turns = sum(a[0] != b[0] for a, b in pairwise(blocks))
    took_turns = turns >= len({letter for letter, _ in blocks}) > 1
    enough = len(blocks) >= _FEWEST_BLOCKS and len(places) == len(blocks)
    return blocks if took_turns and enough else []


def _strip(label: str, blocks: Sequence[tuple[str, BlockTime]], width: int) -> Iterator[str]:
    if _share_cells(blocks, width - len(label)):
        yield from _rounds(label, blocks, width)
        return
    means = [block.mean_s for _, block in blocks]
    unit = numbers.spoken_unit(_highest(means))
    cells, scale = _scaled(means, unit.plain, numbers.NBSP + unit.name)
    room = width - len(label)
    gap = " " if 2 * len(cells) + len(scale) + 2 <= room else ""
    first = True
    for start in range(0, len(cells), room):
        row = gap.join(cells[start : start + room])
        letters = gap.join(letter for letter, _ in blocks[start : start + room])
        beside = first and len(row) + 3 + len(scale) <= room
        yield (label if first else " " * len(label)) + row + ("   " + scale if beside else "")
        yield " " * len(label) + letters
        if first and not beside:
            yield " " * len(label) + scale
        first = False


def _share_cells(blocks: Sequence[tuple[str, BlockTime]], room: int) -> bool:
    """Whether there are too many blocks for a cell each, with its letter below."""
    return len(blocks) > _MOST_ROWS * room > 0


def _rounds(label: str, blocks: Sequence[tuple[str, BlockTime]], width: int) -> Iterator[str]:
    """A cell for so many blocks in a row as variants take turns, each relative to its variant."""
    variants: dict[str, list[float]] = defaultdict(list)
    for letter, block in blocks:
        variants[letter].append(block.mean_s)
    usual = {letter: fmean(means) for letter, means in variants.items()}
    relative = [block.mean_s / usual[letter] for letter, block in blocks]
    together = len(variants)
    room = width - len(label)
    while len(relative) > _MOST_ROWS * room * together:
        together += len(variants)
    means = [
        fmean(relative[start : start + together]) for start in range(0, len(relative), together)
    ]
    cells, scale = _scaled(means, "{:.3f}×".format)
    for start in range(0, len(cells), room):
        yield (" " * len(label) if start else label) + "".join(cells[start : start + room])
    scale = f"{scale}  a cell is {together} blocks, each over its variant’s mean"
    yield from wrap(scale, width, " " * len(label), " " * len(label))


def _scaled(
    means: Sequence[float], text: Callable[[float], str], unit: str = ""
) -> tuple[list[str], str]:
    """A cell for each mean, and what cells stand for."""
    low, high, largest = min(means), _highest(means), max(means)
    scale = f"{LEVELS[0]} {text(low)}  {LEVELS[-1]} {text(high)}{unit}"
    if high < largest:
        scale += f"  {OFF_SCALE} up to {text(largest)}"
    return [_cell(mean, low, high) for mean in means], scale


def _highest(means: Sequence[float]) -> float:
    """The top of the scale: the highest mean that is not far out (Tukey: 3 quartile ranges)."""
    lower, _, upper = quantiles(means, n=4, method="inclusive")
    inside = [mean for mean in means if mean <= upper + 3 * (upper - lower)]
    return max(inside) if len(inside) > 0.9 * len(means) else max(means)


def _cell(mean: float, low: float, high: float) -> str:
    if mean > high:
        return OFF_SCALE
    level = (mean - low) / (high - low) if high > low else 0.0
    return LEVELS[round(level * (len(LEVELS) - 1))]
