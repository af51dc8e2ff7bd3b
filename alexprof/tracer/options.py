"""How a run is measured: the options that `Tracer`, `profile` and the command line share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alexprof.arguments import FLAG, NUMBER, TEXT, check, several, whole
from alexprof.capture.runtime import check_cpu_allocator, check_session_options
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
        check(
            trace_steps=(self.trace_steps, whole(0)),
            block_steps=(self.block_steps, whole(1).or_none()),
            intra_op=(self.intra_op, whole(0)),
            inter_op=(self.inter_op, whole(0)),
            fetch=(self.fetch, FLAG),
            precision=(self.precision, NUMBER.or_none()),
            max_time_s=(self.max_time_s, NUMBER.or_none()),
            until_steady=(self.until_steady, FLAG),
        )
        check_session_options(self.device, self.intra_op, self.inter_op)
        self.rule(1)


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
        check(
            num_batches=(self.num_batches, whole(1).or_none()),
            burn_in=(self.burn_in, whole(0)),
            variants=(self.variants, several(TEXT)),
            phases=(self.phases, several(TEXT)),
            interleave=(self.interleave, FLAG),
        )
        super().check()
        self.rule(self.num_batches)
