"""One part in this process: `python -m benchmarks.gpu PART FOLDER RESULT [--on-cpu]`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from alexprof.files import write_whole
from benchmarks.gpu import sizes
from benchmarks.gpu.not_here import NotHere
from benchmarks.gpu.parts import run_part


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("part")
    parser.add_argument("folder", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("--on-cpu", action="store_true")
    arguments = parser.parse_args()
    size = sizes.CPU if arguments.on_cpu else sizes.GPU
    arguments.folder.mkdir(parents=True, exist_ok=True)
    try:
        result = run_part(arguments.part, size, arguments.folder)
    except NotHere as reason:
        result = {"not_here": str(reason)}
    write_whole(arguments.result, json.dumps(result).encode())


if __name__ == "__main__":
    main()
