"""A GPU's step run again from its launches, on programs whose answer is known."""

from __future__ import annotations

from functools import partial

import pytest

from alexprof.attribute import GraphFacts, attribute, bound_by, costs
from alexprof.attribute.launch_replay import LaunchedStep, ReplayedLaunch, host_factor
from alexprof.record.ablation import AblationSpec
from alexprof.record.note import Note
from alexprof.record.phase import DeviceTimes
from tests.attribute.test_behind import Kernel, build

# The host takes 10 ns for each launch, kernels 4 ns: the GPU waits for the host.
BOUND = [Kernel(op, 10 * n, 10 * n + 10, 10 * n + 10, 10 * n + 14) for n, op in enumerate("aabab")]
# Launches take 2 ns each, kernels 20: the host waits for the GPU.
BUSY = [
    Kernel("a", 0, 2, 2, 22),
    Kernel("b", 2, 4, 22, 42),
    Kernel("a", 4, 6, 42, 62),
]


@pytest.fixture(autouse=True)
def worth_a_replay(monkeypatch):
    """These steps are replayed whether they are bound by launching or not."""
    monkeypatch.setattr(costs, "_bound_by", lambda *_: "launching")


def replayed(kernels: list[Kernel], wall: int, timed_s: float | None = None):
    found = attribute(build([(0, wall)], kernels), facts=GraphFacts(timed_s=timed_s)).replayed
    assert found.how == "launches"
    return found


def saving_of(steps, op):
    (saving,) = (saving for saving in steps.savings if (saving.what, saving.name) == ("op", op))
    return saving


LATE = [Kernel(op, *(time + 30 for time in times)) for op, *times, _ in BOUND]
CALL = [Kernel("a", 0, 2, 2, 22), Kernel("copy", 2, 30, 22, 28), Kernel("b", 32, 34, 34, 40)]


@pytest.mark.parametrize(
    ("kernels", "wall", "timed", "op", "fraction"),
    [
        pytest.param(BOUND, 60, None, "b", 20 / 60, id="two launches of 10 ns"),
        pytest.param(BOUND, 60, None, "a", 30 / 60, id="three of them"),
        pytest.param(LATE, 90, None, "a", 30 / 90, id="what comes before the first one stays"),
        pytest.param(BUSY, 66, None, "b", 20 / 66, id="a step bound by its kernels"),
        # The copy follows b, which ends 20 ns earlier when a is gone.
        pytest.param(
            [*BUSY[:2], Kernel("copy", 5, 6, 43, 50, stream=2)], 50, None, "a", 20 / 50,
            id="a kernel on another stream waits for what it waited for",
        ),
        # The copy's call returns 2 ns after it is done; 4 ns later b is launched. Without a: copy
        # from 0 to 6, its call until 8, b from 12 to 18.
        pytest.param(CALL, 40, None, "a", 22 / 40, id="a call that waits holds up the host"),
        # A host that takes half as long: five launches of 5 ns, a kernel of 4, half of the tail
        # of 6. So timed steps last 32 ns, and each launch of b saves 5 ns of them.
        pytest.param(BOUND, 60, 5 * 5 + 4 + 0.5 * 6, "b", 10 / 32, id="a quicker host when timed"),
    ],
)  # fmt: skip
def test_what_a_step_saves(kernels, wall, timed, op, fraction):
    steps = replayed(kernels, wall, timed and timed * 1e-9)
    assert steps.reason is None
    assert timed or steps.drift == 0
    assert saving_of(steps, op).fraction == pytest.approx(fraction, rel=1e-3 if timed else 1e-6)


def test_faster_kernels_hardly_shorten_a_step_bound_by_launching():
    """The last kernel ends 2 ns earlier."""
    assert saving_of(replayed(BOUND, 60), "b").halved_fraction == pytest.approx(2 / 60)


