"""Reads the system's counters before and after some steps, never between them.

From Linux's files: proc(5) (`stat`, `self/cgroup`), the kernel's Documentation/accounting/psi.rst
(`pressure`), admin-guide/cgroup-v2.rst (`cpu.stat`), and cpufreq in sysfs. Where they are missing,
as on other systems, the values are None.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alexprof.measure.gpu_state import read_gpus
from alexprof.measure.machine import usable_cores
from alexprof.record.interference import GpuState, Interference

ROOT = Path("/")


@dataclass(frozen=True)
class Reading:
    """Counters at a moment, all of them growing but the clock of the cores; None: not known.

    Attributes:
        at_s: Monotonic time.
        busy_s: Processor time that the usable cores spent at work.
        steal_s: What the host took of them.
        own_s: Processor time of this process.
        cpu_stalled_s: Time in which some thread waited for a core.
        memory_stalled_s: Time in which some thread waited for memory.
        throttled_s: Time for which the control group's quota stopped threads.
        switches: Involuntary context switches of this process.
        major_faults: Major page faults of this process.
        mhz: Mean clock of the cores.
    """

    at_s: float
    busy_s: float | None = None
    steal_s: float | None = None
    own_s: float | None = None
    cpu_stalled_s: float | None = None
    memory_stalled_s: float | None = None
    throttled_s: float | None = None
    switches: int | None = None
    major_faults: int | None = None
    mhz: float | None = None


def read_system(root: Path = ROOT) -> Reading:
    """Reads the counters, in about 0.2 ms."""
    busy_s, steal_s = _processors(root)
    own_s, switches, faults = _own()
    return Reading(
        at_s=time.perf_counter(),
        busy_s=busy_s,
        steal_s=steal_s,
        own_s=own_s,
        cpu_stalled_s=_stalled(root, "cpu"),
        memory_stalled_s=_stalled(root, "memory"),
        throttled_s=_throttled(root),
        switches=switches,
        major_faults=faults,
        mhz=_mhz(root),
    )


def between(before: Reading, after: Reading, cores: int) -> Interference:
    """What went on between two readings."""
    seconds = after.at_s - before.at_s

    def rate(name: str) -> float | None:
        grown: float | None = _grown(getattr(before, name), getattr(after, name))
        return None if grown is None or seconds <= 0 else grown / seconds

    busy, own, faults = rate("busy_s"), rate("own_s"), rate("major_faults")
    return Interference(
        seconds=seconds,
        cores=cores,
        cpu_own=own,
        # Ticks and the process's own clock are not read at one moment: others never use less than
        # nothing.
        cpu_others=None if busy is None or own is None else max(0.0, busy - own),
        steal=rate("steal_s"),
        cpu_stalled=rate("cpu_stalled_s"),
        memory_stalled=rate("memory_stalled_s"),
        throttled=rate("throttled_s"),
        involuntary_switches_per_s=rate("switches"),
        major_page_faults=None if faults is None else round(faults * seconds),
        cpu_mhz_before=before.mhz,
        cpu_mhz_after=after.mhz,
    )


@dataclass
class Monitored:
    """What `monitor` has read; None before its end."""

    interference: Interference | None = None


@contextmanager
def monitor(
    *,
    read: Callable[[], Reading] = read_system,
    gpus: Callable[[], tuple[GpuState, ...]] = read_gpus,
) -> Iterator[Monitored]:
    """Monitors the system while the `with` block runs, by what is read before and after it.

    The counters are read innermost, so that the GPUs' driver isn't in them.

    Args:
        read: Reads the counters.
        gpus: Reads the GPUs.

    Yields:
        What holds the findings after the block, unless that fails.
    """
    monitored = Monitored()
    gpus_before = gpus()
    with _collections() as collected:
        before = read()
        yield monitored
        after = read()
    gpus_after = gpus()
    monitored.interference = replace(
        between(before, after, usable_cores()),
        collections=collected.count,
        collecting_s=collected.seconds,
        gpus_before=gpus_before,
        gpus_after=gpus_after,
    )


@dataclass
class _Collected:
    """Counts garbage collections: Python calls it at the start and the end of each."""

    count: int = 0
    seconds: float = 0.0
    started: float = 0.0

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self.started = time.perf_counter()
        else:
            self.count += 1
            self.seconds += time.perf_counter() - self.started


@contextmanager
def _collections() -> Iterator[_Collected]:
    collected = _Collected()
    gc.callbacks.append(collected)
    try:
        yield collected
    finally:
        gc.callbacks.remove(collected)


def _grown(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _own() -> tuple[float | None, int | None, int | None]:
    """Processor time, involuntary context switches and major page faults of this process."""
    try:
        import resource
    except ImportError:
        return None, None, None
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_nivcsw, usage.ru_majflt


def _processors(root: Path) -> tuple[float | None, float | None]:
    """Busy and stolen seconds, summed over the cores this process may use."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    busy, steal, seen = 0, 0, False
    for line in _text(root / "proc/stat").splitlines():
        name, _, rest = line.partition(" ")
        number, values = name.removeprefix("cpu"), rest.split()
        if number == name or not number.isdigit() or len(values) < 8:
            continue
        if usable is None or int(number) in usable:
            # user, nice, system, idle, iowait, irq, softirq, steal; guest time is in user's.
            ticks = [int(value) for value in values[:8]]
            busy += sum(ticks[:3]) + ticks[5] + ticks[6]
            steal += ticks[7]
            seen = True
    if not seen:
        return None, None
    per_second = os.sysconf("SC_CLK_TCK")
    return busy / per_second, steal / per_second


def _stalled(root: Path, what: str) -> float | None:
    """Total of the line "some avg10=… total=MICROSECONDS"."""
    for line in _text(root / "proc/pressure" / what).splitlines():
        if line.startswith("some "):
            for field in line.split():
                name, _, value = field.partition("=")
                if name == "total" and value.isdigit():
                    return int(value) / 1e6
    return None


def _throttled(root: Path) -> float | None:
    """Of the control group: version 2 says microseconds, version 1 nanoseconds."""
    for folder in _cpu_groups(root):
        lines = [line.partition(" ") for line in _text(folder / "cpu.stat").splitlines()]
        fields = {name: value.strip() for name, _, value in lines}
        for name, per_second in (("throttled_usec", 1e6), ("throttled_time", 1e9)):
            if fields.get(name, "").isdigit():
                return int(fields[name]) / per_second
    return None


def _cpu_groups(root: Path) -> Iterator[Path]:
    """Where this process's group for processor time may lie; in a container, at the top."""
    top = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield top / path.lstrip("/")
        elif "cpu" in controllers.split(","):
            yield top / controllers / path.lstrip("/")
            yield top / "cpu" / path.lstrip("/")
    yield from (top, top / "cpu")


def _mhz(root: Path) -> float | None:
    """Mean over cores of what cpufreq says, in kHz."""
    files = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
    known = [int(text) for text in (_text(file).strip() for file in files) if text.isdigit()]
    return sum(known) / len(known) / 1e3 if known else None


def _text(path: Path) -> str:
    """What a file of the system holds; nothing if it isn't there or isn't ours to read."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
