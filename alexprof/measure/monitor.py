"""Reads the system's counters before and after some steps, never between them.

From Linux's files: proc(5) (`stat`, `self/cgroup`), the kernel's Documentation/accounting/psi.rst
(`pressure`), admin-guide/cgroup-v2.rst (`cpu.stat`), and cpufreq in sysfs; of this process from
getrusage(2). Where they are missing, as on other systems, the values are None.
"""

from __future__ import annotations

import gc
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from alexprof.measure.gpu_state import read_gpus
from alexprof.measure.machine import system_number, system_text, usable_cores
from alexprof.record.interference import GpuState, Interference

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

AnyReading = TypeVar("AnyReading")
ROOT = Path("/")


@dataclass(frozen=True)
class Reading:
    """Counters at a moment of monotonic time, and the mean clock of the cores.

    `counters` holds by field of `Interference` what grows: seconds of processor time and of
    waiting, numbers of switches and faults; and `cpu_busy`, seconds that the usable cores spent at
    work. What is not known is missing.
    """

    at_s: float
    counters: Mapping[str, float] = field(default_factory=dict)
    mhz: float | None = None


def read_system(root: Path = ROOT) -> Reading:
    """Reads the counters, in about 0.2 ms."""
    counters = {
        **_processors(root),
        "cpu_stalled": _stalled(root, "cpu"),
        "memory_stalled": _stalled(root, "memory"),
        "throttled": _throttled(root),
    }
    usage = _own_usage()
    if usage is not None:
        counters["cpu_own"] = usage.ru_utime + usage.ru_stime
        counters["involuntary_switches_per_s"] = usage.ru_nivcsw
        counters["major_page_faults"] = usage.ru_majflt
    counted = {name: count for name, count in counters.items() if count is not None}
    return Reading(time.perf_counter(), counted, _mhz(root))


def between(before: Reading, after: Reading, cores: int) -> Interference:
    """What went on between two readings."""
    seconds = after.at_s - before.at_s
    grown = {
        name: after.counters[name] - count
        for name, count in before.counters.items()
        if name in after.counters
    }
    faults = grown.pop("major_page_faults", None)
    rates: dict[str, Any] = {}
    if seconds > 0:
        rates = {name: count / seconds for name, count in grown.items()}
    busy, others = rates.pop("cpu_busy", None), None
    if busy is not None and "cpu_own" in rates:
        # Ticks and the process's own clock are not read at one moment.
        others = max(0.0, busy - rates["cpu_own"])
    return Interference(
        seconds=seconds,
        cores=cores,
        cpu_others=others,
        major_page_faults=None if faults is None else int(faults),
        cpu_mhz_before=before.mhz,
        cpu_mhz_after=after.mhz,
        **rates,
    )


@dataclass
class Monitored:
    """What `monitor` has read; None before its end. Counts garbage collections meanwhile."""

    interference: Interference | None = None
    failure: Exception | None = None  # Why `interference` is None after the block
    collections: int = 0
    collecting_s: float = 0.0
    collecting_since_s: float = 0.0

    def collect(self, phase: str, info: dict[str, Any]) -> None:
        """Python calls it at the start and the end of each collection."""
        del info
        if phase == "start":
            self.collecting_since_s = time.perf_counter()
        else:
            self.collections += 1
            self.collecting_s += time.perf_counter() - self.collecting_since_s


@contextmanager
def monitor(
    *,
    read: Callable[[], Reading] = read_system,
    gpus: Callable[[], tuple[GpuState, ...]] = read_gpus,
) -> Iterator[Monitored]:
    """Monitors the system while the `with` block runs, by readings before and after it.

    The counters are read closest to the block, so that they exclude the GPU driver's work. After
    the block, the yielded value holds the interference, or the error if a reading failed.
    """
    monitored = Monitored()
    gpus_before = _tried(gpus, monitored)
    gc.callbacks.append(monitored.collect)
    try:
        before = _tried(read, monitored)
        yield monitored
        after = _tried(read, monitored)
    finally:
        gc.callbacks.remove(monitored.collect)
    gpus_after = _tried(gpus, monitored)
    if before is None or after is None or gpus_before is None or gpus_after is None:
        return
    monitored.interference = replace(
        between(before, after, usable_cores()),
        collections=monitored.collections,
        collecting_s=monitored.collecting_s,
        gpus_before=gpus_before,
        gpus_after=gpus_after,
    )


def _tried(read: Callable[[], AnyReading], monitored: Monitored) -> AnyReading | None:
    """Takes a reading; if that fails, the monitored steps go on."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001 (drivers and file systems raise many kinds)
        monitored.failure = error
        return None


def page_faults() -> int | None:
    """Page faults of this process so far that needed no disk; None where nobody counts them."""
    usage = _own_usage()
    return None if usage is None else int(usage.ru_minflt)


def page_faults_since(before: int | None) -> int | None:
    """Page faults since an earlier `page_faults()`; None where nobody counts them."""
    now = page_faults()
    return None if before is None or now is None else now - before


def faults_per_step(faults: Sequence[int | None], steps: int) -> float | None:
    """Mean number a step, from counts over all steps; None if one of them is not known."""
    counted = [count for count in faults if count is not None]
    return sum(counted) / steps if steps and len(counted) == len(faults) else None


def _own_usage() -> Any:
    """What this process has used (`struct_rusage`); None where the system doesn't count it."""
    return resource and resource.getrusage(resource.RUSAGE_SELF)


def _processors(root: Path) -> dict[str, float | None]:
    """Busy and stolen seconds, summed over the cores this process may use."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    text = system_text(root / "proc/stat")
    ticks = [
        list(map(int, counts.split()))
        for core, counts in re.findall(r"^cpu(\d+) +((?:\d+ +){7}\d+)", text, re.MULTILINE)
        if usable is None or int(core) in usable
    ]
    if not ticks:
        return {}
    # Guest time is in user's.
    user, nice, system, _, _, irq, softirq, steal = map(sum, zip(*ticks, strict=True))
    per_second = os.sysconf("SC_CLK_TCK")
    busy = user + nice + system + irq + softirq
    return {"cpu_busy": busy / per_second, "steal": steal / per_second}


def _stalled(root: Path, resource: str) -> float | None:
    """Total of the line "some avg10=… total=MICROSECONDS"."""
    total_us = system_number(root / "proc/pressure" / resource, r"^some .*\btotal=(\d+)")
    return None if total_us is None else total_us / 1e6


def _throttled(root: Path) -> float | None:
    """Of the control group: version 2 says microseconds, version 1 nanoseconds."""
    for folder in _cpu_groups(root):
        for name, per_second in (("throttled_usec", 1e6), ("throttled_time", 1e9)):
            count = system_number(folder / "cpu.stat", rf"^{name} (\d+)")
            if count is not None:
                return count / per_second
    return None


def _cpu_groups(root: Path) -> Iterator[Path]:
    """Where this process's group for processor time may lie; in a container, at the top."""
    top = root / "sys/fs/cgroup"
    for line in system_text(root / "proc/self/cgroup").splitlines():
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
    khz = [clock for file in files if (clock := system_number(file, r"^(\d+)$")) is not None]
    return sum(khz) / len(khz) / 1e3 if khz else None
