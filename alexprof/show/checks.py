"""What `alexprof doctor` found, line by line."""

from __future__ import annotations

from dataclasses import dataclass

from alexprof.show.text import wrap


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    found: str
    advice: str = ""
    failed: bool = False


def render_check(check: Check, width: int = 80) -> str:
    """A check, marked ok, "!" (works, with less) or FAIL, with what to do about it."""
    mark = "FAIL" if check.failed else "!" if check.advice else "ok"
    indent = " " * 5
    text = f"{check.name}: {check.found}".rstrip(": ")
    lines = wrap(text, width, f"{mark:<5}", indent)
    if check.advice:
        lines += wrap(check.advice, width, f"{indent}→ ", f"{indent}  ")
    return "\n".join(lines)
