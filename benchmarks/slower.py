"""`alexprof` with steps that take longer: `python -m benchmarks.slower 0.15 profile …`.

After each step of a session the processor computes for this fraction of the step's time, so a
`profile` is that of a program which became slower by so much.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from alexprof.capture.target import SessionTarget
from alexprof.cli import main


def slow_down(fraction: float) -> None:
    """Makes each step of a session longer by a fraction of its time."""
    run = SessionTarget.run

    def step(target: SessionTarget) -> Any:
        start_s = time.perf_counter()
        result = run(target)
        end_s = time.perf_counter()
        end_s += fraction * (end_s - start_s)
        while time.perf_counter() < end_s:
            pass
        return result

    SessionTarget.step = step  # type: ignore[assignment]


if __name__ == "__main__":
    slow_down(float(sys.argv.pop(1)))
    sys.exit(main())
