"""More hostile traces: products of a file's parts, colliding numbers, patterns that backtrack.

All are smaller than a megabyte: the work is large because every part combines with every other.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.stress import hostile
from benchmarks.stress.hostile import STEP_PS, Hostile, fusion, host_steps, kernels, with_program
from tests.hlo import computation, instruction, keep, module
from tests.traces import Ref, Stats, TraceBuilder, Unsigned, integer, message, text

_LONGEST = 4_000  # bytes of the longest name that is read as a path of scopes
_MOST = (1 << 64) - 1


def traces() -> Hostile:
    """All hostile traces."""
    yield from hostile.traces()
    for make in (_launches, _planes, _fusions, _buffers, _patterns, _spans, _named, _ids, _rest):
        yield from make()


def ordinary() -> bytes:
    """Steps of a host and a GPU, with XLA: nothing hostile."""
    trace = TraceBuilder()
    host_steps(trace)
    stats: Stats = {"hlo_op": "fusion.1", "hlo_module": "f", "program_id": 7}
    details: Stats = {"kernel_details": "regs:32 grid:1,1,1 block:8,1,1", "tf_op": Ref("a:Add")}
    kernels(trace, [("k", stats), ("gemm", details), ("k", {"tf_op": "conv1/Conv2D:Conv2D"})])
    keep(trace, {7: ("f", module("f", [computation(1, [fusion(1, [])])]))})
    return trace.to_bytes()


def launched(
    streams: Sequence[int], numbers: Sequence[int], took_ps: int, *, apart_ps: int = 10_000
) -> bytes:
    """One step that launches a kernel on each stream, by calls with the given numbers."""
    trace = TraceBuilder()
    plane = host_steps(trace, 1)
    python = plane.lines[0]
    device = trace.plane("/device:GPU:0", id=10)
    lines = {stream: device.line("", id=stream) for stream in dict.fromkeys(streams)}
    for at, (stream, number) in enumerate(zip(streams, numbers, strict=True)):
        python.event("l", at * apart_ps, 5, {"correlation_id": number})
        stats: Stats = {"correlation_id": number, "tf_op": Ref("a:Add")}
        lines[stream].event("k", at * apart_ps + 100, took_ps, stats)
    return trace.to_bytes()


def _launches() -> Hostile:
    """Launches that each have their own stream, or run all at once, or share one number."""
    count = 13_000
    every = range(1, count)
    yield "launches: streams", launched(every, every, 10)
    yield "launches: one stream, all at once", launched([7] * len(every), every, STEP_PS)
    yield "launches: one number", launched([7] * len(every), [1] * len(every), 10)
    yield "launches: one stream", launched([7] * len(every), every, 10)
    yield "launches: few streams, long", launched([at % 50 for at in every], every, STEP_PS // 2)
    trace = TraceBuilder()
    host_steps(trace)
    scopes = {"scope_range_id": 1, "group_id": 1, "correlation_id": 1, "cuda_graph_id": 1}
    kernels(trace, [("k", scopes)] * 20_000)
    yield "launches: one graph, one scope", trace.to_bytes()


def _planes() -> Hostile:
    """The same plane, many times."""
    for name in ("/host:CPU", "/device:GPU:0"):
        trace = TraceBuilder()
        host_steps(trace)
        single = TraceBuilder()
        line = single.plane(name, id=3).line("tf_Compute/1", id=3)
        for number in range(40):
            line.event("a:Add", number * 100, 90, {"correlation_id": number + 1})
        yield f"planes: 290 times {name}", trace.to_bytes() + single.to_bytes() * 290


def fused(count: int) -> bytes:
    """A program of `count` fusions that all call one computation of `count` instructions."""
    parts = [instruction(at, "", "add", f"f/{at % 100}/add") for at in range(1, count)]
    # The first gives no origin, so the operands of all are searched.
    callers = [instruction(0, "fusion.1", "copy")]
    callers += [instruction(at, f"fusion.{at}", "fusion", called=[1]) for at in range(2, count)]
    return with_program(module("f", [computation(1, parts), computation(2, callers)]))


def _fusions() -> Hostile:
    """Fusions that all call one large computation, or whose operands are all parameters."""
    yield "programs: all fusions call one", fused(9_000)
    parameters = [instruction(at, "", "parameter", parameter=at) for at in range(1, 9_000)]
    wide = [instruction(0, "fusion.1", "copy")]
    wide += [
        instruction(at, f"fusion.{at}", "fusion", operands=range(1, 9_000), called=[1])
        for at in range(9_001, 9_020)
    ]
    yield (
        "programs: operands and parameters",
        with_program(module("f", [computation(1, parameters), computation(2, wide)])),
    )
    trace = TraceBuilder()
    host_steps(trace)
    keep(trace, {number: (f"m{number % 7}", b"\x0a\x00") for number in range(1, 9_000)})
    kernels(trace, [("k", {"hlo_op": f"f.{at}", "hlo_module": f"m{at}"}) for at in range(9_000)])
    yield "programs: modules without numbers", trace.to_bytes()


def _buffers() -> Hostile:
    """Command buffers: kernels that no schedule lists, or launches that all differ."""
    schedule = [instruction(at, f"fusion.{at}", "fusion") for at in range(1, 8_000)]
    main = message(3, computation(1, schedule))
    program = message(1, text(1, "f") + main + integer(6, 1))
    for name, launches in ("one", 1), ("many", 8_000):
        trace = TraceBuilder()
        host_steps(trace)
        device = trace.plane("/device:GPU:0", id=10)
        stats: Stats = {"hlo_op": "command_buffer", "hlo_module": "f", "program_id": 7}
        line = device.line("Stream #7")
        for at in range(8_000):
            number = 1 + at % launches
            line.event(f"k{at}", 2_000_000 + at * 20, 10, {**stats, "correlation_id": number})
        keep(trace, {7: ("f", program)})
        yield f"buffers: {name}", trace.to_bytes()


def _patterns() -> Hostile:
    """Names on which a pattern would backtrack again and again: a long one, and many of 4 kB."""
    for name, part, end in (
        ("types", "a:A;", "\nx"),
        ("iterators", "a:" + "Iterator", ">"),
        ("datasets", "Dataset", ">"),
        ("rewrites", "a-0-", "x"),
        ("ends", "_arg_1", "x"),
        ("parentheses", "jit(", ")"),
        ("slashes", "/", "/"),
        ("scopes", "s/", "Add"),
        ("gradients", "gradients/s_grad/", "Add"),
        ("bodies", "while/body/_1/", "Add"),
        ("modules", "a__XlaA\n", "x"),
        ("kernels", "xmma_f16f16_", "x"),
        ("details", "grid:1,1,1 ", "x"),
    ):
        trace = TraceBuilder()
        plane = host_steps(trace)
        size = _LONGEST // len(part)
        texts = [f"jit(n{at})/{part * size}{end}" for at in range(50)]
        texts += [f"n{at}/{part * size}{end}" for at in range(50)]
        texts += [part * (400_000 // len(part)) + end]
        for at, value in enumerate(texts):
            plane.lines[1].event(f"{value}:Conv2D", 5_000_000 + at, 1)
        kernels(
            trace,
            [(value, {"tf_op": f"x{value}", "kernel_details": value}) for value in texts[::25]],
        )
        yield f"patterns: {name}", trace.to_bytes()


def lasting(threads: int, steps: int) -> bytes:
    """One event on each thread that lasts for all steps."""
    trace = TraceBuilder()
    plane = host_steps(trace, 1)
    for at in range(steps):
        plane.lines[0].event("train", STEP_PS + at * 100_000, 90_000, {"step_num": at})
    for number in range(threads):
        plane.line("tf_Compute/9").event("a:Add", STEP_PS + number, steps * 100_000)
    return trace.to_bytes()


def _spans() -> Hostile:
    """Events that last for all steps, and steps or events that all coincide."""
    for name, threads, steps in (
        ("threads and steps", 5_000, 20_000),
        ("few threads", 100, 40_000),
    ):
        yield f"spans: {name}", lasting(threads, steps)
    trace = TraceBuilder()
    plane = host_steps(trace, 1)
    for at in range(30_000):
        plane.lines[0].event("train", 0, STEP_PS, {"step_num": at})
    yield "spans: steps at one time", trace.to_bytes()
    trace = TraceBuilder()
    line = host_steps(trace, 1).lines[1]
    for _ in range(60_000):
        line.event("a:Add", 5_000_000, 1000)
    yield "spans: events at one time", trace.to_bytes()
    trace = TraceBuilder()
    plane = host_steps(trace, 1)
    pool = plane.line("tf_numa_-1_Eigen/1")
    for number in range(3_000):
        plane.line("tf_Compute/9").event("a:Add", number, STEP_PS)
        plane.lines[-1].event(
            "ThreadpoolListener::Record", 5000 + number, 1, {"_pt": 4, "_p": number}
        )
        begin_ps = 10_000 + 300_000 * number
        pool.event("ThreadpoolListener::StartRegion", begin_ps, 0, {"_ct": 4, "_c": number})
        pool.event("ThreadpoolListener::StopRegion", begin_ps + 1000, 0)
    yield "spans: an op at once and its regions", trace.to_bytes()


def marked(names: Sequence[str]) -> bytes:
    """Steps of one op each, with the given names."""
    trace = TraceBuilder()
    plane = host_steps(trace, 1)
    for at, name in enumerate(names):
        plane.lines[0].event(name, STEP_PS + at * 10_000, 9_000, {"step_num": at})
        plane.lines[1].event("a:Add", STEP_PS + at * 10_000, 5_000)
    return trace.to_bytes()


def _named() -> Hostile:
    """Steps with many names, with one long name, and with names that look alike."""
    for name, steps in (
        ("3000", [f"kind {at}" for at in range(3_000)]),
        ("alike", ["a" + "\ufffd" * (at // 9 + 1) + " " * (at % 9) for at in range(300)]),
        ("one long name", ["m" * 400_000] * 10_000),
        ("20000 names", [f"{at}" for at in range(20_000)]),
    ):
        yield f"step names: {name}", marked(steps)


def _ids() -> Hostile:
    """Ids at the limits of their type, and ids that many share."""
    trace = TraceBuilder()
    plane = host_steps(trace)
    plane.number("odd:Add", -1)
    ids = {"correlation_id": Unsigned(_MOST), "step_num": Unsigned(_MOST)}
    for line in plane.lines:
        line.event("odd:Add", 5_000_000, 10, ids)
    plane.lines[0].event("train", 10 * STEP_PS, STEP_PS, {"step_num": -(1 << 63)})
    kernels(trace, [("k", {name: Unsigned(_MOST) for name in hostile.STATS})])
    yield "ids: the largest", trace.to_bytes()
    trace = TraceBuilder()
    plane = host_steps(trace)
    for _ in range(15_000):
        plane.line("tf_Compute/1", id=7).event("a:Add", 10, 10)
        plane.lines[-1].event("b:Add", 15, 10)
    yield "ids: lines", trace.to_bytes()
    trace = TraceBuilder()
    host_steps(trace)
    entry = message(5, integer(1, 9) + message(2, integer(1, 9) + text(2, "step_num")))
    yield "ids: a stat named 40000 times", trace.to_bytes() + message(1, entry * 40_000)


def _rest() -> Hostile:
    """Many empty messages, and very many steps."""
    trace = TraceBuilder()
    host_steps(trace)
    for name, field in (
        ("events", message(3, message(4, b"") * 400_000)),
        ("lines", message(3, b"") * 400_000),
        ("names", message(4, b"") * 400_000),
        ("stats", message(6, b"") * 400_000),
        ("stats of an event", message(3, message(4, message(4, b"") * 400_000))),
    ):
        yield f"empty: {name}", trace.to_bytes() + message(1, text(2, "/host:CPU") + field)
    trace = TraceBuilder()
    line = host_steps(trace, 1).lines[0]
    for at in range(40_000):
        line.event("train", at * 1_000_000_000_000, 900_000_000_000, {"step_num": at})
    yield "steps: 40000, nearly all without ops", trace.to_bytes()
    calls = [fusion(at, [at + 1]) for at in range(1, 5_000)]
    programs = [computation(at, [call]) for at, call in enumerate(calls, 1)]
    yield "programs: a chain of 5000", with_program(module("f", programs))