def test_what_the_host_does_apart_from_launching_stays():
    """Of 15 ns for a launch 5 are Python's: without the first of two launches 10 go."""
    launch = partial(ReplayedLaunch, apart_ns=5, back_ns=None, after=(), waited_ns=0, by_host=True)
    first, second = (launch(op, host_ns=10, took_ns=2) for op in (0, 1))
    step = LaunchedStep((first, second), lead_ns=1, tail_ns=2, wall_ns=35)
    assert step.replayed_ns() == 35
    assert step.replayed_ns(without={0}) == 25
    assert step.replayed_ns(0.5) == pytest.approx(0.5 + 15 + 2 + 1)


def test_timed_steps_shorter_than_the_kernels_alone_are_not_explained():
    found = replayed(BUSY, 66, timed_s=30e-9)
    assert found.reason == Note("replay_no_host_speed")
    assert not found.savings


def test_the_factor_of_a_host_is_found():
    launch = ReplayedLaunch(
        0, host_ns=10, apart_ns=0, back_ns=None, after=(), waited_ns=0, by_host=True, took_ns=2
    )
    step = LaunchedStep((launch,) * 4, lead_ns=0, tail_ns=3, wall_ns=45)
    assert step.replayed_ns() == pytest.approx(45)
    assert host_factor([step], None) == 1
    factor = host_factor([step], 23.5)
    assert factor == pytest.approx(0.5)
    assert step.replayed_ns(0.5) == pytest.approx(23.5)


@pytest.mark.parametrize(
    ("kernels", "reason"),
    [
        ([Kernel("a", 0, 2, 3, 500)], "replay_gpu_behind"),
        ([Kernel("a", 0, 2, 3, 5), Kernel("b", 1, 2, 5, 7)], "replay_cuda_graphs"),
    ],
)
def test_what_can_not_be_replayed_says_why(kernels, reason):
    assert replayed(kernels, 50).reason == Note(reason)


@pytest.mark.parametrize(
    ("layer", "saved"), [pytest.param("a", 40 / 66, id="most"), pytest.param("b", None, id="few")]
)
def test_kernels_bound_a_step_and_what_holds_most_of_its_launches_is_replayed(
    monkeypatch, layer, saved
):
    monkeypatch.setattr(costs, "_bound_by", lambda *_: "kernels")
    facts = GraphFacts(ablations=[AblationSpec("less", "with", "without", layers=(layer,))])
    replayed = attribute(build([(0, 66)], BUSY), facts=facts).replayed
    assert replayed.reason == Note("replay_gpu_busy")
    savings = {(saving.what, saving.name): saving.fraction for saving in replayed.savings}
    assert savings == ({} if saved is None else {("ablation", "less"): pytest.approx(saved)})


def total(busy: int, **idle: int) -> DeviceTimes:
    """Two steps of a GPU, in seconds."""
    of_idle = {reason: 2 * seconds * 10**9 for reason, seconds in idle.items()}
    busy_ns, idle_ns = 2 * busy * 10**9, sum(of_idle.values())
    return DeviceTimes(
        device="GPU:0",
        wall_ns=busy_ns + idle_ns,
        share_ns=busy_ns,
        idle_ns=idle_ns,
        unassigned_ns=0,
        idle_by_reason_ns=of_idle,
    )


@pytest.mark.parametrize(
    ("traced", "timed", "bound"),
    [
        pytest.param(total(2, launching=3, python=2), None, "launching", id="launches"),
        pytest.param(total(2, launching=3, python=2), 3.0, "kernels", id="not when timed"),
        pytest.param(total(2, launching=6, python=2), 5.0, "launching", id="when timed too"),
        pytest.param(total(2, launching=6, python=2), 1.0, "kernels", id="without idle time"),
        pytest.param(total(2), 6.0, "kernels", id="without any"),
        pytest.param(total(2, launching=3, python=4), None, "python", id="Python"),
        pytest.param(total(2, launching=1, input=4), None, "input", id="input"),
        pytest.param(total(4, launching=3, unknown=3), None, "kernels", id="itself"),
        pytest.param(total(1, queued=5), None, "kernels", id="what it has yet to begin"),
        pytest.param(total(1, unknown=5), None, "unknown", id="nobody knows"),
    ],
)
def test_what_bounds_a_gpu_s_steps(traced, timed, bound):
    assert bound_by(traced, 2, timed) == bound
