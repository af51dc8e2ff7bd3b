"""Runs the command line in one process, again and again: a JSON object a line, on standard input.

A command in a process of its own takes a second of imports; a campaign has thousands of them.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

CRASHED = 70
"""The exit code of an exception that reached the top."""


def main() -> None:
    asked = os.fdopen(os.dup(0))
    answers = os.fdopen(os.dup(1), "w")
    for line in asked:
        answers.write(json.dumps(_run(json.loads(line))) + "\n")
        answers.flush()


def _run(command: dict[str, Any]) -> dict[str, Any]:
    """Runs `arguments`; what it prints goes to the files `out` and `err`."""
    from alexprof.cli import main as command_line

    for descriptor, name in ((1, "out"), (2, "err")):
        file = os.open(command[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    # Standard streams keep an encoding that a command sets, and the error of a closed pipe.
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.argv = ["alexprof", *command["arguments"]]
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    begin_s = time.monotonic()
    try:
        command_line()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 (whatever it is, it is counted)
        traceback.print_exc()
        code = CRASHED
    seconds = time.monotonic() - begin_s
    sys.stdout.flush()
    sys.stderr.flush()
    return {"code": code, "seconds": seconds, "peak_bytes": _peak_bytes()}


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


if __name__ == "__main__":
    main()
