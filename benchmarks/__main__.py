"""`python -m benchmarks [loop] [lrn] [reader] [repeat] [report]`: all without a name."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alexprof.files import write_whole
from benchmarks import loop, lrn, reader, repeat, report

BENCHMARKS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "loop": loop.compare,
    "lrn": lrn.compare,
    "reader": reader.compare,
    "repeat": repeat.compare,
    "report": report.measure,
}
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--num-batches", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=10, help="of `repeat`")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHMARKS):
        parser.error(
            f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(BENCHMARKS)}"
        )
    for name in arguments.names or BENCHMARKS:
        result = BENCHMARKS[name](arguments)
        path = RESULTS / f"{name}.json"
        write_whole(path, json.dumps(result, indent=1).encode() + b"\n")
        print(f"  kept in {path}\n", flush=True)


if __name__ == "__main__":
    main()
