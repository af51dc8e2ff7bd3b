"""AlexNet: the default profile, ablations predicted and measured, and what timing itself costs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gpu.sizes import Sizes

if TYPE_CHECKING:
    from alexprof.record.ablation import Ablation
    from alexprof.record.run import Run
    from alexprof.tracer.options import ProfileOptions
    from alexprof.workload import Workload

LEFT_OUT = ("LRN", "lrn1", "lrn2")


def machine() -> dict[str, Any]:
    """What this is measured on; `gpus` is empty where TensorFlow sees none."""
    from alexprof.capture.runtime import start_tensorflow

    start_tensorflow()
    import tensorflow as tf

    import alexprof
    from alexprof.capture.runtime import accelerators
    from alexprof.measure.machine import describe_machine

    host = describe_machine()
    return {
        "gpus": [device.description for device in accelerators()],
        "processor": host.processor,
        "cores": host.cores,
        "tensorflow": tf.__version__,
        "alexprof": alexprof.__version__,
    }


def profiled(batch: int, sizes: Sizes, folder: Path) -> dict[str, Any]:
    """`alexprof profile` with its defaults, but for the batch size."""
    run = _run(_alexnet(batch, sizes), folder / "run", sizes)
    return {
        "batch_size": batch,
        "phases": [
            {
                "variant": name,
                "phase": key,
                "mean_s": phase.timed.mean_s if phase.timed else None,
                "ci95_s": phase.timed.ci95_s if phase.timed else None,
                "traced_mean_s": phase.traced.mean_s if phase.traced else None,
                "device": phase.attribution.device if phase.attribution else None,
                "busy": 1 - phase.attribution.timeline.idle_ns / phase.attribution.timeline.wall_ns
                if phase.attribution
                else None,
            }
            for name, variant in run.variants.items()
            for key, phase in variant.phases.items()
        ],
        "ablations": _answers(run),
    }


def ablated(batch: int, sizes: Sizes, folder: Path) -> dict[str, Any]:
    """`alexprof ablate --measure LRN,lrn1,lrn2`: what was predicted beside what it saved."""
    from alexprof.workload.leave_ops_out import ablated

    run = _run(ablated(_alexnet(batch, sizes), LEFT_OUT), folder / "run", sizes)
    return {"batch_size": batch, "ablations": _answers(run)}


def loops(batch: int, sizes: Sizes, folder: Path) -> dict[str, Any]:
    """AlexProf's timed loop against the classic one."""
    from benchmarks import loop

    result = loop.compare(argparse.Namespace(batch_size=batch, num_batches=sizes.loop_batches))
    phases = {key: value for key, value in result.items() if isinstance(value, dict)}
    return {"batch_size": batch, "steps": result["steps"], "phases": phases}


def _run(workload: Any, folder: Path, sizes: Sizes) -> Run:
    from alexprof.capture.runtime import start_tensorflow

    start_tensorflow()
    from alexprof.tracer.profiling import profile

    return profile(workload, folder, _options(sizes))


def _options(sizes: Sizes) -> ProfileOptions:
    from alexprof.tracer.options import ProfileOptions

    return ProfileOptions(
        num_batches=sizes.num_batches, burn_in=sizes.burn_in, trace_steps=sizes.trace_steps
    )


def _alexnet(batch: int, sizes: Sizes) -> Workload:
    from alexprof.workload.alexnet import alexnet

    return alexnet(batch_size=batch, image_size=sizes.image_size)


def _answers(run: Run) -> list[dict[str, Any]]:
    return [_answer(ablation) for ablation in run.ablations]


def _answer(ablation: Ablation) -> dict[str, Any]:
    predicted_s, interval = ablation.predicted_s, ablation.ci95_s
    return {
        "name": ablation.name,
        "phase": ablation.phase,
        "measured_s": ablation.measured_s,
        "ci95_s": interval,
        "predicted_s": predicted_s,
        "predicted_from": ablation.predicted_by,
        "error": predicted_s / ablation.measured_s - 1
        if predicted_s and ablation.measured_s > 0
        else None,
        "inside": None
        if interval is None or predicted_s is None
        else interval[0] <= predicted_s <= interval[1],
    }
