"""Runs made by hand: what a report has to look right for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache

import msgspec

from alexprof.record.ablation import Ablation, AblationPart
from alexprof.record.phase import Cost, Phase
from alexprof.record.program import ExecutedOp
from alexprof.record.run import Run, Variant, WorkloadRecord
from alexprof.record.timed import BlockTime, Stretch, Timed
from alexprof.record.trace import Gathered, LayerChange, PathOp, Replay, Saving, SeenOps
from alexprof.record.workload import Published
from tests.factory import OpTimes, costs_of, idle, run_of, scattered, traced
from tests.show import alexnet as measured


def ops(lines: str, device: str = "CPU", steps: int = 10) -> list[OpTimes]:
    """Ops from lines of name, kind, pass, share, its std, busy, its std; ms."""
    rows = []
    for seed, line in enumerate(lines.strip().splitlines()):
        name, kind, pass_, *times = line.split()
        share, share_std, busy, busy_std = (float(ms) * 1e6 for ms in times)
        share_ns = scattered(share, share_std, steps, seed)
        busy_ns = scattered(busy, busy_std, steps, seed)
        rows.append(OpTimes(name, kind, pass_, share_ns, busy_ns, device))
    return rows


def idle_ms(ms: float, steps: int = 10, device: str = "CPU", reason: str = "python") -> OpTimes:
    """Idle time that varies by a twentieth."""
    return idle(scattered(ms * 1e6, ms * 5e4, steps, 7), device, reason)


def timed(
    mean: float,
    ci: float | None,
    std: float,
    median: tuple[float, float, float] | tuple[float, None, None],
    blocks: Sequence[tuple[int, float]],
    *,
    block_steps: int = 10,
    burn_in: int = 10,
) -> Timed:
    """Timed steps; all in ms, blocks by their place in the order measured."""
    center, low, high = median
    return Timed(
        steps=len(blocks) * block_steps,
        burn_in=burn_in,
        mean_s=mean / 1e3,
        std_s=std / 1e3,
        ci95_s=None if ci is None else ((mean - ci) / 1e3, (mean + ci) / 1e3),
        median_s=center / 1e3,
        median_ci95_s=None if low is None or high is None else (low / 1e3, high / 1e3),
        min_s=min(value for _, value in blocks) / 1e3,
        max_s=max(value for _, value in blocks) / 1e3,
        fetch=True,
        blocks=tuple(
            BlockTime(number, order, block_steps, value / 1e3)
            for number, (order, value) in enumerate(blocks)
        ),
    )


FORWARD_WITH = timed(
    243.73, 71.4, 69.8, (209.99, 207.1, 271.2),
    [(0, 206.68), (3, 216.22), (4, 209.7), (7, 240.39), (8, 379.81), (11, 209.58)],
)  # fmt: skip
FORWARD_WITHOUT = timed(
    188.39, 14.2, 25.7, (182.1, 181.2, 183.4),
    [(1, 181.62), (2, 185.5), (5, 181.01), (6, 182.91), (9, 216.26), (10, 183.06)],
)  # fmt: skip
BOTH_WITH = timed(
    611.73, 13.7, 20.9, (607.46, 602.9, 609.8),
    [(0, 611.37), (3, 603.08), (4, 608.78), (7, 623.69)],
)  # fmt: skip
BOTH_WITHOUT = timed(
    578.37, 66.1, 91.7, (551.6, 544.8, 586.2),
    [(1, 546.85), (2, 634.8), (5, 548.22), (6, 583.61)],
)  # fmt: skip
STRETCHES = (
    Stretch("forward", 78, 94, 2.02, ("with_lrn", "without_lrn")),
    Stretch("forward_backward", 28, 30, 1.84, ("without_lrn",)),
    Stretch("forward_backward", 64, 74, 1.11, ("without_lrn", "with_lrn")),
)
CLASSIC = "the classic benchmark's author, on a GPU of 2017"
PUBLISHED = (
    Published("with_lrn", "forward", 0.026, CLASSIC),
    Published("without_lrn", "forward", 0.007, CLASSIC),
    Published("with_lrn", "forward_backward", 0.078, CLASSIC),
    Published("without_lrn", "forward_backward", 0.025, CLASSIC),
)
NOT_TIMED = (
    *(ExecutedOp(f"const{number}", "Const", "CPU") for number in range(11)),
    *(ExecutedOp(f"identity{number}", "Identity", "CPU") for number in range(6)),
    *(ExecutedOp(f"shape{number}", "Shape", "CPU") for number in range(2)),
    ExecutedOp("init", "NoOp", "CPU"),
    ExecutedOp("unknown", "", "CPU"),
)


def lrn_of(phase: Phase) -> tuple[Cost, ...]:
    return tuple(kind for kind in phase.kinds if kind.name == "LRN")


def replayed(phase: Phase) -> Phase:
    """A phase whose replay is 0.2 % off and gives each layer and kind 98 % of its share."""
    assert phase.timed is not None
    savings = []
    for what, costs in (
        ("layer", phase.layers),
        ("kind", phase.kinds),
        ("ablation", tuple(msgspec.structs.replace(kind, name="lrn") for kind in lrn_of(phase))),
    ):
        for name in dict.fromkeys(cost.name for cost in costs):
            fraction = 0.98 * math.fsum(cost.share_fraction for cost in costs if cost.name == name)
            savings.append(
                Saving(
                    what=what,
                    name=name,
                    fraction=fraction,
                    fraction_std=0.004,
                    saves_s=fraction * phase.timed.mean_s,
                    halved_fraction=fraction / 2,
                    halved_s=fraction / 2 * phase.timed.mean_s,
                )
            )
    savings.sort(key=lambda saving: (saving.what, -saving.fraction))
    path = tuple(PathOp(op=op.name, mean_s=op.share_mean_s) for op in phase.ops[:25])
    replay = Replay(
        drift=0.0021, drift_worst=0.0094, steps=10, critical_path=path, savings=tuple(savings)
    )
    return msgspec.structs.replace(phase, replay=replay)


@cache
def alexnet() -> Run:
    """The run of the design's pictures: two variants, two phases, slow stretches."""
    both = ops(measured.FORWARD_BACKWARD)
    forward = ops(measured.FORWARD)
    with_lrn = {
        "forward": traced(
            Phase(label="Forward", timed=FORWARD_WITH),
            costs_of([*forward, idle_ms(measured.FORWARD_IDLE_MS)]),
            executed=NOT_TIMED[-4:],
        ),
        "forward_backward": replayed(
            traced(
                Phase(label="Forward-backward", timed=BOTH_WITH),
                costs_of([*both, idle_ms(measured.FORWARD_BACKWARD_IDLE_MS)]),
                executed=NOT_TIMED,
            )
        ),
    }
    without_lrn = {
        "forward": traced(
            Phase(label="Forward", timed=FORWARD_WITHOUT),
            costs_of([*no_lrn(forward), idle_ms(0.75)]),
        ),
        "forward_backward": traced(
            Phase(label="Forward-backward", timed=BOTH_WITHOUT),
            costs_of([*no_lrn(both), idle_ms(1.12)]),
        ),
    }
    run = run_of(
        "alexnet-20261124-071417",
        {
            "with_lrn": Variant(label="with LRN", build_s=0.31, phases=with_lrn),
            "without_lrn": Variant(label="without LRN", build_s=0.28, phases=without_lrn),
        },
        started="2026-11-24T07:14:17+00:00",
        workload=WorkloadRecord(
            name="alexnet", settings={"batch_size": 32, "seed": 0}, published=PUBLISHED
        ),
        stretches=STRETCHES,
    )
    return msgspec.structs.replace(run, ablations=(forward_ablation(), both_ablation()))


