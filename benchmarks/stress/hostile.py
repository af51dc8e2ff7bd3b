"""Small trace files that ask for much: time, memory, depth. Made, not kept.

Each function yields a name and the bytes of a trace that is well formed, or nearly; most hold a few
steps of ordinary work beside what is hostile in them, so that reading goes all the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tests.hlo import computation, instruction, keep, module
from tests.traces import PlaneBuilder, Ref, Stats, TraceBuilder, integer, message, text

Hostile = Iterator[tuple[str, bytes]]
STEP_PS = 1_000_000_000
ESCAPES = "\x1b[31m\r\u202e<img onerror=x>\x00|`'\"$(x)%s{0}=1+1"
NAMES: dict[str, str] = {
    "brackets": "<" * 50_000,
    "closed brackets": "a<b>" * 20_000,
    "open calls": "jit(" * 20_000,
    "open calls below a scope": "jit(f)/" + "jvp(" * 20_000,
    "closed calls": "jit(f)/" + "vmap(" * 1_000 + "x" + ")" * 1_000 + "/mul",
    "calls side by side": "jit(f)/" + "jvp(a)" * 10_000,
    "scopes": "a/" * 50_000 + "Conv2D",
    "loops": "while/body/_1/" * 10_000 + "Add",
    "gradients": "gradients/" * 10_000 + "conv1_grad/Add",
    "colons": ":" * 50_000,
    "colons and words": "a:b::" * 20_000 + "Conv2D",
    "underscores": "_" * 100_000,
    "digits": "_" + "1" * 100_000,
    "numbered": "a_1" * 30_000,
    "spaces": " " * 100_000,
    "void": "void " * 20_000,
    "parameters": "void f<(int)1, (bool)0>(" + "float const*, " * 10_000 + ")",
    "equal signs": "#" + "a=b," * 20_000 + "#",
    "hashes": "#" * 50_000,
    "rewritten": "a-0-" * 20_000 + "LayoutOptimizer",
    "retvals": "_retval_" * 10_000 + "_0",
    "sends": "_send_" * 10_000 + "_0_",
    "megabyte": "x" * 1_000_000,
    "escapes": ESCAPES * 100,
    "right to left": "\u202e" * 10_000,
}

STATS = (
    "step_num",
    "tf_op",
    "hlo_op",
    "hlo_module",
    "program_id",
    "correlation_id",
    "group_id",
    "_pt",
    "_p",
    "_ct",
    "_c",
    "kernel_details",
    "memcpy_details",
    "scope_range_id",
    "cuda_graph_id",
    "cuda_graph_node_id",
    "theoretical_occupancy_pct",
    "device_id",
    "context_id",
    "bytes_accessed",
    "flops",
)


def traces() -> Hostile:
    """All of them."""
    for make in (_names, _counts, _markers, _times, _programs, _pools, _values):
        yield from make()


def host_steps(trace: TraceBuilder, steps: int = 3, marker: str = "train") -> PlaneBuilder:
    """Steps of two ops."""
    plane = trace.plane("/host:CPU", id=1)
    python, executor = plane.line("python"), plane.line("tf_Compute/1")
    for step in range(steps):
        begin_ps = step * STEP_PS
        python.event(marker, begin_ps, STEP_PS, {"step_num": step})
        executor.event("conv1/Conv2D:Conv2D", begin_ps + 1000, STEP_PS // 2)
        executor.event("lrn1/LRN:LRN", begin_ps + STEP_PS // 2 + 2000, STEP_PS // 3)
    return plane


def kernels(trace: TraceBuilder, ran: Sequence[tuple[str, Stats]], device: int = 0) -> None:
    """Kernels in the first step, launched there."""
    plane = trace.plane(f"/device:GPU:{device}", id=10 + device)
    line = plane.line("Stream #7(Kernel)", id=7)
    for number, (name, stats) in enumerate(ran):
        line.event(name, 2_000_000 + number * 2000, 1500, {"correlation_id": number, **stats})


def _names() -> Hostile:
    """One text, wherever a trace has texts."""
    for name, value in NAMES.items():
        trace = TraceBuilder(hosts=[value[:5000]])
        plane = host_steps(trace)
        for line in plane.lines:
            line.event(f"{value}:Conv2D", 5_000_000, 1000)
        kernels(
            trace,
            [
                (value, {"tf_op": f"{value}:Conv2D"}),
                ("kernel", {"tf_op": value, "hlo_op": value, "hlo_module": value}),
                ("kernel", {"kernel_details": value, "memcpy_details": value}),
            ],
        )
        trace.warning(value)
        yield f"names: {name}", trace.to_bytes()
    trace = TraceBuilder()
    host_steps(trace)
    trace.plane("/host:CPU" + ESCAPES).line(ESCAPES * 1000).event(ESCAPES, 0, 10)
    yield "names: planes and lines", trace.to_bytes()


def _counts() -> Hostile:
    """Many of everything that a file can hold many of."""
    for planes in (8_000, 40_000):
        trace = TraceBuilder()
        host_steps(trace)
        for number in range(planes):
            trace.plane(f"/device:GPU:{number}").line("Stream #1").event("k", 0, 10)
        yield f"counts: {planes} planes", trace.to_bytes()
    trace = TraceBuilder()
    plane = host_steps(trace)
    for number in range(20_000):
        plane.line(f"tf_Compute/{number}").event("a:Add", number, 10)
    yield "counts: 20000 lines", trace.to_bytes()
    trace = TraceBuilder()
    line = host_steps(trace).lines[1]
    for number in range(300_000):
        line.event(f"s{number}/Conv2D:Conv2D", number, 1)
    yield "counts: 300000 ops", trace.to_bytes()
    trace = TraceBuilder()
    line = host_steps(trace).lines[1]
    for number in range(100_000):
        line.event("a:Add", number, 1, {f"stat{number}": number})
    yield "counts: 100000 names of stats", trace.to_bytes()
    trace = TraceBuilder()
    host_steps(trace)
    kernels(trace, [("k", {"tf_op": f"layer{number}/op:Conv2D"}) for number in range(100_000)])
    yield "counts: 100000 layers on a GPU", trace.to_bytes()
    trace = TraceBuilder(hosts=[f"host{number}" for number in range(100_000)])
    host_steps(trace)
    yield "counts: 100000 hosts", trace.to_bytes()
    trace = TraceBuilder()
    host_steps(trace)
    yield "counts: empty planes", trace.to_bytes() + message(1, b"") * 500_000
    yield "counts: warnings", trace.to_bytes() + text(3, "lost") * 200_000


def _markers() -> Hostile:
    """Steps without end, in each other, with names of a megabyte, on many devices."""
    trace = TraceBuilder()
    host_steps(trace, marker="m" * 1_000_000)
    yield "markers: a name of a megabyte", trace.to_bytes()
    trace = TraceBuilder()
    line = host_steps(trace).lines[0]
    for number in range(300):
        line.event(f"{number}" + "m" * 3_000, number * 1000, 900, {"step_num": number})
    yield "markers: 300 long names", trace.to_bytes()
    for steps, devices in ((2_000, 64), (10_000, 500)):
        trace = TraceBuilder()
        host_steps(trace, steps)
        for device in range(devices):
            kernels(trace, [("k", {})], device)
        yield f"markers: {steps} steps, {devices} devices", trace.to_bytes()
    trace = TraceBuilder()
    line = host_steps(trace).lines[0]
    for number in range(200_000):
        line.event("step", number * 1000, 900, {"step_num": number})
    yield "markers: 200000 steps", trace.to_bytes()
    trace = TraceBuilder()
    line = host_steps(trace).lines[0]
    for number in range(20_000):
        line.event("step", number, 100_000 - 2 * number, {"step_num": number})
    yield "markers: 20000 steps in each other", trace.to_bytes()
    trace = TraceBuilder()
    line = host_steps(trace).lines[0]
    for number in range(5_000):
        line.event(f"sort{number}", number * 1000, 900, {"step_num": 0})
    yield "markers: 5000 sorts", trace.to_bytes()
    trace = TraceBuilder()
    line = host_steps(trace).lines[0]
    for number in range(50_000):
        line.event("f", number * 1000, 900, {"tf_function_call": "traced-xla"})
    yield "markers: 50000 calls", trace.to_bytes()


def _times() -> Hostile:
    """Durations and begins at the ends of their types."""
    most = (1 << 63) - 1
    for name, start_ps, duration_ps in (
        ("longest", 0, most),
        ("latest", most, most),
        ("negative", -most, 10),
        ("negative length", 10, -most),
        ("empty", 0, 0),
    ):
        trace = TraceBuilder()
        plane = host_steps(trace)
        for line in plane.lines:
            line.event("far:Add", start_ps, duration_ps, {"step_num": 7})
        kernels(trace, [("k", {})])
        trace.planes[-1].lines[0].event("far", start_ps, duration_ps)
        yield f"times: {name}", trace.to_bytes()
    trace = TraceBuilder()
    plane = host_steps(trace)
    plane.line("tf_Compute/9", timestamp_ns=most).event("a:Add", 0, 10)
    yield "times: a line far away", trace.to_bytes()
    trace = TraceBuilder()
    line = host_steps(trace).lines[1]
    for depth in range(100_000):
        line.event("deep:Add", depth, 1_000_000 - 2 * depth)
    yield "times: 100000 events in each other", trace.to_bytes()
    trace = TraceBuilder()
    plane = host_steps(trace)
    for number in range(2_000):
        plane.line(f"tf_Compute/{number}").event("all:Add", number, 1_000_000)
    yield "times: 2000 at once", trace.to_bytes()


def _programs() -> Hostile:
    """Programs of XLA that call themselves, are deep, or are large and empty."""
    doubling = [
        computation(level, [fusion(2 * level + half, [level + 1]) for half in range(2)])
        for level in range(1, 61)
    ]
    chain = [computation(level, [fusion(level, [level + 1])]) for level in range(1, 20_001)]
    itself = [computation(1, [fusion(1, [1]), fusion(2, [1])])]
    each_other = [
        computation(1, [fusion(1, [2]), fusion(2, [2])]),
        computation(2, [fusion(3, [1]), fusion(4, [1])]),
    ]
    all_of_all = [
        computation(one, [fusion(40 * one + other, [other]) for other in range(1, 40)])
        for one in range(1, 40)
    ]
    long_operands = [
        computation(
            1,
            [
                instruction(number, f"add.{number}", "add", operands=[max(number - 1, 1)])
                for number in range(1, 50_000)
            ],
        )
    ]
    for name, computations in {
        "fusions that call themselves": itself,
        "fusions that call each other": each_other,
        "doubling": doubling,
        "a long chain": chain,
        "all call all": all_of_all,
        "a long chain of operands": long_operands,
    }.items():
        yield f"programs: {name}", with_program(module("f", computations))
    empty = b"".join([message(2, b"")] * 2_000_000)
    body = text(1, "f") + message(3, text(1, "c") + empty + integer(5, 1) + integer(6, 0))
    yield "programs: 2 million empty instructions", with_program(message(1, body))
    body = text(1, "f") + message(3, b"") * 1_000_000
    yield "programs: a million empty computations", with_program(message(1, body))
    yield "programs: not a program", with_program(b"\xff" * 1000)
    yield "programs: nested messages", with_program(_nested(20_000))
    trace = TraceBuilder()
    host_steps(trace)
    program = module("f", [computation(1, [fusion(1, [])])])
    keep(trace, dict.fromkeys(range(20000), ("f", program)))
    yield "programs: 20000 modules", trace.to_bytes()


def fusion(number: int, called: Sequence[int]) -> bytes:
    return instruction(number, f"fusion.{number}", "fusion", f"jit(f)/a{number}/add", called=called)


def _nested(depth: int) -> bytes:
    body = b""
    for _ in range(depth):
        body = message(3, body)
    return message(1, body)


def with_program(program: bytes) -> bytes:
    trace = TraceBuilder()
    host_steps(trace)
    ran: list[tuple[str, Stats]] = [
        (f"fusion_{number}", {"hlo_op": f"fusion.{number}", "hlo_module": "f", "program_id": 7})
        for number in range(1, 50)
    ]
    kernels(trace, ran)
    keep(trace, {7: ("f", program)})
    return trace.to_bytes()


def _pools() -> Hostile:
    """Work that is handed over in circles, or by many to many."""
    for name, producer, consumer in (
        ("circles", lambda number: number, lambda number: number),
        ("all to one", lambda number: 0, lambda number: 0),
        ("backwards", lambda number: number, lambda number: number + 1),
    ):
        yield f"pools: {name}", handed_over(producer, consumer)


def handed_over(
    producer: Callable[[int], int], consumer: Callable[[int], int], count: int = 20_000
) -> bytes:
    trace = TraceBuilder()
    plane = host_steps(trace)
    executor, worker = plane.lines[1], plane.line("tf_pool/1")
    for number in range(count):
        executor.event(
            "ThreadpoolListener::Record", 2000 + number, 1, {"_pt": 4, "_p": producer(number)}
        )
        start_ps = 3000 + 20 * number
        worker.event(
            "ThreadpoolListener::StartRegion", start_ps, 0, {"_ct": 4, "_c": consumer(number)}
        )
        worker.event("ThreadpoolListener::StopRegion", start_ps + 15, 0)
        worker.event("ThreadpoolListener::Record", start_ps + 5, 1, {"_pt": 4, "_p": number + 1})
    return trace.to_bytes()


def _values() -> Hostile:
    """Stats of other types than the profiler writes, and references that lead nowhere."""
    for name, value in (
        ("texts for numbers", "seven"),
        ("numbers for texts", 1 << 62),
        ("NaN", float("nan")),
        ("infinity", float("inf")),
        ("bytes", b"\xff\xfe" * 1000),
        ("references", Ref("r" * 1000)),
        ("negative", -1),
    ):
        stats: Stats = dict.fromkeys(STATS, value)
        trace = TraceBuilder()
        plane = trace.plane("/host:CPU", stats=stats)
        for line in host_steps(trace).lines:
            line.event("a:Add", 1000, 1000, stats)
        plane.line("tf_Compute/3").event("train", 0, STEP_PS, stats)
        kernels(trace, [("k", stats)] * 3)
        trace.planes[-1].describe("k", stats)
        trace.plane("Task Environment", stats=stats)
        trace.plane("/host:__ScopeRangeCallStack__", stats=stats)
        trace.plane("/host:metadata").describe("f(7)", {"Hlo Proto": value})
        yield f"values: {name}", trace.to_bytes()
    trace = TraceBuilder()
    plane = host_steps(trace)
    nowhere = message(4, integer(1, 1 << 40) + integer(7, 1 << 41))
    plane.lines[1].event("a:Add", 10, 10, raw=nowhere)
    yield "values: references that lead nowhere", trace.to_bytes()
