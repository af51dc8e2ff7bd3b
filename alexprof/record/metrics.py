"""What is known of each op in each traced step, declared once.

A new metric is an entry of `METRICS`, a function in `attribute/metrics.py` that measures it, and a
field of `phase.Cost` for its mean.
"""

from __future__ import annotations

from typing import NamedTuple

IDLE_OP = "(idle)"
"""The op of the rows of idle time, one for each reason."""


class Metric(NamedTuple):
    """A column of `costs.parquet`, and what it adds up to over steps."""

    column: str
    mean: str = ""  # field of `Cost` for its mean over steps
    std: str = ""  # field of `Cost` for its sample standard deviation
    of_idle: int | None = None  # what idle time has of it

    @property
    def is_time(self) -> bool:
        """Whether it is a time, in whole nanoseconds."""
        return self.column.endswith("_ns")


METRICS = (
    Metric("executions", "executions_per_step", of_idle=0),
    Metric("kernels", "kernels_per_step", of_idle=0),
    Metric("busy_ns", "busy_mean_s", "busy_std_s", of_idle=0),
    Metric("share_ns", "share_mean_s", "share_std_s"),
    Metric("core_ns", "core_mean_s"),
    Metric("at_work_ns"),
    Metric("idle_before_ns", "idle_before_s"),
    Metric("launching_ns", "launching_s"),
)
