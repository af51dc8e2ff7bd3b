"""`python -m benchmarks.stress [PART …]`: the campaign, about ten minutes; its table at the end."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
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
    print(f"--seed {arguments.seed} --scale {arguments.scale:g}", flush=True)
    results, begin_s = [], time.monotonic()
    for name in arguments.names or parts.PARTS:
        with tempfile.TemporaryDirectory(prefix="stress-") as folder:
            print(f"{name} …", end="", flush=True)
            part_s = time.monotonic()
            results += parts.PARTS[name](Path(folder), arguments)
            print(f" {time.monotonic() - part_s:.0f} s", flush=True)
    print("\n".join(table(results)))
    minutes = (time.monotonic() - begin_s) / 60
    tried, faults = (sum(result.tried for result in results), sum(len(r.faults) for r in results))
    print(f"\nSeed {arguments.seed}: {tried} attempts, {faults} faults, {minutes:.1f} minutes.")
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