def no_lrn(times: Iterable[OpTimes]) -> list[OpTimes]:
    return [op for op in times if op.kind != "LRN"]


def part(
    layer: str,
    pass_: str,
    attributed_s: float,
    std_s: float,
    ci95_s: tuple[float, float] | None = None,
) -> AblationPart:
    return AblationPart(
        layer=layer,
        pass_=pass_,
        attributed_s=attributed_s,
        attributed_std_s=std_s,
        ci95_s=ci95_s,
    )


def forward_ablation() -> Ablation:
    return Ablation(
        name="lrn",
        phase="forward",
        reference="with_lrn",
        without="without_lrn",
        kinds=("LRN",),
        measured_s=0.05534,
        ci95_s=(-0.0157, 0.1263),
        measured_median_s=0.02789,
        median_ci95_s=(0.0246, 0.0881),
        attributed_s=0.02983,
        attributed_std_s=0.0023,
        ops=2,
        parts=(
            part("lrn1", "forward", 0.01407, 0.00156),
            part("lrn2", "forward", 0.01576, 0.00164),
        ),
        others=(change("conv2", 0.21303, 0.18755, 0.071),),
        others_s=0.02548,
        not_significant=Gathered(names=("conv2",), change_s=0.02548, ci95_s=(-0.0455, 0.0965)),
        idle_s=0.00003,
        traced_over_timed=(0.862, 0.982),
    )


