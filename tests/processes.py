"""Whether processes have ended, without `ps`, which small containers lack."""

from __future__ import annotations

import os
import time
from pathlib import Path

PATIENCE_S = 20.0
"""A process that was killed is gone at once, unless the machine has no time for it."""


def ended(pid: int) -> bool:
    """Tell whether a process ends; one that nobody has waited for yet counts."""
    end_s = time.monotonic() + PATIENCE_S
    while _runs(pid):
        if time.monotonic() > end_s:
            return False
        time.sleep(0.01)
    return True


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        # It went meanwhile, or this system has no such files and can't tell a zombie.
        return not Path("/proc/self/stat").exists()
    return stat.rpartition(")")[2].split()[0] not in "ZX"
