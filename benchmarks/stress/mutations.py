"""Bytes changed as disks and cut transfers change them, and as an enemy would."""

from __future__ import annotations

import random
from collections.abc import Callable

Change = Callable[[bytearray, random.Random], None]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """One to four changes of some bytes."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if data:
            chance.choice(CHANGES)(data, chance)
    return bytes(data)


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