def both_ablation() -> Ablation:
    return Ablation(
        name="lrn",
        phase="forward_backward",
        reference="with_lrn",
        without="without_lrn",
        kinds=("LRN",),
        measured_s=0.03336,
        ci95_s=(-0.0315, 0.0982),
        measured_median_s=0.05586,
        median_ci95_s=(0.0199, 0.0647),
        attributed_s=0.05577,
        attributed_std_s=0.0049,
        ops=4,
        parts=(
            part("lrn1", "forward", 0.01438, 0.00286, (0.0116, 0.01716)),
            part("lrn1", "backward", 0.01557, 0.00337),
            part("lrn2", "forward", 0.01325, 0.00051),
            part("lrn2", "backward", 0.01257, 0.00267),
        ),
        attributed_ci95_s=(0.0514, 0.06014),
        seen=(
            SeenOps(type="LRN", pass_="forward", ops=2),
            SeenOps(type="LRNGrad", pass_="backward", ops=2),
        ),
        others=(
            change("conv2", 0.186, 0.1981, 0.0041, significant=True),
            change("conv4", 0.123, 0.1291, 0.0087),
            change("conv3", 0.0933, 0.0961, 0.0093),
            change("conv1", 0.0527, 0.05387, 0.0031),
            change("conv5", 0.0914, 0.09166, 0.012),
        ),
        others_s=-0.02243,
        others_ci95_s=(-0.0399, -0.00496),
        not_significant=Gathered(
            names=("conv4", "conv3", "conv1", "conv5"),
            change_s=-0.01033,
            ci95_s=(-0.0278, 0.00714),
        ),
        idle_s=0.00002,
        idle_ci95_s=(-0.00004, 0.00008),
        traced_over_timed=(0.997, 1.021),
        predicted_s=0.0547,
        predicted_ci95_s=(0.0522, 0.0572),
        predicted_from="replay",
    )


def change(
    name: str, with_s: float, without_s: float, half_s: float, *, significant: bool = False
) -> LayerChange:
    change_s = with_s - without_s
    return LayerChange(
        name=name,
        with_s=with_s,
        without_s=without_s,
        change_s=change_s,
        ci95_s=(change_s - half_s, change_s + half_s),
        significant=significant,
    )


@cache
def steady() -> Run:
    """The same without slow stretches: means lead, and the forward difference is seen."""
    run = alexnet()
    seen = msgspec.structs.replace(run.ablations[0], ci95_s=(0.0421, 0.0686))
    return msgspec.structs.replace(run, stretches=(), ablations=(seen, run.ablations[1]))
