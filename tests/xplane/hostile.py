"""Files that are small and want much: memory and time to read them, in a process of its own.

python -m tests.xplane.hostile 20000000        each kind at 20 MB, with peak memory and seconds
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.traces import BYTES, integer, message, tag, text, varint

NAMES = message(4, integer(1, 1) + message(2, integer(1, 1) + text(2, "conv1:Conv2D")))
NAMES += message(5, integer(1, 1) + message(2, integer(1, 1) + text(2, "tf_op")))
NAMES += message(5, integer(1, 2) + message(2, integer(1, 2) + text(2, "step_num")))
HEAD = integer(1, 1) + text(2, "tf_Compute/1") + integer(3, 5)
TIMES = integer(1, 1) + integer(2, 0) + integer(3, 1)


def plane(body: bytes) -> bytes:
    return message(1, integer(1, 1) + text(2, "/host:CPU") + body + NAMES) + text(4, "vm")


def line(body: bytes) -> bytes:
    return plane(message(3, HEAD + body))


def repeat(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))


def numbered(make: Callable[[int], bytes], size: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    while total < size:
        parts.append(make(len(parts)))
        total += len(parts[-1])
    return b"".join(parts)


def entry(field: int, key: int, name: str) -> bytes:
    return message(field, integer(1, key) + message(2, text(2, name)))


def three(number: int) -> str:
    return "".join(chr(33 + number // 94**place % 94) for place in range(4))


def deep(size: int) -> bytes:
    body = b""
    while len(body) < min(size, 200_000):
        body = message(4, body)
    return line(body * (size // len(body)))


KINDS: dict[str, Callable[[int], bytes]] = {
    "2-byte events": lambda size: line(repeat(b"\x22\x00", size)),
    "4-byte events": lambda size: line(repeat(b"\x22\x02\x08\x01", size)),
    "the shortest events": lambda size: line(repeat(message(4, TIMES), size)),
    "events for many": lambda size: line(
        repeat(message(4, integer(1, 1) + integer(5, 2) + integer(3, 1)), size)
    ),
    "events in many lines": lambda size: plane(
        repeat(message(3, HEAD + message(4, TIMES) * 20), size)
    ),
    "2-byte lines": lambda size: plane(repeat(b"\x1a\x00", size)),
    "short lines": lambda size: plane(repeat(message(3, HEAD), size)),
    "lines of one field": lambda size: plane(repeat(b"\x1a\x02\x08\x01", size)),
    "2-byte planes": lambda size: repeat(b"\x0a\x00", size) + text(4, "vm"),
    "short planes": lambda size: repeat(message(1, text(2, "/host:CPU")), size) + text(4, "vm"),
    "2-byte texts": lambda size: repeat(b"\x12\x00", size) + plane(b""),
    "short texts": lambda size: repeat(b"\x12\x02hi", size) + plane(b""),
    "2-byte event names": lambda size: line(message(4, TIMES)) + plane(repeat(b"\x22\x00", size)),
    "2-byte stat names": lambda size: plane(repeat(b"\x2a\x00", size)),
    "short event names": lambda size: (
        line(message(4, TIMES) * 9)
        + plane(message(3, HEAD + message(4, TIMES)) + numbered(lambda n: entry(4, n, ""), size))
    ),
    "short stat names": lambda size: plane(
        message(3, HEAD + message(4, TIMES)) + numbered(lambda n: entry(5, n, three(n)), size)
    ),
    "event names with 2-byte stats": lambda size: plane(
        message(3, HEAD + message(4, TIMES))
        + message(4, integer(1, 1) + message(2, repeat(b"\x2a\x00", size)))
    ),
    "a million names": lambda size: plane(
        message(
            3, HEAD + numbered(lambda n: message(4, integer(1, n) + integer(2, n * 9)), size // 4)
        )
        + numbered(lambda n: entry(4, n, f"scope/op{n}:MatMul"), size * 3 // 4)
    ),
    "long names": lambda size: plane(
        message(3, HEAD + numbered(lambda n: message(4, integer(1, n) + integer(2, n)), 20_000))
        + numbered(lambda n: entry(4, n, f"op{n}" * 99 + ":MatMul"), size)
    ),
    "ids far apart": lambda size: plane(
        message(3, HEAD + message(4, TIMES))
        + numbered(lambda n: entry(4, (n * 7919 << 40) - (1 << 62), "x"), size)
    ),
    "a million stats": lambda size: line(
        message(4, TIMES + repeat(message(4, integer(1, 1) + integer(4, 5)), size))
    ),
    "4-byte stats": lambda size: line(message(4, TIMES + repeat(message(4, integer(7, 1)), size))),
    "2-byte stats": lambda size: line(message(4, TIMES + repeat(b"\x22\x00", size))),
    "2-byte stats in many events": lambda size: line(
        repeat(message(4, TIMES + b"\x22\x00" * 50), size)
    ),
    "texts in stats": lambda size: line(
        numbered(lambda n: message(4, TIMES + message(4, integer(1, 1) + text(5, three(n)))), size)
    ),
    "equal texts in stats": lambda size: line(
        repeat(message(4, TIMES + message(4, integer(1, 1) + text(5, "a"))), size)
    ),
    "numbers in stats": lambda size: line(
        numbered(lambda n: message(4, TIMES + message(4, integer(1, 1) + integer(4, n))), size)
    ),
    "stats of unknown ids": lambda size: line(
        numbered(lambda n: message(4, TIMES + message(4, integer(1, 9) + integer(4, n))), size)
    ),
    "events of different layouts": lambda size: line(
        numbered(lambda n: message(4, TIMES + message(4, integer(1, n) + integer(4, 5))), size)
    ),
    "stats of planes": lambda size: plane(repeat(message(6, integer(1, 1) + integer(4, 9)), size)),
    "groups": lambda size: repeat(b"\x0b", size // 2) + repeat(b"\x0c", size // 2),
    "groups in a line": lambda size: line(repeat(b"\x0b", size // 2) + repeat(b"\x0c", size // 2)),
    "groups in an event": lambda size: line(message(4, repeat(b"\x0b", size))),
    "messages in messages": deep,
    "huge numbers": lambda size: line(
        repeat(message(4, b"\x08" + b"\xff" * 9 + b"\x01" + b"\x10" + b"\xff" * 9 + b"\x01"), size)
    ),
    "lengths of 2**63": lambda size: plane(repeat(b"\x1a" + b"\xff" * 9 + b"\x01", size)),
    "unknown fields": lambda size: repeat(tag(9, BYTES) + varint(0), size),
    "unknown fields in planes": lambda size: plane(repeat(tag(9, BYTES) + varint(0), size)),
    "unknown fields in lines": lambda size: line(repeat(integer(12, 7), size)),
    "unknown fields in events": lambda size: line(
        repeat(message(4, TIMES + integer(9, 1) * 500), size)
    ),
    "zeros": bytes,
    "a text with one odd letter": lambda size: text(2, "a" * size + "\U0001f600") + plane(b""),
}
"""Makes a file of about so many bytes, by what there is too much of."""

# A child's ru_maxrss begins with what its parent had, so the high-water mark is read in /proc.
_READ = """
import json, sys, time
import numpy
from alexprof.errors import TraceError
from alexprof.xplane import granted_host_level, read_trace
def most():
    with open("/proc/self/status") as status:
        return next(int(row.split()[1]) << 10 for row in status if row.startswith("VmHWM"))
