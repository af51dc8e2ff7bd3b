"""What `alexprof doctor` found, line by line."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    found: str
    advice: str = ""
    failed: bool = False

    @property
    def mark(self) -> str:
        """ok, "!" (works, with less), or FAIL."""
        return "FAIL" if self.failed else "!" if self.advice else "ok"


def render_check(check: Check, width: int = 80) -> str:
    """A check with what to do about it, wrapped to `width` columns."""
    first, rest = f"{check.mark:<5}{check.name}: ", " " * 5
    lines = textwrap.wrap(check.found, width, initial_indent=first, subsequent_indent=rest)
    if check.advice:
        lines += textwrap.wrap(
            check.advice, width, initial_indent=f"{rest}→ ", subsequent_indent=f"{rest}  "
        )
    return "\n".join(lines or [first.rstrip(": ")])
