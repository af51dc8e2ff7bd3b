from __future__ import annotations

import polars as pl
import pytest

from alexprof.errors import ClosureError, TraceError
from alexprof.record.note import Note
from alexprof.record.parquet import check_closure
from alexprof.xplane import Trace, parse_trace
from tests.attribute.hand import (
    Spans,
    attribute,
    attributed,
    draw,
    shares,
    steps,
    table,
    trace,
)
from tests.traces import TraceBuilder, integer, message

CALL = ("SessionRun", 100, 200)


def test_two_threads_share_the_time_in_which_both_run():
    found = attributed(
        python=[*steps((90, 210)), CALL],
        one=[("conv1:_FusedConv2D", 110, 150)],
        two=[("gradients/lrn1/LRN_grad/LRNGrad:LRNGrad", 130, 170)],
    )
    texts, columns = ("device", "op", "type", "kind", "layer", "pass"), found.costs.schema
    assert {column for column, type_ in columns.items() if type_ == pl.String} == set(texts)
    assert list(columns)[7:] == [
        "executions", "kernels", "busy_ns", "share_ns", "wall_ns", "core_ns", "at_work_ns",
        "idle_before_ns", "launching_ns",
    ]  # fmt: skip
    conv = ("conv1", "_FusedConv2D", "Conv2D", "conv1", "forward")
    gradient = ("gradients/lrn1/LRN_grad/LRNGrad", "LRNGrad", "LRN", "lrn1", "backward")
    unknown = [None] * 4
    assert found.costs.rows() == [
        (0, "CPU", *conv, 1, 0, 40, 30, 120, *unknown),
        (0, "CPU", *gradient, 1, 0, 40, 30, 120, *unknown),
        *(
            (0, "CPU", "(idle)", reason, "(idle)", "(idle)", "idle", 0, 0, 0, share, 120, *unknown)
            for reason, share in (("fetching", 30), ("python", 20), ("launching", 10))
        ),
    ]
    assert found.steps.rows() == [(0, 90, 120)]
    assert (found.device, found.outside_events, found.notes) == ("CPU", 0, ())


def test_what_is_no_op_has_no_time():
    found = attributed(
        python=[*steps((0, 100), name="train:Step"), ("SessionRun", 1, 99)],
        one=[
            ("ExecutorState::Process", 5, 95),
            ("conv1:Conv2D", 10, 20),
            ("ParallelFor", 11, 19),
        ],
        **{"tf_numa_-1_Eigen/7": [("ThreadpoolListener::StartRegion", 30, 40), ("x:Y", 40, 50)]},
    )
    assert shares(found) == {
        "conv1": 10,
        "idle: launching": 9,
        "idle: fetching": 79,
        "idle: python": 2,
    }


def test_the_input_pipeline_counts_while_the_step_waits_for_it_and_runs_nothing_else():
    found = attributed(
        python=[*steps((0, 100)), ("SessionRun", 0, 100)],
        one=[("mul:Mul", 0, 30), ("mul:Mul", 50, 70)],
        two=[("next:IteratorGetNext", 40, 60)],
        **{"tf_data_private_threadpool/3": [("sleeps:PyFunc", 0, 90)]},
    )
    # 40 to 50: next and its source, half each; 50 to 60: next and mul, though the source sleeps on.
    assert shares(found) == {
        "mul": 30 + 15,
        "next": 5 + 5,
        "tf_data/sleeps": 5,
        "idle: launching": 10,
        "idle: fetching": 30,
    }
    (busy_ns,) = found.costs.filter(op="tf_data/sleeps")["busy_ns"]
    assert busy_ns == 90


ONCE = (1, 10)


