"""`python -m benchmarks.stress [PART …]`: the campaign, about ten minutes; its table at the end."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.stress import parts
from benchmarks.stress.commands import table


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stress", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PART", help=", ".join(parts.PARTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of attempts")
    parser.add_argument("--match", default="", help="of the hostile traces, those of such names")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(parts.PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(parts.PARTS)}")
    results = []
    for name in arguments.names or parts.PARTS:
        with tempfile.TemporaryDirectory(prefix="stress-") as folder:
            print(f"{name} …", flush=True)
            results += parts.PARTS[name](Path(folder), arguments)
    print("\n".join(table(results)))
    sys.exit(any(result.faults for result in results))


if __name__ == "__main__":
    main()
