"""Damaged traces by the thousand, through the whole path from bytes to a table of costs.

    python -m tests.xplane.fuzz --count 100000 --seed 1
    python -m tests.xplane.fuzz --count 3000 --real-bytes 300000 vm.xplane.pb

Each case changes a trace and reads it. Allowed are an `AlexProfError` of one line, or a table whose
books close. What is not: another exception, a warning of NumPy's, a case that takes long, memory
that grows with what a length claims. And a cut file must never give a table without a note: that
would be a step that looks faster than it was.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from alexprof.attribute import attribute, check_closure
from alexprof.errors import AlexProfError
from alexprof.runs.traces import trace_notes
from alexprof.xplane import granted_host_level, parse_trace
from tests.samples import EVERY, MARKERS
from tests.traces import Ref, Stats, TraceBuilder, Unsigned, integer, varint

MOST_SECONDS = 2.0  # of the processor
MOST_BYTES = 200_000_000  # above what the process had: 8 times the file and 100 MB

Steps = set[tuple[int, int]]
Change = Callable[[bytearray, random.Random, Sequence[bytes]], None]


def on_a_cpu() -> bytes:
    """Ops on two threads, regions of a pool, steps, aggregated events, all kinds of stats."""
    made = TraceBuilder(hosts=["vm"])
    made.plane("Task Environment", stats={"profile_options": integer(2, 3), "rate": 0.5})
    plane = made.plane("/host:CPU", id=1)
    python = plane.line("python", timestamp_ns=1_000, display_name="Python")
    ops = [plane.line(f"tf_Compute/{number}", timestamp_ns=1_000) for number in range(2)]
    pool = plane.line("tf_numa_-1_Eigen/7", timestamp_ns=1_000)
    for step in range(4):
        at = 1_000_000 + step * 1_000_000
        python.event("train", at, 900_000, {"step_num": step, "_r": 1})
        python.event("SessionRun", at + 10_000, 850_000)
        for number, line in enumerate(ops):
            line.event("conv1/Conv2D:Conv2D", at + 20_000, 300_000, {"u": Unsigned(1 << 63)})
            line.event("ThreadpoolListener::Record", at + 21_000, 0, {"_p": step * 9 + number})
            line.event("gradients/lrn1_grad/LRNGrad:LRNGrad", at + 400_000, 200_000 * (1 + number))
            given: Stats = {"_c": step * 9 + number}
            pool.event("ThreadpoolListener::StartRegion", at + 30_000 + number * 100_000, 0, given)
            pool.event("ThreadpoolListener::StopRegion", at + 90_000 + number * 100_000, 0)
    ops[0].aggregate("copy:Copy", 3, 12)
    return made.to_bytes()


def on_a_gpu() -> bytes:
    """A host with steps, kernels that name their ops in several ways, lines that repeat others."""
    made = TraceBuilder(hosts=["vm"])
    made.warning("2 events were dropped")
    host = made.plane("/host:CPU")
    python, compute = host.line("python"), host.line("tf_Compute/1")
    gpu = made.plane("/device:GPU:0", id=1, stats={"device": "H100", "clock": 1.5})
    gpu.describe("gemm", {"flops": 10, "hlo_op": Ref("fusion.3"), "hlo_module": "step"})
    streams = [gpu.line(f"Stream #{number}(Kernel)", id=number) for number in (7, 8)]
    gpu.line("Steps", id=-559038737).event("1", 0, 5_000_000)
    for step in range(3):
        at = step * 2_000_000
        python.event("step", at, 1_900_000, {"step_num": step})
        compute.event("a/MatMul:MatMul", at + 1_000, 100_000)
        for number, stream in enumerate(streams):
            stream.event("sgemm", at + 200_000, 700_000, {"tf_op": Ref("a/MatMul:MatMul")})
            stream.event("gemm", at + 950_000, 90_000, {"correlation_id": number})
            stream.event("MemcpyD2H", at + 1_200_000, 4_000, {"tf_op": "b:Mul"})
    made.plane("/device:TPU:0").line("ops").event("x", 0, 1)
    return made.to_bytes()


def without_steps() -> bytes:
    """Ops alone; clocks since 1970."""
    made = TraceBuilder()
    since_1970_ns = 1_795_507_761_120_590_000
    line = made.plane("/host:CPU").line("tf_Compute/1", timestamp_ns=since_1970_ns)
    for number in range(9):
        line.event(f"op{number}:Add", since_1970_ns * 1000 + number * 5_000, 4_000)
    return made.to_bytes()


def real(most_bytes: int) -> list[bytes]:
    """The samples that lie beside the repository, where there are any, up to a size.

    Without those whose steps are of several sorts, which are refused unless one is named.
    """
    files = [file for file in EVERY if file.stem not in MARKERS]
    return [file.read_bytes() for file in files if file.stat().st_size <= most_bytes]


def cut(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    del data[choice.randrange(len(data)) :]


def flip(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    data[choice.randrange(len(data))] ^= 1 << choice.randrange(8)


def put(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    data[choice.randrange(len(data))] = choice.choice((0, 8, 0x0A, 0x0B, 0x0C, 0x22, 0x80, 0xFF))


def insert(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    at = choice.randrange(len(data))
    huge = varint(choice.choice((1 << 63, (1 << 63) - 1, (1 << 64) - 1, 1 << 31)))
    small = choice.randbytes(choice.randint(1, 9))
    data[at:at] = choice.choice((huge, b"\x22" + huge, b"\x0b" * 40, b"\x22\x00" * 30, small))


def drop(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    at = choice.randrange(len(data))
    del data[at : at + choice.randint(1, 16)]


def relength(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    """Change what may be the length of a plane, line, event or stat."""
    tags = [at for at, byte in enumerate(data[:-1]) if byte in b"\x0a\x12\x1a\x22\x2a"]
    if tags:
        data[choice.choice(tags) + 1] = choice.choice((0, 1, 5, 0x7F, choice.randrange(256)))


def nudge(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    at = choice.randrange(len(data))
    data[at] = (data[at] + choice.choice((-2, -1, 1, 2))) & 0xFF


def splice(data: bytearray, choice: random.Random, others: Sequence[bytes]) -> None:
    other = choice.choice(others)
    begin = choice.randrange(len(other))
    piece = other[begin : begin + choice.randint(1, 200)]
    at = choice.randrange(len(data))
    data[at : at + choice.choice((0, len(piece)))] = piece


def double(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    begin = choice.randrange(len(data))
    piece = data[begin : begin + choice.randint(1, 300)]
    at = choice.choice((begin, choice.randrange(len(data))))
    data[at:at] = piece


def swap(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    a, b, c = sorted(choice.randrange(len(data) + 1) for _ in range(3))
    data[a:c] = data[b:c] + data[a:b]


def zero(data: bytearray, choice: random.Random, _: Sequence[bytes]) -> None:
    """A page that was never written."""
    at = choice.randrange(len(data))
    size = min(choice.choice((16, 64, 512)), len(data) - at)
    data[at : at + size] = bytes(size)


CHANGES: tuple[Change, ...] = (
    cut,
    flip,
    flip,
    put,
    insert,
    drop,
    relength,
    relength,
    nudge,
    splice,
    double,
    swap,
    zero,
)


def read(data: bytes) -> tuple[str, Steps]:
    """Take bytes the whole way; what came of it, and number and length of each step."""
    try:
        trace = parse_trace(data)
        result = attribute(trace)
        notes = trace_notes(trace, granted_host_level(trace))
    except AlexProfError as error:
        said = str(error)
        assert said.startswith("<bytes>"), said
        assert "\n" not in said, said
        return "error", set()
    check_closure(result.costs)
    assert int(result.costs["share_ns"].min()) >= 0  # type: ignore[arg-type]
    assert (result.steps["wall_ns"] > 0).all()
    assert len(trace.damage) < 20
    assert all("\n" not in sentence for sentence in trace.damage)
    assert set(notes) >= {f"the trace is damaged: {sentence}" for sentence in trace.damage}
    steps = set(result.steps.select("step", "wall_ns").iter_rows())
    return "partial" if trace.damage else "whole", steps


def changed(seeds: Sequence[bytes], choice: random.Random) -> tuple[bytes, int | None]:
    """A damaged trace; and, if all that was done to it was a cut, which seed it was."""
    place = choice.randrange(len(seeds))
    data = bytearray(seeds[place])
    changes = choice.choices(CHANGES, k=choice.choice((1, 1, 1, 1, 2, 5)))
    for change in changes:
        if data:
            change(data, choice, seeds)
    return bytes(data), place if changes == [cut] else None


def run(count: int, seed: int, seeds: Sequence[bytes]) -> Counter[str]:
    """Read many damaged traces.

    Args:
        count: How many.
        seed: Which; case i of a seed is the same whatever the count.
        seeds: Whole traces.

    Returns:
        How often each outcome came: "error", "partial", "whole" (the damage hit no framing).

    Raises:
        AssertionError: A case broke a promise; its bytes are in the message, in hexadecimal.
    """
    outcomes: Counter[str] = Counter()
    wholes = [read(whole) for whole in seeds]
    assert {outcome for outcome, _ in wholes} == {"whole"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(count):
            data, cut_from = changed(seeds, random.Random(f"{seed} {number}"))
            start, before = time.process_time(), _peak()
            try:
                outcome, steps = read(data)
                if cut_from is not None:
                    assert outcome != "whole", "a cut trace that looks whole"
                    assert steps <= wholes[cut_from][1], "a cut trace with other steps"
                assert time.process_time() - start < MOST_SECONDS, "it took too long"
                assert _peak() - before < MOST_BYTES, "it took too much memory"
            except Exception as error:
                where = f"case {number} of seed {seed}"
                raise AssertionError(f"{where}: {error!r}\n{data.hex()}") from error
            outcomes[outcome] += 1
    return outcomes


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    """Run as many as asked for, and say what came of them."""
    parser = argparse.ArgumentParser(description="Reads damaged traces.")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real-bytes", type=int, default=0, help="take samples up to this size")
    parser.add_argument("traces", nargs="*", type=Path, help="further traces to damage")
    asked = parser.parse_args()
    seeds = [on_a_cpu(), on_a_gpu(), without_steps(), *real(asked.real_bytes)]
    seeds += [file.read_bytes() for file in asked.traces]
    start = time.perf_counter()
    try:
        outcomes = run(asked.count, asked.seed, seeds)
    except AssertionError:
        traceback.print_exc()
        return 1
    took = time.perf_counter() - start
    print(f"{asked.count} cases of {len(seeds)} seeds in {took:.0f} s:", dict(outcomes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
