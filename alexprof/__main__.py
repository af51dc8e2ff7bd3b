"""`python -m alexprof` is `alexprof`."""

from __future__ import annotations

from alexprof.cli import main

if __name__ == "__main__":
    main()
