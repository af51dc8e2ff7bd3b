"""The machine that a run is measured on, as far as a process can see it."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from alexprof.record.environment import Machine

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


def describe_machine() -> Machine:
    """Describes this machine, now."""
    names = re.findall(r"^model name\s*:\s*(.+)", system_text(Path("/proc/cpuinfo")), re.MULTILINE)
    return Machine(
        processor=names[0].strip() if names else platform.processor() or platform.machine(),
        cores=usable_cores(),
        memory_bytes=_least(_meminfo_bytes("MemTotal"), _cgroup_limit_bytes()),
        system=f"{platform.system()} {platform.release()}",
        load_before=_load(),
    )


def available_memory_bytes() -> int | None:
    """Memory that can still be taken without swapping; None where the system doesn't say.

    MemAvailable, or less where a container's limit (cgroup v2) leaves less.
    """
    limit, used = _cgroup_limit_bytes(), system_number(CGROUP / "memory.current", r"^(\d+)$")
    left = None
    if limit is not None and used is not None:
        # Cached files count as used and give way when memory is asked for.
        cached = re.findall(r"^(?:in)?active_file (\d+)", system_text(CGROUP / "memory.stat"), re.M)
        left = max(limit - used + sum(map(int, cached)), 0)
    return _least(_meminfo_bytes("MemAvailable"), left)


def usable_cores() -> int:
    """Logical cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def system_text(path: Path) -> str:
    """What a file of the system holds; "" if it isn't there or isn't ours to read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def system_number(path: Path, pattern: str) -> int | None:
    """The first group of a pattern in a file of the system (^ and $ match at each line)."""
    match = re.search(pattern, system_text(path), re.MULTILINE)
    return int(match[1]) if match else None


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _meminfo_bytes(key: str) -> int | None:
    kib = system_number(MEMINFO, rf"^{key}:\s*(\d+)")
    return None if kib is None else kib * 1024


def _cgroup_limit_bytes() -> int | None:
    return system_number(CGROUP / "memory.max", r"^(\d+)$")


def _least(*values: int | None) -> int | None:
    return min((value for value in values if value is not None), default=None)
