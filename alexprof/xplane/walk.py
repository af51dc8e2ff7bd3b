"""Through many messages in step: the first field of each, the second field of each, and so on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from alexprof.xplane.chain import field_offsets
from alexprof.xplane.fields import MALFORMED, Fields, fields_at
from alexprof.xplane.schema import Shape
from alexprof.xplane.wire import Buffer, Int

# Steps for few messages would cost as much as those for many, and long messages would take many:
# what is left then is found another way.
_FEWEST_MESSAGES = 64
_MOST_STEPS = 64
_BATCH = 1 << 16


class FieldStep(NamedTuple):
    """A field from each of several messages; see `Fields`."""

    # [n], which message. A message may stand here several times, in file order.
    lane: Int
    fields: Fields  # its field

    def of(self, *tags: int) -> tuple[Int, Fields]:
        """Return the part with any of these tags, as messages and fields."""
        hit = self.fields.tag == tags[0]
        for tag in tags[1:]:
            hit |= self.fields.tag == tag
        if hit.all():
            return self.lane, self.fields
        return self.lane[hit], Fields(*(column[hit] for column in self.fields))


class Bodies(NamedTuple):
    """Messages inside other messages, those of each in file order."""

    owner: Int  # [n], which message each is part of
    start: Int  # [n], where its content begins
    stop: Int  # [n], where it ends

    @classmethod
    def gather(cls, parts: Iterable[Bodies]) -> Bodies:
        """Put the bodies of several steps together."""
        nothing = np.empty(0, np.int64)
        columns = zip((nothing, nothing, nothing), *parts, strict=True)
        return cls(*(np.concatenate(column) for column in columns))


def bodies_of(step: FieldStep, tag: int) -> Bodies:
    """Return the messages with a tag in a step of a walk."""
    lane, fields = step.of(tag)
    return Bodies(lane, fields.stop - fields.value, fields.stop)


def walk(buffer: Buffer, start: Int, stop: Int, shape: Shape) -> Iterator[FieldStep]:
    """Go through the fields of many messages in step, each message's own in file order.

    The messages lie between `start` and `stop`, int64 [n].
    """
    lane: Int = np.arange(len(start))
    for _ in range(_MOST_STEPS):
        alive = start < stop
        if not alive.all():
            lane, start, stop = lane[alive], start[alive], stop[alive]
        if len(lane) < _FEWEST_MESSAGES:
            break
        fields = fields_at(buffer, start, stop)
        malformed = fields.stop == MALFORMED
        if malformed.any():
            first = int(malformed.argmax())
            buffer.field_at(int(start[first]), int(stop[first]))  # says what is wrong there
            raise AssertionError("columns and single fields disagree")
        shape.check(buffer, start, fields.tag)
        yield FieldStep(lane, fields)
        start = fields.stop
    yield from _rest(buffer, Bodies(lane, start, stop), shape)


def _rest(buffer: Buffer, left: Bodies, shape: Shape) -> Iterator[FieldStep]:
    """Go through what some messages have left, in batches and not in step."""
    order = np.argsort(left.start)
    lane, start, stop = (column[order] for column in left)
    offset = field_offsets(buffer, start, stop)
    for low in range(0, len(offset), _BATCH):
        part = offset[low : low + _BATCH]
        owner = np.searchsorted(start, part, "right") - 1
        fields = fields_at(buffer, part, stop[owner])
        shape.check(buffer, part, fields.tag)
        yield FieldStep(lane[owner], fields)