@pytest.mark.parametrize(
    ("spans", "rows"),
    [
        pytest.param(
            [
                ("a:MatMul", 100, 400),
                ("MemoryAllocation", 150, 150, {"tf_op": "a", "allocator_name": "bfc"}),
                ("MemoryDeallocation", 300, 300, {"tf_op": "a:MatMul", "allocator_name": "bfc"}),
            ],
            {("a", "MatMul"): (1, 300)},
            id="notes on memory",
        ),
        pytest.param(
            [("_retval_a_0_0:_Retval", 0, 10), ("__inference_f_3:__inference_f_3", 10, 20)],
            {
                ("_retval_a_0_0", "_Retval"): ONCE,
                ("__inference_f_3", "__inference_f_3"): ONCE,
            },
            id="results and functions",
        ),
        pytest.param(
            [("py:EagerPyFunc", 0, 100), ("EagerLocalExecute: MatMul", 20, 50), ("a:Mul", 30, 40)],
            {("py", "EagerPyFunc"): (1, 70), ("MatMul", "MatMul"): (1, 20), ("a", "Mul"): ONCE},
            id="eager",
        ),
        pytest.param(
            [("m:MatMul", 0, 10), ("m:BatchMatMulV2", 20, 50)],
            {("m", "MatMul"): ONCE, ("m", "BatchMatMulV2"): (1, 30)},
            id="two types of one name",
        ),
        pytest.param(
            [("next:IteratorGetNext", 0, 100), ("Iterator::Root", 10, 90), ("a:Mul", 30, 40)],
            {("next", "IteratorGetNext"): (1, 90), ("a", "Mul"): ONCE},
            id="stages of tf.data",
        ),
        pytest.param(
            [("load:Data", 0, 100, {"step_num": 3, "_r": 1}), ("b:", 0, 9), ("a:Mul", 10, 20)],
            {("a", "Mul"): ONCE},
            id="a marker of a step, a name without type",
        ),
    ],
)
def test_what_counts_as_an_op(spans, rows):
    ran = attributed(tf_1=spans).costs.filter(pl.col("op") != "(idle)")
    columns = ran.select("op", "type", "executions", "busy_ns").rows()
    assert {(op, type_): tuple(numbers) for op, type_, *numbers in columns} == rows


def test_an_event_for_several_executions():
    builder = TraceBuilder()
    plane = builder.plane("/host:CPU")
    draw(plane, {"python": steps((0, 100)), "one": [("a:A", 10, 20)]})
    plane.lines[1].aggregate("a:A", occurrences=3, duration_ps=5_000)
    found = attribute(parse_trace(builder.to_bytes()))
    assert ("a", 4, 15) in table(found, "op", "executions", "busy_ns")


def test_events_without_a_name_and_with_a_negative_length_are_noted():
    builder = TraceBuilder()
    plane = builder.plane("/host:CPU")
    draw(plane, {"python": steps((0, 100)), "one": [("a:A", 10, 20), ("a:A", 40, 30)]})
    plane.lines[1].raw(message(4, integer(1, 77) + integer(2, 50_000) + integer(3, 1_000)))
    found = attribute(parse_trace(builder.to_bytes()))
    assert ("a", 2, 10) in table(found, "op", "executions", "busy_ns")
    assert found.notes[1:] == (
        Note("events_nameless", {"events": 1, "of_events": 4}, ("CPU",)),
        Note("durations_negative", {"events": 1, "of_events": 4}, ("CPU",)),
    )


GPU = "/device:GPU:0"


def on_gpu(kernels: Spans, host: Spans = (), **streams: Spans) -> Trace:
    spans = [
        (f"kernel_{n}", start, end, {"tf_op": op} if op else None)
        for n, (op, start, end) in enumerate(kernels)
    ]
    return trace(
        {
            "/host:CPU": {"python": [*steps((0, 100)), ("SessionRun", 5, 90), *host]},
            GPU: {"Stream #15(Compute)": spans, **streams},
        }
    )


def test_kernels_belong_to_the_op_that_launched_them():
    found = attribute(
        on_gpu(
            [
                ("conv1:Conv2D", 20, 40),
                ("conv1:Conv2D", 40, 45),
                (None, 52, 60),
                ("lrn1:LRN", 95, 120),
            ],
            host=[("conv1:Conv2D", 8, 12)],
            **{
                "Stream #16(MemcpyH2D)": [("MemcpyH2D", 31, 51)],
                "XLA Ops": [("conv1", 20, 45)],
                "Steps": [("0", 0, 100)],
            },
        )
    )
    assert found.device == "GPU:0"
    rows = table(found, "device", "op", "executions", "kernels", "busy_ns", "share_ns")
    assert [row[1:] for row in rows if row[0] == "GPU:0"] == [
        ("(idle)", 0, 0, 0, 10),
        ("(idle)", 0, 0, 0, 46),
        ("(unassigned)", 0, 2, 28, 21),
        ("conv1", 1, 2, 25, 18),
        ("lrn1", None, 1, 5, 5),
    ]
    assert shares(found, "CPU") == {
        "conv1": 4,
        "idle: launching": 3,
        "idle: fetching": 78,
        "idle: python": 15,
    }
    row = found.costs.row(by_predicate=pl.col("op") == "(unassigned)", named=True)
    assert (row["type"], row["kind"], row["layer"], row["pass"]) == (*["(unassigned)"] * 3, "other")
    (note,) = found.notes
    assert (note.code, note.names) == ("kernels_without_op", ("GPU:0",))
    assert note.numbers["fraction"] == pytest.approx(28 / 58)


@pytest.mark.parametrize(
    "planes",
    [
        {},
        {"/host:CPU": {"python": [*steps((0, 5)), ("SessionRun", 0, 5)]}, GPU: {}},
        {"/host:CPU": {}, GPU: {"Steps": [("0", 0, 5)]}},
    ],
)
def test_a_trace_without_ops_is_an_error(planes):
    with pytest.raises(TraceError, match=r"hand\.xplane\.pb: a trace without ops and kernels: was"):
        attribute(trace(planes))


