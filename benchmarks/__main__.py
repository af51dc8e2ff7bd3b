"""`python -m benchmarks [loop] [lrn] [reader] [repeat] [report] [folder] [dashboard] [gpu]`.

Without names, all run except `gpu`, which needs a GPU.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alexprof.files import write_whole
from benchmarks import dashboard, folder, gpu, loop, lrn, reader, repeat, report

BENCHMARKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "loop": loop.compare,
    "lrn": lrn.compare,
    "reader": reader.compare,
    "repeat": repeat.compare,
    "report": report.measure,
    "folder": folder.measure,
    "dashboard": dashboard.measure,
    "gpu": gpu.measure,
}
UNASKED = tuple(name for name in BENCHMARKS if name != "gpu")
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--num-batches", type=int, help="100; of `repeat` 30")
    parser.add_argument("--pairs", type=int, default=10, help="of `repeat`")
    parser.add_argument("--slower", type=float, default=0.0, help="fraction, of `repeat`")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    parser.add_argument("--parts", default="", help="of `gpu`, by commas; all if empty")
    parser.add_argument("--part-timeout-s", type=float, default=1200, help="of a part of `gpu`")
    parser.add_argument("--on-cpu", action="store_true", help="`gpu` on the CPU, in small sizes")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(BENCHMARKS)}"
        )
    for name in arguments.names or UNASKED:
        result = BENCHMARKS[name](arguments)
        path = arguments.out / f"{name}.json"
        write_whole(path, json.dumps(result, indent=1).encode() + b"\n")
        print(f"  kept in {path}\n", flush=True)
        if any("error" in part for part in result.get("parts", {}).values()):
            sys.exit(f"parts of {name} failed: see {path}")


if __name__ == "__main__":
    main()
