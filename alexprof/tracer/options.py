"""How a run is measured: the options that `Tracer`, `profile` and the command line share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alexprof.capture.runtime import check_cpu_allocator, check_session_options
from alexprof.errors import UsageError
from alexprof.measure.stopping import StoppingRule


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """How each phase is measured; its fields are explained with `Tracer`."""

    trace_steps: int = 10
    block_steps: int | None = None
    device: str = "auto"
    intra_op: int = 0
    inter_op: int = 0
    fetch: bool = True
    precision: float | None = None
    max_time_s: float | None = None
    until_steady: bool = False

    def rule(self, steps: int | None) -> StoppingRule:
        """When the timed steps of a phase are enough; a `UsageError` if nothing ends them."""
        return StoppingRule.of(steps, self.precision, self.max_time_s)

    def check(self) -> None:
        """Raises a `UsageError` if an option is out of range, before TensorFlow is started."""
        check_session_options(self.device, self.intra_op, self.inter_op)
        self._check_least("trace_steps", 0)
        self._check_least("block_steps", 1)
        self.rule(1)

    def _check_least(self, field: str, least: int) -> None:
        count = getattr(self, field)
        if count is not None and count < least:
            raise UsageError(f"{field} must be at least {least}, not {count}")


@dataclass(frozen=True, kw_only=True)
class ProfileOptions(MeasureOptions):
    """What `alexprof profile` takes beside the workload; with the rest of `MeasureOptions`."""

    # Timed steps of each variant and phase; with a precision or a longest time the most of them.
    # None leaves the number to those.
    num_batches: int | None = 100
    burn_in: int = 10  # Warm-up steps before them
    variants: Sequence[str] = ()  # Which to run; none means all
    phases: Sequence[str] = ()  # Likewise
    # Where CPU tensors get their memory: "bfc" keeps it between steps, "malloc" is the system's.
    # Only a process's first run can choose.
    cpu_allocator: str = "bfc"
    interleave: bool = True  # Whether variants take turns in blocks of steps

    def check(self) -> None:
        """Raises a `UsageError` if an option is out of range, before TensorFlow is started."""
        check_cpu_allocator(self.cpu_allocator)
        self._check_least("num_batches", 1)
        self._check_least("burn_in", 0)
        super().check()
        self.rule(self.num_batches)
