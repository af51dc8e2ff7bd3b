"""Many pieces of text, each decoded once however often it occurs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.wire import Buffer, Int

_LONG_BYTES = 256  # longer ones are few, as the file's size limits them, and go one by one
_WORD_BYTES = 8
# SplitMix64 (Steele, Lea and Flood 2014), in which each bit changes all others.
_MIXING = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST_SHIFT, _GOLDEN = np.uint64(31), np.uint64(0x9E3779B97F4A7C15)


def distinct(buffer: Buffer, start: Int, size: Int) -> tuple[Int, list[str]]:
    """Decode pieces of text, given where they begin and their lengths in bytes, int64 [n].

    Returns:
        int64 [n], the index of each piece's text in the list; and the list, in which two texts can
        be equal only where bytes that are not UTF-8 were replaced.
    """
    _, first, index = np.unique(
        _hashes(buffer, start, size), return_index=True, return_inverse=True
    )
    ends = start[first] + size[first]
    spans = zip(start[first].tolist(), ends.tolist(), strict=True)
    return index, [buffer.text(*span) for span in spans]


def equal(buffer: Buffer, start: Int, size: Int, text: str) -> Int:
    """Return the indexes of the pieces that are a text, given begins and lengths as above."""
    wanted = text.encode()
    rows: Int = np.flatnonzero(size == len(wanted))
    for at in range(0, len(wanted), _WORD_BYTES):
        word = np.uint64(int.from_bytes(wanted[at : at + _WORD_BYTES], "little"))
        rows = rows[_words(buffer, start[rows], size[rows], at) == word]
    return rows


def _words(buffer: Buffer, start: Int, size: Int, at: int) -> NDArray[np.uint64]:
    """Return eight bytes of each piece, from its byte `at` on; zeros past its end."""
    missing = np.maximum(_WORD_BYTES - (size - at), 0)
    shift = (missing * 8).astype(np.uint64)
    return buffer.words(start + at) << shift >> shift


def _hashes(buffer: Buffer, start: Int, size: Int) -> NDArray[np.uint64]:
    """Mix the bytes of each piece to 64 bits.

    Among a million different pieces two have the same with a probability of 3e-8.
    """
    mixed = _mixed(size.astype(np.uint64) + _GOLDEN)
    for at in range(0, _LONG_BYTES, _WORD_BYTES):
        rows = np.flatnonzero((size > at) & (size <= _LONG_BYTES))
        if not len(rows):
            break
        mixed[rows] = _mixed(mixed[rows] ^ _words(buffer, start[rows], size[rows], at))
    for row in np.flatnonzero(size > _LONG_BYTES).tolist():
        begin, end = int(start[row]), int(start[row] + size[row])
        mixed[row] = hash(bytes(buffer.raw[begin:end])) & 0xFFFF_FFFF_FFFF_FFFF
    return mixed


def _mixed(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for shift, multiplier in _MIXING:
        word = (word ^ (word >> shift)) * multiplier
    return word ^ (word >> _LAST_SHIFT)
