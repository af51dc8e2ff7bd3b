"""The machine that a run is measured on, as far as a process can see it."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from alexprof.record.environment import Machine


def describe_machine() -> Machine:
    """Describes this machine, now."""
    return Machine(
        processor=_processor(),
        cores=usable_cores(),
        memory_bytes=_least(_meminfo_bytes("MemTotal"), _cgroup_limit_bytes()),
        system=f"{platform.system()} {platform.release()}",
        load_before=_load(),
    )


def available_memory_bytes() -> int | None:
    """Memory that can still be taken without swapping; None where the system doesn't say.

    From Linux's /proc/meminfo (MemAvailable) and, where the process is in a group of cgroup v2 with
    a limit (a container), that limit less what is used and not a cached file.
    """
    limit = _cgroup_limit_bytes()
    used = _number(Path("/sys/fs/cgroup/memory.current"))
    left = None
    if limit is not None and used is not None:
        # Cached files count as used and give way when memory is asked for.
        left = max(limit - used + _cgroup_cache_bytes(), 0)
    return _least(_meminfo_bytes("MemAvailable"), left)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def usable_cores() -> int:
    """Logical cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _meminfo_bytes(key: str) -> int | None:
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    return None


def _cgroup_limit_bytes() -> int | None:
    return _number(Path("/sys/fs/cgroup/memory.max"))


def _cgroup_cache_bytes() -> int:
    try:
        text = Path("/sys/fs/cgroup/memory.stat").read_text(encoding="ascii")
    except OSError:
        return 0
    fields = dict(line.split() for line in text.splitlines() if len(line.split()) == 2)
    return int(fields.get("inactive_file", 0)) + int(fields.get("active_file", 0))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _least(*values: int | None) -> int | None:
    known = [value for value in values if value is not None]
    return min(known) if known else None