before = most()
start, said = time.perf_counter(), ""
try:
    trace = read_trace(sys.argv[1])
    for plane in trace.planes:
        events = plane.events()
        events.ints("step_num")
        events.strings("tf_op")
        events.names
    said = str(trace.damage)
except TraceError as error:
    said = str(error)
took = time.perf_counter() - start
print(json.dumps([most() - before, took, said]))
"""


def cost(data: bytes, folder: Path) -> tuple[int, float, str]:
    """Read a file in a process of its own: peak bytes above its own, seconds, and what was said."""
    path = folder / "hostile.xplane.pb"
    path.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _READ, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    peak, took, said = json.loads(done.stdout)
    return peak, took, said


def main() -> None:
    size = int(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        for kind, make in KINDS.items():
            if len(sys.argv) > 2 and not kind.startswith(sys.argv[2]):
                continue
            data = make(size)
            peak, took, said = cost(data, Path(folder))
            allowed = 8 * len(data) + 100_000_000
            mark = "!!" if peak > allowed else "  "
            print(
                f"{mark}{kind:32}{len(data) / 1e6:6.1f} MB {peak / 1e6:7.0f} MB of "
                f"{allowed / 1e6:.0f}  {took:6.2f} s  {said[said.find('byte') :][:70]}",
                flush=True,
            )


if __name__ == "__main__":
    main()
