"""Many pieces of text, each decoded once however often it occurs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.wire import Buffer, Int

_LONG_BYTES = 256  # longer ones are few, as the file's size limits them, and go one by one
_WORD_BYTES = 8
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, as in Fibonacci hashing


def distinct(buffer: Buffer, start: Int, size: Int) -> tuple[Int, list[str]]:
    """Decode pieces of text, given where they begin and their lengths in bytes, int64 [n].

    Returns:
        int64 [n], the index of each piece's text in the list; and the list, in which two texts can
        be equal only where bytes that are not UTF-8 were replaced.
    """
    _, first, index = np.unique(
        _hashes(buffer, start, size), return_index=True, return_inverse=True
    )
    if not _same(buffer, start, start[first][index], size, size[first][index]):
        first, index = _distinct_one_by_one(buffer, start, size)
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
    """Mix the bytes of each piece to 64 bits; different pieces may have the same."""
    mixed = size.astype(np.uint64)
    for at in range(0, _LONG_BYTES, _WORD_BYTES):
        rows = np.flatnonzero((size > at) & (size <= _LONG_BYTES))
        if not len(rows):
            break
        word = (mixed[rows] ^ _words(buffer, start[rows], size[rows], at)) * _MULTIPLIER
        mixed[rows] = word ^ (word >> np.uint64(29))
    for row in np.flatnonzero(size > _LONG_BYTES).tolist():
        begin, end = int(start[row]), int(start[row] + size[row])
        mixed[row] = hash(bytes(buffer.raw[begin:end])) & 0xFFFF_FFFF_FFFF_FFFF
    return mixed


def _same(buffer: Buffer, start: Int, other: Int, size: Int, other_size: Int) -> bool:
    """Compare pieces byte by byte."""
    if not np.array_equal(size, other_size):
        return False
    rows = np.flatnonzero((start != other) & (size <= _LONG_BYTES))
    for at in range(0, _LONG_BYTES, _WORD_BYTES):
        rows = rows[size[rows] > at]
        if not len(rows):
            break
        left, right = (_words(buffer, begin[rows], size[rows], at) for begin in (start, other))
        if not np.array_equal(left, right):
            return False
    rows = np.flatnonzero((start != other) & (size > _LONG_BYTES))
    triples = zip(start[rows].tolist(), other[rows].tolist(), size[rows].tolist(), strict=True)
    return all(
        buffer.raw[left : left + length] == buffer.raw[right : right + length]
        for left, right, length in triples
    )


def _distinct_one_by_one(buffer: Buffer, start: Int, size: Int) -> tuple[Int, Int]:
    """Do what the hashes could not, should two different pieces ever have the same one."""
    seen: dict[bytes, int] = {}
    first: list[int] = []
    index = np.empty(len(start), np.int64)
    for row, (begin, length) in enumerate(zip(start.tolist(), size.tolist(), strict=True)):
        piece = bytes(buffer.raw[begin : begin + length])
        index[row] = seen.setdefault(piece, len(seen))
        if len(seen) > len(first):
            first.append(row)
    return np.array(first, np.int64), index
