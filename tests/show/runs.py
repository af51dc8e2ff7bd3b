"""Runs made by hand: what a report has to look right for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from alexprof.record.ablation import Ablation, AblationPart
from alexprof.record.environment import Machine, Software
from alexprof.record.phase import AttributedTimes, Cost, DeviceTimes, OpCost, Phase, Traced
from alexprof.record.program import ExecutedOp
from alexprof.record.run import MachineRecord, Run, Variant, WorkloadRecord
from alexprof.record.trace import Gathered, LayerChange, PathOp, Replay, Saving, SeenOps
from alexprof.record.values import BlockTime, Stretch, Timed
from alexprof.record.workload import Published
from tests.show import alexnet as measured

AnyCost = TypeVar("AnyCost", bound=Cost)

MACHINE = MachineRecord(
    Machine("AMD EPYC", 2, 23 * 2**30, "Linux 6.8.0", 0.2),
    Software("0.1.0", "3.11.2", "2.21.0", "2.4.0", True),
    (),
)


def ops(lines: str, device: str = "CPU", scale: float = 1.0) -> tuple[OpCost, ...]:
    """Ops from lines of name, kind, pass, share, its std, busy, its std; ms."""
    rows = [line.split() for line in lines.strip().splitlines()]
    total = math.fsum(float(row[3]) for row in rows)
    return tuple(
        OpCost(
            name=name,
            type=kind if kind != "Conv2D" else "_MklNativeFusedConv2D",
            kind=kind,
            layer=name.removeprefix("gradients/").split("/")[0].removesuffix("_grad"),
            device=device,
            pass_=pass_,
            executions_per_step=1.0,
            kernels_per_step=0.0 if device == "CPU" else 1.0,
            busy_mean_s=float(busy) * scale / 1e3,
            busy_std_s=float(busy_std) * scale / 1e3,
            share_mean_s=float(share) * scale / 1e3,
            share_std_s=float(std) * scale / 1e3,
            share_fraction=float(share) / total,  # until `divided` knows the step
        )
        for name, kind, pass_, share, std, busy, busy_std in rows
    )


def rolled(costs: Iterable[OpCost], by: str) -> tuple[Cost, ...]:
    """Layers or kinds, by pass."""
    groups: dict[tuple[str, str, str], list[OpCost]] = {}
    for op in costs:
        groups.setdefault((getattr(op, by), op.pass_, op.device), []).append(op)
    return tuple(
        Cost(
            name=name,
            device=device,
            pass_=pass_,
            executions_per_step=math.fsum(op.executions_per_step or 0 for op in mine),
            kernels_per_step=math.fsum(op.kernels_per_step for op in mine),
            busy_mean_s=math.fsum(op.busy_mean_s for op in mine),
            busy_std_s=None,
            share_mean_s=math.fsum(op.share_mean_s for op in mine),
            share_std_s=root_sum_squares([op.share_std_s for op in mine]),
            share_fraction=math.fsum(op.share_fraction for op in mine),
        )
        for (name, pass_, device), mine in groups.items()
    )


def whole(
    costs: Iterable[OpCost], device: str, idle_s: float, step_s: float, steps: int
) -> tuple[Cost, ...]:
    """Layers over all passes, as if these varied independently, and idle time."""
    together = [msgspec.structs.replace(op, pass_="all") for op in costs]
    idle = Cost(
        name="(idle)",
        device=device,
        pass_="all",
        executions_per_step=0.0,
        kernels_per_step=0.0,
        busy_mean_s=0.0,
        busy_std_s=None,
        share_mean_s=idle_s,
        share_std_s=idle_s / 20 if steps > 1 else None,
        share_fraction=idle_s / step_s,
    )
    return (*rolled(together, "layer"), idle)


def root_sum_squares(stds: Sequence[float | None]) -> float | None:
    known = [std for std in stds if std is not None]
    return math.sqrt(math.fsum(std * std for std in known)) if len(known) == len(stds) else None


T_OF_FIVE = 2.776
"""Student's t of five blocks, of two steps each: how wide an interval is in standard deviations."""


def interval(mean_s: float, std_s: float | None) -> tuple[float, float] | None:
    """What a mean over ten traced steps is sure to."""
    if std_s is None:
        return None
    half_s = T_OF_FIVE * std_s / math.sqrt(10)
    return mean_s - half_s, mean_s + half_s


def sure(costs: Iterable[AnyCost]) -> tuple[AnyCost, ...]:
    """Costs with the intervals that belong to their standard deviations."""
    return tuple(
        msgspec.structs.replace(one, share_ci95_s=interval(one.share_mean_s, one.share_std_s))
        for one in costs
    )


