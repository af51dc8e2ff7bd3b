"""Steps of many tiny ops, with the trace off and at its levels, to see what an event costs.

A real step is far too noisy for that: 100 events of half a microsecond are lost in 100 ms ± 1 %. A
chain of scalar ops does little else than what the profiler records of it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alexprof.capture.failures import profiler_failures, step_failures
from alexprof.capture.trace import profiler_options
from alexprof.errors import CaptureError

if TYPE_CHECKING:
    from alexprof.measure.spread import Floats

OPS = 1000
"""In a step: a few milliseconds while it is traced."""
LEVELS = (0, 1, 2, 3)
"""Host tracer levels; 0 is no profiler at all."""
BLOCKS, BLOCK_STEPS, WARM_UP = 16, 8, 2
"""Blocks at each level, timed steps in each, and steps before them that are left out."""
LEAST_BLOCKS, MOST_S = 6, 2.5
"""On a busy machine there are fewer blocks: no new ones after that time."""
_LEARNING = 150
"""Steps in which the executor learns that the ops are cheap: it believes so after about 90."""
_DOING = "calibrating what tracing costs"


@dataclass(frozen=True)
class CalibrationSteps:
    """What was measured.

    Attributes:
        blocks: By level, float64 [steps] seconds each; block i of each level beside the others'.
        traces: One block's trace by level, without level 0.
        ops: Ops in a step.
        traced_steps: Steps that each trace holds.
    """

    blocks: dict[int, list[Floats]]
    traces: dict[int, Path]
    ops: int
    traced_steps: int


@contextmanager
def calibration_steps(blocks: int = BLOCKS) -> Iterator[CalibrationSteps]:
    """Runs the blocks, 0 1 2 3 3 2 1 0 …; the traces are there until the block ends.

    Args:
        blocks: At each level, at least two; on a slow machine fewer may do.

    Raises:
        CaptureError: If a profiler is in the way or memory runs out.
    """
    seconds: dict[int, list[Floats]] = {level: [] for level in LEVELS}
    traces: dict[int, Path] = {}
    with tempfile.TemporaryDirectory(prefix="alexprof-") as folder, _chain() as run:
        for _ in range(_LEARNING):
            run()
        begin_s = time.monotonic()
        for number in range(blocks):
            if number >= LEAST_BLOCKS and time.monotonic() - begin_s > MOST_S:
                break
            for level in LEVELS if number % 2 == 0 else reversed(LEVELS):
                keep = Path(folder) / str(level) if level and number == 1 else None
                seconds[level].append(_block(run, level, keep))
                if keep is not None:
                    traces[level] = _trace_in(keep)
        yield CalibrationSteps(seconds, traces, OPS, WARM_UP + BLOCK_STEPS)


@contextmanager
def _chain() -> Iterator[Callable[[], object]]:
    """A session's step: each op waits for the one before it; none is folded away."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        value = v1.placeholder_with_default(v1.constant(1.0), [])
        for _ in range(OPS):
            value = tf.raw_ops.Neg(x=value)
    config = v1.ConfigProto(device_count={"GPU": 0})
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with step_failures(_DOING), v1.Session(graph=graph, config=config) as session:
        yield session.make_callable(value.op)


def _block(run: Callable[[], object], level: int, keep: Path | None) -> Floats:
    """Times steps at a level; the trace goes to a folder, or nowhere."""
    if level == 0:
        return _steps(run)
    import tensorflow as tf

    with profiler_failures(_DOING):
        tf.profiler.experimental.start(str(keep or ""), profiler_options(level))
        try:
            return _steps(run)
        finally:
            tf.profiler.experimental.stop(save=keep is not None)


def _steps(run: Callable[[], object]) -> Floats:
    times_ns = []
    for _ in range(WARM_UP + BLOCK_STEPS):
        start_ns = time.perf_counter_ns()
        run()
        times_ns.append(time.perf_counter_ns() - start_ns)
    return np.array(times_ns[WARM_UP:]) / 1e9


def _trace_in(folder: Path) -> Path:
    found = sorted(folder.glob("plugins/profile/*/*.xplane.pb"))
    if not found:
        raise CaptureError(f"{_DOING}: the profiler wrote no trace")
    return found[0]
