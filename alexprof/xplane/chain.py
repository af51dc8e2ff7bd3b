"""Where each field of a long message begins.

A field's length says where the next one begins, so they form a chain, and a chain of millions of
events would have to be followed one by one. Instead the bytes are cut into pieces, and all pieces
are followed in step, each from a guess. A wrong guess does little harm, because chains that are
not the same soon meet: the row of stats inside an event ends where the next event begins.

    bytes   |  piece 0        |  piece 1        |  piece 2        |
    chains  a──a──a───a──a──a──·──b──b───b──b────·──c──c──c───c───·
                               └ where piece 0 arrives, piece 1 has been: joined

Then the pieces are joined from the left. Where a chain arrives at an offset that the next piece
recorded, the rest of that piece is true as well; where it doesn't, fields are read one by one until
it does. So the result is exact whatever the guesses; they only decide how fast it is there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.xplane.fields import MALFORMED, fields_at
from alexprof.xplane.wire import Buffer

EVENT_TAG = 0x22  # XLine.events, and as it happens XEvent.stats
_FIRST_TAG_IN_EVENT = 0x08  # XEvent.metadata_id
_SHORTEST_PIECE_BYTES = 1 << 10
_WINDOW_BYTES = 64  # searched for a guess at once: a few events


class _Pieces(NamedTuple):
    """The pieces of all messages, in file order.

    Attributes:
        begin: int64 [n], offsets where the pieces begin.
        limit: int64 [n], where they end: at the next piece or with the message.
        stop: int64 [n], where their messages end.
        first: int64 [m], the first piece of each message; empty messages have none.
    """

    begin: NDArray[np.int64]
    limit: NDArray[np.int64]
    stop: NDArray[np.int64]
    first: NDArray[np.int64]


def field_offsets(
    buffer: Buffer, start: NDArray[np.int64], stop: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Find where the fields of messages begin.

    Time grows with the number of fields, memory is a few times the result.

    Args:
        buffer: The trace.
        start: int64 [m], where the messages begin, ascending.
        stop: int64 [m], where they end; they don't overlap.

    Returns:
        int64 [n], the offsets of all fields' tags, ascending.

    Raises:
        TraceError: A message is damaged.
    """
    pieces = _cut(start, stop)
    found, arrival = _follow(buffer, pieces, _guess(buffer, pieces))
    return _join(buffer, pieces, found, arrival)


def _cut(start: NDArray[np.int64], stop: NDArray[np.int64]) -> _Pieces:
    """Cut messages into pieces: about as many as each has bytes, so neither costs too much."""
    start, stop = start[start < stop], stop[start < stop]
    length = stop - start
    size = max(_SHORTEST_PIECE_BYTES, int(length.sum() ** 0.5))
    count = -(-length // size)
    first = np.cumsum(count) - count
    message = np.repeat(np.arange(len(start)), count)
    begin = start[message] + (np.arange(len(message)) - first[message]) * size
    return _Pieces(begin, np.minimum(begin + size, stop[message]), stop[message], first)


def _guess(buffer: Buffer, pieces: _Pieces) -> NDArray[np.int64]:
    """Choose where to begin in each piece: the first offset that looks like an event.

    The first piece of a message begins with the message. A piece where nothing does gets its begin.
    """
    guess: NDArray[np.int64] = pieces.begin.copy()
    searched = np.setdiff1d(np.arange(len(guess)), pieces.first)
    for step in range(0, _SHORTEST_PIECE_BYTES, _WINDOW_BYTES):
        if not len(searched):
            break
        window = pieces.begin[searched, None] + np.arange(step, step + _WINDOW_BYTES)
        is_tag = buffer.data.take(window, mode="clip") == EVENT_TAG
        row, column = np.nonzero(is_tag & (window < pieces.limit[searched, None]))
        offset = window[row, column]
        looks = _looks_like_event(buffer, offset, pieces.stop[searched[row]])
        row, place = np.unique(row[looks], return_index=True)
        guess[searched[row]] = offset[looks][place]
        searched = np.delete(searched, row)
    return guess


def _looks_like_event(
    buffer: Buffer, offset: NDArray[np.int64], stop: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Test for an event that begins with its metadata, and is followed by another or the end."""
    event = fields_at(buffer, offset, stop)
    inside = buffer.data.take(event.stop - event.value, mode="clip") == _FIRST_TAG_IN_EVENT
    behind = buffer.data.take(event.stop, mode="clip") == EVENT_TAG
    looks: NDArray[np.bool_] = inside & (behind | (event.stop == stop))
    looks &= event.stop != MALFORMED
    return looks


def _follow(
    buffer: Buffer, pieces: _Pieces, offset: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Follow all pieces' chains in step, each to the end of its piece or a malformed field.

    Returns:
        The offsets passed, ascending, and for each piece the offset where its chain arrived.
    """
    arrival = offset.copy()
    piece: NDArray[np.int64] = np.arange(len(offset))
    limit, stop = pieces.limit, pieces.stop
    passed = []
    while len(piece):
        after = fields_at(buffer, offset, stop).stop
        good = after != MALFORMED
        if not good.all():
            piece, limit, stop = piece[good], limit[good], stop[good]
            offset, after = offset[good], after[good]
        passed.append(offset)
        arrival[piece] = offset = after
        inside = offset < limit
        if not inside.all():
            piece, limit, stop, offset = piece[inside], limit[inside], stop[inside], offset[inside]
    found = np.concatenate(passed) if passed else np.empty(0, np.int64)
    found.sort()
    return found, arrival


def _join(
    buffer: Buffer, pieces: _Pieces, found: NDArray[np.int64], arrival: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Keep of the offsets those on the chains from the messages' starts, and add what lacks.

    Args:
        buffer: The trace.
        pieces: The pieces of all messages.
        found: int64, the offsets that the pieces' chains passed, ascending.
        arrival: int64 [pieces], where each piece's chain arrived.
    """
    starts, stops = pieces.begin[pieces.first].tolist(), pieces.stop[pieces.first].tolist()
    begins, arrivals = pieces.begin.tolist(), arrival.tolist()
    ends = np.searchsorted(found, pieces.limit).tolist()
    recorded = found.data
    kept: list[NDArray[np.int64]] = []
    lacking: list[int] = []
    for start, stop in zip(starts, stops, strict=True):
        offset = start
        while offset < stop:
            index = bisect_left(recorded, offset)
            if index < len(recorded) and recorded[index] == offset:
                piece = bisect_right(begins, offset) - 1
                kept.append(found[index : ends[piece]])
                offset = arrivals[piece]
            else:
                lacking.append(offset)
                offset = buffer.field_at(offset, stop).stop
    offsets = np.concatenate([*kept, np.array(lacking, np.int64)])
    if lacking:
        offsets.sort()
    return offsets