def divided(
    phase: Phase,
    costs: Sequence[OpCost],
    idle_ms: float,
    *,
    steps: int = 10,
    std_ms: float | None = None,
    others: tuple[DeviceTimes, ...] = (),
    reasons: dict[str, int] | None = None,
    not_timed: tuple[ExecutedOp, ...] = (),
) -> Phase:
    """A phase with a trace of which `costs` and idle time are the whole step."""
    device = costs[0].device if costs else "CPU"
    share_ns = round(math.fsum(op.share_mean_s for op in costs) * steps * 1e9)
    idle_ns = round(idle_ms * steps * 1e6)
    wall_ns = share_ns + idle_ns
    books = DeviceTimes(
        device=device,
        wall_ns=wall_ns,
        share_ns=share_ns,
        idle_ns=idle_ns,
        unassigned_ns=0,
        idle_by_reason_ns=reasons or {},
    )
    step_s = wall_ns / steps / 1e9
    known = tuple(
        msgspec.structs.replace(op, share_fraction=op.share_mean_s / step_s) for op in costs
    )
    return msgspec.structs.replace(
        phase,
        traced=Traced(
            steps=steps,
            mean_s=step_s,
            std_s=None if std_ms is None else std_ms / 1e3,
            slowdown=step_s / phase.timed.mean_s if phase.timed else None,
            wall_clock_mean_s=step_s,
            file="with_lrn/plugins/profile/forward/vm.xplane.pb",
            host_level=3,
            events=len(costs) * steps,
            ci95_s=interval(step_s, None if std_ms is None else std_ms / 1e3),
        ),
        attribution=AttributedTimes(
            device=device,
            wall_ns=wall_ns,
            share_ns=share_ns,
            idle_ns=idle_ns,
            unassigned_ns=0,
            devices=(books, *others),
        ),
        ops=sure(known),
        layers=sure(rolled(known, "layer")),
        layers_whole=sure(whole(known, device, idle_ms / 1e3, step_s, steps)),
        kinds=sure(rolled(known, "kind")),
        not_timed=not_timed,
    )


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
    return tuple(one for one in phase.kinds if one.name == "LRN")


def replayed(phase: Phase) -> Phase:
    """A phase whose replay is 0.2 % off and gives each layer and kind 98 % of its share."""
    assert phase.timed is not None
    savings = []
    for what, costs in (
        ("layer", phase.layers),
        ("kind", phase.kinds),
        ("ablation", tuple(msgspec.structs.replace(one, name="lrn") for one in lrn_of(phase))),
    ):
        for name in dict.fromkeys(one.name for one in costs):
            fraction = 0.98 * math.fsum(one.share_fraction for one in costs if one.name == name)
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
    savings.sort(key=lambda one: (one.what, -one.fraction))
    path = tuple(PathOp(op=op.name, mean_s=op.share_mean_s) for op in phase.ops[:25])
    replay = Replay(
        drift=0.0021, drift_worst=0.0094, steps=10, critical_path=path, savings=tuple(savings)
    )
    return msgspec.structs.replace(phase, replay=replay)


def alexnet() -> Run:
    """The run of the design's pictures: two variants, two phases, slow stretches."""
    both = ops(measured.FORWARD_BACKWARD)
    forward = ops(measured.FORWARD)
    with_lrn = {
        "forward": divided(
            Phase(label="Forward", timed=FORWARD_WITH),
            forward,
            measured.FORWARD_IDLE_MS,
            std_ms=measured.FORWARD_STEP_STD_MS,
            not_timed=NOT_TIMED[-4:],
        ),
        "forward_backward": replayed(
            divided(
                Phase(label="Forward-backward", timed=BOTH_WITH),
                both,
                measured.FORWARD_BACKWARD_IDLE_MS,
                std_ms=measured.FORWARD_BACKWARD_STEP_STD_MS,
                not_timed=NOT_TIMED,
            )
        ),
    }
    without_lrn = {
        "forward": divided(
            Phase(label="Forward", timed=FORWARD_WITHOUT), no_lrn(forward), 0.75, std_ms=5.1
        ),
        "forward_backward": divided(
            Phase(label="Forward-backward", timed=BOTH_WITHOUT), no_lrn(both), 1.12, std_ms=9.6
        ),
    }
    return Run(
        schema_version=1,
        run="alexnet-20261124-071417",
        complete=True,
        stopped=None,
        started="2026-11-24T07:14:17+00:00",
        workload=WorkloadRecord(
            name="alexnet", settings={"batch_size": 32, "seed": 0}, published=PUBLISHED
        ),
        machine=MACHINE,
        variants={
            "with_lrn": Variant(label="with LRN", build_s=0.31, phases=with_lrn),
            "without_lrn": Variant(label="without LRN", build_s=0.28, phases=without_lrn),
        },
        ablations=(forward_ablation(), both_ablation()),
        stretches=STRETCHES,
    )


def no_lrn(costs: Iterable[OpCost]) -> tuple[OpCost, ...]:
    return tuple(op for op in costs if op.kind != "LRN")


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
        others_s=0.02548,
        idle_s=0.00003,
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


def steady() -> Run:
    """The same without slow stretches: means lead, and the forward difference is seen."""
    run = alexnet()
    seen = msgspec.structs.replace(run.ablations[0], ci95_s=(0.0421, 0.0686))
    return msgspec.structs.replace(run, stretches=(), ablations=(seen, run.ablations[1]))
