"""Messages of any number and length as columns of their fields.

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

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alexprof.errors import check_count
from alexprof.xplane.fields import MALFORMED, fields_at
from alexprof.xplane.schema import Shape
from alexprof.xplane.wire import Bool, Buffer, Int

EVENT_TAG = 0x22  # XLine.events, and as it happens XEvent.stats
_FIRST_TAG_IN_EVENT = 0x08  # XEvent.metadata_id
_SHORTEST_PIECE_BYTES = 1 << 10
_WINDOW_BYTES = 64  # searched for a guess at once: a few events
MOST_FIELDS = 4_000_000
"""The limit for a chunk of messages: an event has about a hundred fields at most."""
CHUNK = 1 << 14  # messages decoded at once: more would only take more memory
# Steps for few messages would cost as much as those for many, and long messages would take many.
_FEWEST_MESSAGES = 64
_MOST_STEPS = 64


class Parts(NamedTuple):
    """Fields of several messages, those of each in file order; see `fields.Fields`."""

    owner: Int  # [n], which message each is part of
    tag: NDArray[np.uint8]
    value: Int
    stop: Int

    @property
    def start(self) -> Int:
        """Where the contents of bytes begin, [n]."""
        return self.stop - self.value

    def of(self, *tags: int) -> Parts:
        """Return those with any of these tags."""
        hit = self.tag == tags[0]
        for tag in tags[1:]:
            hit |= self.tag == tag
        return self if hit.all() else self.taken(hit)

    def sorted(self) -> Parts:
        """Return them in file order."""
        return self.taken(np.argsort(self.stop))

    def taken(self, rows: Bool | NDArray[np.intp]) -> Parts:
        """Return some of them."""
        return Parts(self.owner[rows], self.tag[rows], self.value[rows], self.stop[rows])

    @classmethod
    def gather(cls, parts: Iterable[Parts]) -> Parts:
        """Put parts together."""
        none = np.empty(0, np.int64)
        columns = zip((none, none.astype(np.uint8), none, none), *parts, strict=True)
        return cls(*(np.concatenate(column) for column in columns))


def read_messages(buffer: Buffer, start: Int, stop: Int, shape: Shape) -> Iterator[Parts]:
    """Read the fields of messages, a part of the messages at a time.

    The messages lie between `start` and `stop`, int64 [m]. First the first field of each is read,
    then the second of each, and so on; what few messages have left is found another way.
    """
    for low in range(0, len(start), CHUNK):
        owner: Int = np.arange(low, min(low + CHUNK, len(start)))
        begin, end = start[owner], stop[owner]
        steps: list[Parts] = []
        while len(steps) < _MOST_STEPS:
            alive = begin < end
            if not alive.all():
                owner, begin, end = owner[alive], begin[alive], end[alive]
            if len(owner) < _FEWEST_MESSAGES:
                break
            steps.append(_read_fields(buffer, owner, begin, end, shape))
            begin = steps[-1].stop
        order = np.argsort(begin)
        owner, begin, end = owner[order], begin[order], end[order]
        offset = field_offsets(buffer, begin, end)
        check_count("too_many_fields", len(offset), MOST_FIELDS, buffer.source)
        place = np.searchsorted(begin, offset, "right") - 1
        steps.append(_read_fields(buffer, owner[place], offset, end[place], shape))
        yield Parts.gather(steps)


def _read_fields(buffer: Buffer, owner: Int, offset: Int, stop: Int, shape: Shape) -> Parts:
    parts = Parts(owner, *fields_at(buffer, offset, stop))
    malformed = parts.stop == MALFORMED
    if malformed.any():
        first = int(malformed.argmax())
        buffer.field_at(int(offset[first]), int(stop[first]))  # says what is wrong there
    shape.check(buffer, offset, parts.tag)
    return parts


class _Pieces(NamedTuple):
    """The pieces of all messages, in file order."""

    begin: Int  # [n], offsets where the pieces begin
    limit: Int  # [n], where they end: at the next piece or with the message
    stop: Int  # [n], where their messages end
    first: Int  # [m], the first piece of each message


def field_offsets(buffer: Buffer, start: Int, stop: Int) -> Int:
    """Find where the fields of messages begin: the offsets of all their tags, ascending.

    The messages lie between `start` and `stop`, int64 [m], ascending and without overlap. Time and
    memory grow with the number of fields.
    """
    if (stop - start).sum() < _SHORTEST_PIECE_BYTES:
        return _one_by_one(buffer, start, stop)
    filled = start < stop
    pieces = _cut(start[filled], stop[filled])
    passed, arrival = _follow(buffer, pieces, _guess(buffer, pieces))
    return _join(buffer, pieces, passed, arrival)


def _one_by_one(buffer: Buffer, start: Int, stop: Int) -> Int:
    """Do the same for so few bytes that columns would take longer."""
    spans = zip(start.tolist(), stop.tolist(), strict=True)
    offsets = [field.start for span in spans for field in buffer.fields(*span)]
    return np.array(offsets, np.int64)


def _cut(start: Int, stop: Int) -> _Pieces:
    """Cut messages into pieces: about as many as each has bytes, so neither costs too much.

    None of them is empty.
    """
    length = stop - start
    size = max(_SHORTEST_PIECE_BYTES, int(length.sum() ** 0.5))
    count = -(-length // size)
    first = np.cumsum(count) - count
    message = np.repeat(np.arange(len(start)), count)
    begin = start[message] + (np.arange(len(message)) - first[message]) * size
    return _Pieces(begin, np.minimum(begin + size, stop[message]), stop[message], first)


def _guess(buffer: Buffer, pieces: _Pieces) -> Int:
    """Choose where to begin in each piece: the first offset that looks like an event.

    The first piece of a message begins with the message. A piece where nothing does gets its begin.
    """
    guess: Int = pieces.begin.copy()
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


def _looks_like_event(buffer: Buffer, offset: Int, stop: Int) -> Bool:
    """Test for an event that begins with its metadata, and is followed by another or the end."""
    event = fields_at(buffer, offset, stop)
    inside = buffer.data.take(event.stop - event.value, mode="clip") == _FIRST_TAG_IN_EVENT
    behind = buffer.data.take(event.stop, mode="clip") == EVENT_TAG
    looks: Bool = inside & (behind | (event.stop == stop))
    looks &= event.stop != MALFORMED
    return looks


def _follow(buffer: Buffer, pieces: _Pieces, offset: Int) -> tuple[Int, Int]:
    """Follow all pieces' chains in step, each to the end of its piece or a malformed field.

    Returns the offsets passed, ascending, and where the chain of each piece arrived.
    """
    arrival = offset.copy()
    piece: Int = np.arange(len(offset))
    limit, stop = pieces.limit, pieces.stop
    steps = []
    while len(piece):
        after = _ends(buffer, offset, stop)
        good = after != MALFORMED
        if not good.all():
            piece, limit, stop = piece[good], limit[good], stop[good]
            offset, after = offset[good], after[good]
        steps.append(offset)
        arrival[piece] = offset = after
        inside = offset < limit
        if not inside.all():
            piece, limit, stop, offset = piece[inside], limit[inside], stop[inside], offset[inside]
    passed = np.concatenate(steps)
    passed.sort()
    return passed, arrival


def _ends(buffer: Buffer, offset: Int, stop: Int) -> Int:
    """Return where fields end, or `MALFORMED`; quick for events of less than 16 KiB."""
    word = buffer.words(offset)
    is_long = (word >> np.uint64(15)) & np.uint64(1)  # whether the length has a second byte
    size = (word >> np.uint64(8)) & np.uint64(0x7F)
    size += ((word >> np.uint64(9)) & np.uint64(0x3F80)) * is_long
    end: Int = offset + (size + is_long).view(np.int64)
    end += 2
    is_longer = (word >> np.uint64(16)) & (is_long << np.uint64(7))
    plain = (word.astype(np.uint8) == EVENT_TAG) & (is_longer == 0) & (end <= stop)
    if not plain.all():
        rare = np.flatnonzero(~plain)
        end[rare] = fields_at(buffer, offset[rare], stop[rare]).stop
    return end


def _join(buffer: Buffer, pieces: _Pieces, passed: Int, arrival: Int) -> Int:
    """Keep of the offsets those on the chains from the messages' starts, and add what lacks."""
    recorded, begins, arrivals = passed.data, pieces.begin.tolist(), arrival.tolist()
    ends = np.searchsorted(passed, pieces.limit).tolist()
    # Where among the passed ones each arrival is, or would be; and in which piece.
    next_index = np.searchsorted(passed, arrival).tolist()
    next_piece = (np.searchsorted(pieces.begin, arrival, "right") - 1).tolist()
    keep = np.zeros(len(passed), bool)
    lacking = array("q")
    messages = zip(pieces.first.tolist(), pieces.stop[pieces.first].tolist(), strict=True)
    for first, stop in messages:
        piece, offset = first, begins[first]
        index = bisect_left(recorded, offset)
        while offset < stop:
            if index < len(recorded) and recorded[index] == offset:
                keep[index : ends[piece]] = True
                offset, index, piece = arrivals[piece], next_index[piece], next_piece[piece]
            else:
                lacking.append(offset)
                offset = buffer.field_at(offset, stop).stop
                index, piece = bisect_left(recorded, offset), bisect_right(begins, offset) - 1
    offsets = passed if keep.all() else passed[keep]
    if lacking:
        offsets = np.concatenate([offsets, np.array(lacking, np.int64)])
        offsets.sort()
    return offsets
