"""What AlexProf says on a machine with a GPU, beside a stopwatch: `python -m benchmarks gpu`.

    python -m benchmarks gpu --out FOLDER                       all parts, about 15 minutes
    python -m benchmarks gpu --parts profile-32,keras-fit       some
    python -m benchmarks gpu --on-cpu                           small, to test the script itself

FOLDER gets `gpu.json` and `gpu.md`. Each part runs in a process of its own, so that one that fails
is a row and not the end, and GPU memory is free for the next.

    runner     a process per part          parts      which parts there are
    profiles   AlexNet, ablations, loop    traces     a trace beside a stopwatch
    programs   what is traced              suite      the tests
    tables     results to Markdown         sizes      how large all of it is
"""

from __future__ import annotations

from benchmarks.gpu.runner import measure

__all__ = ["measure"]