def test_sums_close_unless_a_row_is_missing():
    check_closure(costs())
    check_closure(costs().clear())
    with pytest.raises(ClosureError, match="step 0 on CPU"):
        check_closure(costs().filter(pl.col("op") != "(idle)"))


def test_executions_on_gpus_are_those_of_the_host():
    """Two GPUs share the four of `a`; how often `c` ran no host says."""
    ran = [*[("a:A", n, n + 1) for n in range(4)], ("b:B", 6, 7), ("unused:C", 7, 8)]
    kernels = [("k", 20, 30, {"tf_op": "a:A"}), ("k", 30, 31), ("k", 31, 32, {"tf_op": "c:C"})]
    more = [("k", 35, 45, {"tf_op": "a:A"}), ("k", 46, 47, {"tf_op": "a:A"})]
    found = attribute(
        trace(
            {
                "/host:CPU": {"python": steps((0, 50)), "one": ran},
                "/device:GPU:0": {"Stream #1": kernels},
                "/device:GPU:1": {"Stream #1": [*kernels, *more]},
                "/device:GPU:2": {"Steps": [("0", 0, 50)]},
            }
        )
    )
    assert found.device == "GPU:1"
    rows = table(found, "op", "device", "executions", "kernels")
    assert [row for row in rows if row[0] in "ac"] == [
        ("a", "CPU", 4, 0), ("a", "GPU:0", 2, 1), ("a", "GPU:1", 2, 3),
        ("c", "GPU:0", None, 1), ("c", "GPU:1", None, 1),
    ]  # fmt: skip


def test_a_gpu_without_kernels_in_the_steps_is_all_idle_and_not_chosen():
    found = attribute(on_gpu([("a:A", 150, 160)], host=[("a:A", 10, 20)]))
    assert (found.device, found.outside_events) == ("CPU", 1)
    assert shares(found, "GPU:0") == {"idle: launching": 85, "idle: python": 15}
    note = Note("kernels_outside_steps", {"events": 1, "of_events": 1}, ("GPU:0",))
    assert note in found.notes


READS = [f"net/{layer}/Conv2D/ReadVariableOp:ReadVariableOp" for layer in "ab"]


@pytest.mark.parametrize(
    ("planes", "note"),
    [
        ({"/host:CPU": {"one": [("EagerLocalExecute: MatMul", 1, 2)]}}, Note("eager_ops")),
        (
            {"/host:CPU": {"one": [(name, 1, 2) for name in READS]}},
            Note("layers_below_scope", names=("net",)),
        ),
        (
            {
                "/host:CPU": {"one": [("a:A", 0, 5)]},
                "/device:TPU:0": {"XLA Ops": [("fusion", 0, 5)]},
                "/device:TPU:1": {},
            },
            Note("device_not_read", names=("/device:TPU:0",)),
        ),
    ],
)
def test_notes_on_names_and_devices(planes, note):
    assert note in attribute(trace(planes)).notes


def test_layers_of_a_depth_below_the_model_and_hosts_of_one_trace():
    reads = [(name, start, start + 10) for start, name in enumerate(READS)]
    ops = [("a/b/c/MatMul:MatMul", 30, 40)]
    builder = TraceBuilder(hosts=["one", "two"])
    for spans in (reads, ops):
        draw(builder.plane("/host:CPU"), {"worker": spans})
    source = parse_trace(builder.to_bytes())
    assert set(attribute(source).costs["device"]) == {"CPU"}
    assert {"a", "b"} < set(attribute(source).costs["layer"])
    assert "a/b" in attribute(source, depth=2).costs["layer"]


def costs() -> pl.DataFrame:
    host = {"python": [*steps((0, 50), (60, 90)), ("SessionRun", 0, 99)]}
    return attributed(**host, one=[("a:A", 10, 70)]).costs


@pytest.mark.parametrize(
    ("column", "by", "shared", "wall"),
    [("share_ns", 1, 31, 30), ("share_ns", -3, 27, 30), ("wall_ns", 5, 30, 35)],
)
def test_sums_that_do_not_close_are_an_error(column, by, shared, wall):
    row = (pl.col("step") == 1) & (pl.col("op") == "a")
    changed = pl.when(row).then(pl.col(column) + by).otherwise(column).alias(column)
    with pytest.raises(ClosureError) as error:
        check_closure(costs().with_columns(changed))
    assert str(error.value) == (
        f"step 1 on CPU: shares and idle time add up to {shared} ns, the step took {wall} ns; "
        "the costs are damaged: run again"
    )
