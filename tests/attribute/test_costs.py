from __future__ import annotations

import polars as pl
import pytest

from alexprof.errors import ClosureError, TraceError
from alexprof.record.note import Note
from alexprof.record.tables import check_closure
from alexprof.xplane import Trace, parse_trace
from tests.attribute.hand import (
    Spans,
    attribute,
    attributed,
    draw,
    on_host,
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


def test_an_event_cut_by_a_steps_edge_counts_where_it_began():
    found = attributed(
        python=steps((10, 50), (60, 100)),
        one=[("before:A", 5, 20), ("across:B", 40, 70), ("gap:C", 52, 58)],
        two=[("long:D", 45, 200), ("late:E", 300, 400), ("dot:F", 60, 60), ("dot:F", 50, 50)],
    )
    assert [
        row for row in table(found, "step", "op", "executions", "busy_ns") if row[1] != "(idle)"
    ] == [
        (0, "across", 1, 10),
        (0, "before", 1, 10),
        (0, "long", 1, 5),
        (1, "across", 0, 10),
        (1, "dot", 1, 0),
        (1, "long", 0, 40),
    ]
    assert found.outside_events == 3
    assert shares(found, step=0) == {"before": 10, "across": 8, "long": 2, "idle: unknown": 20}
    assert shares(found, step=1) == {"across": 5, "long": 35, "dot": 0}


def test_hosts_of_one_trace_are_one_device():
    builder = TraceBuilder(hosts=["one", "two"])
    for op in ("a:A", "b:B"):
        draw(builder.plane("/host:CPU"), {"worker": [(op, 10, 20)]})
    found = attribute(parse_trace(builder.to_bytes()))
    assert table(found, "device", "op", "busy_ns", "share_ns") == [
        ("CPU", "a", 10, 5),
        ("CPU", "b", 10, 5),
    ]


def test_functions_of_tf_data_are_ops_of_their_own():
    found = attributed(
        python=steps((0, 100)),
        one=[("mul:Mul", 0, 10), ("next:IteratorGetNext", 15, 45)],
        **{"tf_data_private_threadpool/3": [("mul:Mul", 20, 40), ("args_0:_Arg", 42, 44)]},
    )
    assert [
        row for row in table(found, "op", "layer", "pass", "share_ns") if row[0] != "(idle)"
    ] == [
        ("mul", "mul", "forward", 10),
        ("next", "next", "input", 19),
        ("tf_data/args_0", "tf_data", "input", 1),
        ("tf_data/mul", "tf_data", "input", 10),
    ]


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


def test_executions_on_a_gpu_are_those_of_the_host():
    host = [("a:A", 10, 11), ("a:A", 12, 13), ("b:B", 14, 15), ("unused:C", 16, 17)]
    kernels = [("a:A", 20, 21), ("a:A", 22, 23), ("a:A", 24, 25), ("c:C", 26, 27), ("b:B", 28, 29)]
    found = attribute(on_gpu(kernels, host)).costs.filter(pl.col("device") == "GPU:0")
    counts = found.filter(pl.col("op") != "(idle)").select("op", "executions", "kernels")
    assert sorted(counts.rows(), key=repr) == [("a", 2, 3), ("b", 1, 1), ("c", None, 1)]


def test_gpus_share_the_executions_of_one_name():
    kernels = [("k", 20, 30, {"tf_op": "a:A"}), ("k", 30, 31)]
    found = attribute(
        trace(
            {
                "/host:CPU": {
                    "python": steps((0, 50)),
                    "one": [("a:A", n, n + 1) for n in range(4)] + [("b:B", 6, 7)],
                },
                "/device:GPU:0": {"Stream #1": kernels},
                "/device:GPU:1": {"Stream #1": [*kernels, ("k", 35, 45, {"tf_op": "a:A"})]},
                "/device:GPU:2": {"Steps": [("0", 0, 50)]},
            }
        )
    )
    assert found.device == "GPU:1"
    rows = found.costs.filter(pl.col("op") == "a").sort("device")
    assert rows.select("device", "executions", "kernels").rows() == [
        ("CPU", 4, 0),
        ("GPU:0", 2, 1),
        ("GPU:1", 2, 2),
    ]


def test_kernels_after_the_steps_are_told():
    found = attribute(on_gpu([("a:A", 50, 60), ("a:A", 150, 160)]))
    assert found.outside_events == 1
    assert found.notes[0] == Note(
        "kernels_outside_steps", {"events": 1, "of_events": 2}, ("GPU:0",)
    )


def test_a_gpu_without_kernels_in_the_steps_is_all_idle_and_not_chosen():
    found = attribute(on_gpu([("a:A", 150, 160)], host=[("a:A", 10, 20)]))
    assert found.device == "CPU"
    assert shares(found, "GPU:0") == {"idle: launching": 85, "idle: python": 15}


def test_notes_on_names():
    eager = [("EagerLocalExecute: MatMul", 10, 20)]
    assert attributed(python=[*steps((0, 50)), *eager]).notes[-2] == Note("eager_ops")
    reads = [
        (f"net/{layer}/Conv2D/ReadVariableOp:ReadVariableOp", start, start + 1)
        for layer, start in (("a", 10), ("b", 12))
    ]
    found = attributed(python=steps((0, 50)), one=reads)
    assert found.notes[0] == Note("layers_below_scope", names=("net",))
    assert {"a", "b"} < set(found.costs["layer"])


def test_other_devices_are_told():
    found = attribute(
        trace(
            {
                "/host:CPU": {"one": [("a:A", 0, 5)]},
                "/device:TPU:0": {"XLA Ops": [("fusion", 0, 5)]},
                "/device:TPU:1": {},
            }
        )
    )
    assert found.notes[-1] == Note("device_not_read", names=("/device:TPU:0",))


def test_depth_of_layers():
    source = on_host(python=steps((0, 50)), one=[("a/b/c/MatMul:MatMul", 0, 5)])
    assert "a/b" in attribute(source, depth=2).costs["layer"]


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


def costs(**changes: int) -> pl.DataFrame:
    found = attributed(
        python=[*steps((0, 50), (60, 90)), ("SessionRun", 0, 99)], one=[("a:A", 10, 70)]
    )
    row = (pl.col("step") == 1) & (pl.col("op") == "a")
    return found.costs.with_columns(
        pl.when(row).then(pl.col(name) + by).otherwise(pl.col(name)).alias(name)
        for name, by in changes.items()
    )


@pytest.mark.parametrize(
    ("changes", "shared", "wall"),
    [({"share_ns": 1}, 31, 30), ({"share_ns": -3}, 27, 30), ({"wall_ns": 5}, 30, 35)],
)
def test_sums_that_do_not_close_are_an_error(changes, shared, wall):
    with pytest.raises(ClosureError) as error:
        check_closure(costs(**changes))
    assert str(error.value) == (
        f"step 1 on CPU: shares and idle time add up to {shared} ns, the step took {wall} ns; "
        "the costs are damaged: run again"
    )


def test_sums_close_unless_a_row_is_missing():
    check_closure(costs())
    check_closure(costs().clear())
    with pytest.raises(ClosureError, match="step 0 on CPU"):
        check_closure(costs().filter(pl.col("op") != "(idle)"))


def test_results_of_a_call_that_goes_on_beyond_the_step_come_later():
    host = {"python": [*steps((0, 100), (100, 200)), ("FunctionRun", 10, 190)]}
    stream = {"Stream #1": [("k", 20, 30, {"tf_op": "a:A"}), ("k", 120, 150, {"tf_op": "a:A"})]}
    planes = {"/host:CPU": {**host, "one": [("a:A", 12, 13)]}, "/device:GPU:0": stream}
    found = attribute(trace(planes))
    assert shares(found, "GPU:0", step=0) == {"a": 10, "idle: launching": 80, "idle: python": 10}
    assert shares(found, "GPU:0", step=1) == {
        "a": 30,
        "idle: launching": 20,
        "idle: fetching": 40,
        "idle: python": 10,
    }
