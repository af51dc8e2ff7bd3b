"""Bytes changed as disks and cut transfers change them; messages changed as an enemy would."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from tests.traces import tag, varint

Change = Callable[[bytearray, random.Random], None]
NUMBERS = (0, 1, 127, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """One to four changes of some bytes."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if data:
            chance.choice(CHANGES)(data, chance)
    return bytes(data)


def changed_message(content: bytes, chance: random.Random) -> bytes:
    """A protobuf message with another value, or a field twice or less, somewhere in its depth.

    All lengths around the change are right, so that a parser reads on behind it.
    """
    fields = _fields(content)
    if not fields:
        return content
    at = chance.randrange(len(fields))
    field = fields[at]
    if field.wire_type == 2 and field.body and chance.random() < 0.9 and _fields(field.body):
        new = _encoded(field, changed_message(field.body, chance))
    else:
        new = _changed(field, chance)
    start = sum(len(other.whole) for other in fields[:at])
    return content[:start] + new + content[start + len(field.whole) :]


class _Field(NamedTuple):
    number: int
    wire_type: int
    body: bytes  # of a number its bytes
    whole: bytes


def _changed(field: _Field, chance: random.Random) -> bytes:
    how = chance.choice(("value", "value", "value", "gone", "twice", "number"))
    if how == "gone":
        return b""
    if how == "twice":
        return field.whole * 2
    if how == "number":
        return tag(chance.choice((1, 2, 3, 4, 5, 6, 7)), field.wire_type) + field.whole[1:]
    if field.wire_type == 0:
        return tag(field.number, 0) + varint(chance.choice((*NUMBERS, chance.getrandbits(40))))
    if field.wire_type == 2:
        body = chance.choice((b"", field.body * 2, chance.randbytes(8), field.body[::-1]))
        return _encoded(field, body)
    return field.whole[:1] + chance.randbytes(len(field.whole) - 1)


def _encoded(field: _Field, body: bytes) -> bytes:
    return tag(field.number, 2) + varint(len(body)) + body


def _fields(content: bytes) -> list[_Field]:
    """The fields of a message; none where it is no message."""
    fields, at = [], 0
    while at < len(content):
        begin = at
        key, at = _number(content, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            body_at, (_, at) = at, _number(content, at)
        elif wire_type == 2:
            size, body_at = _number(content, at)
            at = body_at + size
        elif wire_type in (1, 5):
            body_at, at = at, at + (8 if wire_type == 1 else 4)
        else:
            return []
        if at > len(content) or not number:
            return []
        fields.append(_Field(number, wire_type, content[body_at:at], content[begin:at]))
    return fields


def _number(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(content):
        value |= (content[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if content[at - 1] < 0x80:
            return value, at
    return value, len(content) + 1


def _flip(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] = chance.choice((0, 0x0B, 0x22, 0x7F, 0x80, 0xFF))


def _delete(data: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(data))
    del data[begin : begin + chance.choice((1, 2, 8, 100, 5000))]


def _insert(data: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(data))
    data[begin:begin] = chance.choice((b"\xff" * 9 + b"\x01", b"\x00" * 64, chance.randbytes(5)))


def _repeat(data: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(data))
    data[begin:begin] = data[begin : begin + chance.choice((3, 50, 2000))]


def _zero(data: bytearray, chance: random.Random) -> None:
    begin = chance.randrange(len(data))
    end = min(begin + chance.choice((4, 512, 4096)), len(data))
    data[begin:end] = bytes(end - begin)


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


CHANGES: tuple[Change, ...] = (_flip, _flip, _set, _delete, _insert, _repeat, _zero, _cut)
