from __future__ import annotations

import msgspec
import pytest

from alexprof.analysis.untraced import untraced_share_s, with_tracing
from alexprof.record.phase import OpCost
from alexprof.record.tracing import LevelCost, Tracing
from tests.show.runs import alexnet

TRACING = Tracing(
    1000, 12, 8, 1e-3, (LevelCost(3, 3000.0, 9e-4, (8e-4, 1e-3), 3e-7, (2.7e-7, 3.3e-7)),)
)


def op(share_s, busy_s, events):
    return OpCost(
        name="a", type="A", kind="A", layer="a", device="CPU", pass_="forward",
        executions_per_step=1.0, kernels_per_step=0.0, busy_mean_s=busy_s, busy_std_s=None,
        share_mean_s=share_s, share_std_s=None, share_fraction=0.1, events_per_step=events,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share_s", "busy_s", "events", "expected"),
    [
        (10e-6, 10e-6, 10.0, 7e-6),
        (5e-6, 10e-6, 10.0, 3.5e-6),  # half of its time is another op's, so is what it recorded
        (1e-6, 1e-6, 10.0, 0.0),
        (1e-6, 1e-6, 0.0, 1e-6),
        (1e-6, 1e-6, None, None),
        (0.0, 0.0, 2.0, 0.0),
    ],
)
def test_share_without_tracing(share_s, busy_s, events, expected):
    found = untraced_share_s(op(share_s, busy_s, events), 3e-7)
    assert found == (None if expected is None else pytest.approx(expected))


def test_each_op_of_a_run_gets_its_share_without_tracing():
    run = alexnet()
    phase = run.variants["with_lrn"].phases["forward"]
    ops = tuple(msgspec.structs.replace(one, events_per_step=10.0) for one in phase.ops)
    phases = {"forward": msgspec.structs.replace(phase, ops=ops)}
    variant = msgspec.structs.replace(run.variants["with_lrn"], phases=phases)
    run = msgspec.structs.replace(run, variants={"with_lrn": variant})
    found = with_tracing(run, TRACING)
    assert found.tracing == TRACING
    for one in found.variants["with_lrn"].phases["forward"].ops:
        taken_s = 10 * 3e-7 * one.share_mean_s / one.busy_mean_s
        assert one.untraced_share_s == pytest.approx(max(0, one.share_mean_s - taken_s))
    unseen = msgspec.structs.replace(run)
    none = with_tracing(unseen, Tracing(0, 0, 0, None, (), reason="a profiler is running"))
    ops = none.variants["with_lrn"].phases["forward"].ops
    assert {one.untraced_share_s for one in ops} == {None}
    assert msgspec.json.decode(msgspec.json.encode(found), type=type(run)) == found
