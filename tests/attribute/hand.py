"""Traces by hand in few words: spans are begin and end in nanoseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from alexprof.attribute import Attribution, attribute
from alexprof.xplane import Trace, parse_trace
from tests.traces import PlaneBuilder, TraceBuilder

Spans: TypeAlias = "Iterable[tuple[Any, ...]]"  # name, begin, end, and stats if any


def draw(plane: PlaneBuilder, lines: Mapping[str, Spans]) -> None:
    for name, spans in lines.items():
        line = plane.line(name)
        for event, start, end, *stats in spans:
            start_ps, end_ps = round(start * 1000), round(end * 1000)
            line.event(event, start_ps, end_ps - start_ps, stats[0] if stats else None)


def steps(*spans: tuple[float, float], name: str = "forward") -> Spans:
    return [(name, *span, {"step_num": number}) for number, span in enumerate(spans)]


def trace(planes: Mapping[str, Mapping[str, Spans]]) -> Trace:
    builder = TraceBuilder()
    for name, lines in planes.items():
        draw(builder.plane(name), lines)
    return parse_trace(builder.to_bytes(), "hand.xplane.pb")


def on_host(**lines: Spans) -> Trace:
    return trace({"/host:CPU": lines})


def attributed(**lines: Spans) -> Attribution:
    return attribute(on_host(**lines))


def table(found: Attribution, *columns: str) -> list[tuple[object, ...]]:
    """Return the rows of the costs, sorted by all columns asked for."""
    return sorted(found.costs.select(columns).rows(), key=repr)


def shares(found: Attribution, device: str = "CPU", step: int = 0) -> dict[str, int]:
    """Return the share of each op, and of each reason to be idle, in ns."""
    costs = found.costs.filter(device=device, step=step)
    rows = costs.select("op", "type", "share_ns").iter_rows()
    return {f"idle: {type_}" if op == "(idle)" else op: share for op, type_, share in rows}


__all__ = ["attribute", "attributed", "on_host", "shares", "steps", "table", "trace"]
