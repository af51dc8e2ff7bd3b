"""A step of a GPU replayed: what the host launches, and what the streams then do.

The host launches in order; a kernel starts when its launch is done and what ran before it on its
stream, or on another that it waits for, has ended. Where it began later than that, the rest of the
wait is kept. A call that returns only when the GPU is done, as a copy to pageable memory does,
holds up the launches after it. If some launches go, those after them come earlier by the host's
time for them.

Under a profiler the host is slower and kernels are not. So for a step without one, the host's time
is scaled until the replayed step takes as long as a timed one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from alexprof.attribute.activity import Activity, Launched
from alexprof.attribute.ops import Work
from alexprof.attribute.steps import PS_PER_NS, Steps, is_behind, step_of
from alexprof.attribute.timeline import Index
from alexprof.record.note import Note

_SAME_PS = 200_000  # what clocks of streams may differ by
_MOST_HOST = 4.0  # times as slow as traced: no host without a profiler is
_ROUNDS = 40
_MOST_WAITS = 1_000_000  # launches in a step × streams: all may wait for each other


@dataclass(frozen=True)
class ReplayedLaunch:
    """Something that a step launched. Times are nanoseconds."""

    op: int  # number of its op
    # The host's time for it: from the end of the launch before it, for the first from its own
    # begin, to the end of its own (or its begin, where the call waits for the GPU), as far as the
    # host was launching.
    host_ns: float
    apart_ns: float  # what else the host did meanwhile, as Python: it stays if the launch goes
    back_ns: float | None  # where the call waits for the GPU, from then to its end; else None
    after: tuple[int, ...]  # places of the launches whose end it waited for
    waited_ns: float  # from when it could start to its start
    by_host: bool  # whether it was the host that it waited for last
    took_ns: float  # its duration


@dataclass(frozen=True)
class LaunchedStep:
    """A traced step."""

    launches: tuple[ReplayedLaunch, ...]  # in the order in which the host launched them
    lead_ns: float  # what the host does before the first launch, whatever is launched then
    tail_ns: float  # what the step lasts after its last launch and all that those did
    wall_ns: float  # how long it took

    def replayed_ns(
        self, host: float = 1.0, without: Collection[int] = (), faster: Collection[int] = ()
    ) -> float:
        """Returns how long the step takes, without some ops or with some kernels twice as fast.

        `host` is what the host's times are multiplied by.
        """
        ends: list[float] = []
        launched, last = self.lead_ns * host, 0.0
        for launch in self.launches:
            before = max((ends[place] for place in launch.after), default=0.0)
            launched += launch.apart_ns * host
            if launch.op in without:
                ends.append(before)
                continue
            launched += launch.host_ns * host
            waited = launch.waited_ns * (host if launch.by_host else 1.0)
            took = launch.took_ns / 2 if launch.op in faster else launch.took_ns
            ends.append(max(launched, before) + waited + took)
            last = max(last, ends[-1])
            if launch.back_ns is not None:
                launched = ends[-1] + launch.back_ns * host
        return max(last, launched) + self.tail_ns * host


@dataclass(frozen=True)
class LaunchedSteps:
    """The launches of a GPU's steps, to be drawn one step at a time."""

    work: Work  # what ran
    activity: Activity  # on the GPU
    launched: Launched  # and how it was launched
    steps: Steps  # on the host
    rows: Index  # [m], what steps launched, by step and end of the launch
    first: Index  # [steps + 1], where the rows of each step begin

    @classmethod
    def of(cls, work: Work, steps: Steps, device: str) -> LaunchedSteps | Note:
        """Gathers the launches of a GPU's steps, or the reason why they can't be replayed."""
        activity = work.device(device)
        launched, step = activity.launched, step_of(activity, steps)
        rows = np.flatnonzero(step >= 0)
        if launched is None or not launched.known[rows].all() or not rows.size:
            return Note("replay_no_launch_times")
        calls = np.stack((launched.thread[rows], launched.end_ps[rows]))
        if np.unique(calls, axis=1).shape[1] < rows.size:
            return Note("replay_cuda_graphs")
        size = rows.size / len(steps)
        if size * np.unique(activity.thread[rows]).size > _MOST_WAITS:
            return Note("replay_too_many_launches", {"launches_per_step": size})
        rows = rows[np.lexsort((launched.end_ps[rows], step[rows]))]
        first = np.searchsorted(step[rows], np.arange(len(steps) + 1))
        if (np.diff(first) == 0).any():
            return Note("replay_empty_steps")
        if is_behind(activity.start_ps[rows], activity.end_ps[rows], steps.end_ps[step[rows]]):
            return Note("replay_gpu_behind")
        return cls(work, activity, launched, steps, rows, first)

    @property
    def size(self) -> float:
        """Launches in a step, mean."""
        return self.rows.size / len(self.steps)

    def drawn(self, step: int) -> LaunchedStep:
        """Returns a step."""
        rows = self.rows[self.first[step] : self.first[step + 1]]
        start_ps, end_ps = int(self.steps.start_ps[step]), int(self.steps.end_ps[step])
        called, done = self.launched.start_ps[rows], self.launched.end_ps[rows]
        since = np.append(called[:1], done[:-1])
        until = np.where(self.activity.end_ps[rows] <= done, np.maximum(called, since), done)
        launching = self.work.launching_within(since, until).tolist()
        called_ps = (called - start_ps).tolist()
        done_ps = (done - start_ps).tolist()
        begin_ps = (self.activity.start_ps[rows] - start_ps).tolist()
        stop_ps = (self.activity.end_ps[rows] - start_ps).tolist()
        columns = self.activity.thread[rows].tolist(), self.activity.op[rows].tolist()
        ended: dict[int, _Ended] = defaultdict(_Ended)  # by stream
        launches = []
        before = called_ps[0]
        for place, (stream, op) in enumerate(zip(*columns, strict=True)):
            after = [
                earlier
                for of_stream in ended.values()
                if (earlier := of_stream.last_before(begin_ps[place])) is not None
            ]
            ready = max((stop_ps[earlier] for earlier in after), default=0)
            waits = stop_ps[place] <= done_ps[place]
            # Another thread may have launched the one before it meanwhile.
            free = max(called_ps[place], before) if waits else done_ps[place]
            launches.append(
                ReplayedLaunch(
                    op=op,
                    host_ns=launching[place] / PS_PER_NS,
                    apart_ns=(free - before - launching[place]) / PS_PER_NS,
                    back_ns=(done_ps[place] - stop_ps[place]) / PS_PER_NS if waits else None,
                    after=tuple(after),
                    waited_ns=(begin_ps[place] - max(free, ready)) / PS_PER_NS,
                    by_host=free >= ready,
                    took_ns=(stop_ps[place] - begin_ps[place]) / PS_PER_NS,
                )
            )
            before = done_ps[place]
            ended[stream].add(place, stop_ps[place])
        wall_ps = end_ps - start_ps
        return LaunchedStep(
            tuple(launches),
            lead_ns=called_ps[0] / PS_PER_NS,
            tail_ns=(wall_ps - max(*stop_ps, before)) / PS_PER_NS,
            wall_ns=wall_ps / PS_PER_NS,
        )


