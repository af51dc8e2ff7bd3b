"""Files that were cut or changed: a plain error or a trace, nothing else."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable

import pytest

from alexprof.errors import TraceError
from alexprof.xplane import chain, granted_host_level, parse_trace
from tests.traces import Ref, Stats, TraceBuilder, Unsigned, integer

MUTATIONS = 2_000
HUGE = b"\xff" * 8 + b"\x7f"  # as a length 2**63 - 1


def sample() -> bytes:
    made = TraceBuilder(hosts=["vm"])
    made.warning("lost")
    made.plane("Task Environment", stats={"profile_options": integer(2, 3), "rate": 0.5})
    plane = made.plane("/host:CPU", id=1)
    plane.describe("conv1:Conv2D", {"flops": 10, "category": Ref("conv")})
    for number in range(2):
        line = plane.line(f"tf_Compute/{number}", timestamp_ns=1_000, display_name=f"T{number}")
        for step in range(5):
            stats: Stats = {
                "step_num": step,
                "text": '"' * step,
                "ref": Ref("r"),
                "u": Unsigned(1 << 63),
            }
            line.event("conv1:Conv2D", step * 1_000_000, 900, stats)
        line.aggregate("copy", 3, 12, {"rate": 1.5})
    return made.to_bytes()


def cut(data: bytearray, choice: random.Random) -> None:
    del data[choice.randrange(len(data)) :]


def flip(data: bytearray, choice: random.Random) -> None:
    data[choice.randrange(len(data))] ^= 1 << choice.randrange(8)


def put(data: bytearray, choice: random.Random) -> None:
    data[choice.randrange(len(data))] = choice.choice((0, 0x0B, 0x0C, 0x22, 0x80, 0xFF))


def drop(data: bytearray, choice: random.Random) -> None:
    at = choice.randrange(len(data))
    del data[at : at + choice.randint(1, 8)]


def insert(data: bytearray, choice: random.Random) -> None:
    at = choice.randrange(len(data))
    data[at:at] = choice.choice((HUGE, b"\x22" + HUGE, b"\x0b" * 40, choice.randbytes(5)))


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    cut,
    flip,
    flip,
    put,
    drop,
    insert,
)


def read_all(data: bytes) -> int:
    trace = parse_trace(data)
    granted_host_level(trace)
    for plane in trace.planes:
        events = plane.events()
        events.ints("step_num")
        events.strings("text")
    return len(trace.planes)


@pytest.mark.parametrize("shortest_piece", [24, 1024])
def test_damaged_traces_are_refused_in_one_line_or_read(
    shortest_piece: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(chain, "_SHORTEST_PIECE_BYTES", shortest_piece)
    choice, whole = random.Random(shortest_piece), sample()
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(MUTATIONS // 2):
            data = bytearray(whole)
            for damage in choice.choices(DAMAGES, k=choice.choice((1, 1, 1, 4))):
                if data:
                    damage(data, choice)
            try:
                read_all(bytes(data))
            except TraceError as error:
                refused += 1
                assert str(error).startswith("<bytes>")  # noqa: PT017
                assert "\n" not in str(error)  # noqa: PT017
    assert 0.3 < refused / (MUTATIONS // 2) < 0.95


def test_a_trace_cut_anywhere_is_refused_unless_between_its_own_fields():
    made = TraceBuilder()
    made.plane("/host:CPU").line("tf_Compute/1").event("conv1:Conv2D", 0, 5, {"step_num": 1})
    made.plane("/device:GPU:0")
    whole = made.to_bytes()
    read = [size for size in range(1, len(whole) + 1) if is_read(whole[:size])]
    assert len(read) == 3  # after each plane and after the host


def is_read(data: bytes) -> bool:
    try:
        return bool(read_all(data))
    except TraceError:
        return False