class _Ended:
    """The launches on a stream, without those that end as late as a later launch, or later."""

    def __init__(self) -> None:
        self._places: list[int] = []
        self._stop_ps: list[int] = []  # ascending

    def add(self, place: int, stop_ps: int) -> None:
        while self._stop_ps and self._stop_ps[-1] >= stop_ps:
            self._places.pop()
            self._stop_ps.pop()
        self._places.append(place)
        self._stop_ps.append(stop_ps)

    def last_before(self, begin_ps: int) -> int | None:
        """The last launch that had ended by a time."""
        ended = bisect_right(self._stop_ps, begin_ps + _SAME_PS)
        return self._places[ended - 1] if ended else None


def host_factor(steps: Sequence[LaunchedStep], timed_ns: float | None) -> float | None:
    """Finds by what to multiply the host's times so that the steps take as long as timed ones.

    Returns 1 without timed steps, and None if the kernels alone take longer.
    """
    if timed_ns is None:
        return 1.0

    def mean_ns(host: float) -> float:
        return float(np.mean([step.replayed_ns(host) for step in steps]))

    low, high = 0.0, _MOST_HOST
    if not mean_ns(low) <= timed_ns <= mean_ns(high):
        return None
    for _ in range(_ROUNDS):  # a slower host never makes a step shorter
        middle = (low + high) / 2
        low, high = (middle, high) if mean_ns(middle) < timed_ns else (low, middle)
    return (low + high) / 2
