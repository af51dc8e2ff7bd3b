"""Results of all parts to one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmarks.gpu.parts import TRACES


def as_markdown(results: dict[str, Any]) -> str:
    """Writes the tables of what there is; parts that failed are rows of the last one."""
    done = {name: part["result"] for name, part in results["parts"].items() if "result" in part}
    lines = [f"# {_title(results)}", "", _machine(results["machine"]), ""]
    for title, columns, rows in (
        ("AlexNet", _STEP_COLUMNS, _steps(done)),
        ("Predicted against measured", _ABLATION_COLUMNS, _ablations(done)),
        ("AlexProf's loop against the classic one", _LOOP_COLUMNS, _loops(done)),
        ("Traces beside a stopwatch", _TRACE_COLUMNS, _traces(done)),
        ("Tests", _TEST_COLUMNS, _tests(done)),
        ("Not measured", ("part", "why"), _missing(results["parts"])),
    ):
        if table := list(rows):
            lines += [f"## {title}", "", *_table(columns, table), ""]
    return "\n".join(lines).rstrip() + "\n"


def _title(results: dict[str, Any]) -> str:
    where = (
        "the CPU, in small sizes" if results["on_cpu"] else ", ".join(results["machine"]["gpus"])
    )
    return f"AlexProf on {where}"


def _machine(machine: dict[str, Any]) -> str:
    return (
        f"{machine['processor']}, {machine['cores']} cores; TensorFlow {machine['tensorflow']}, "
        f"AlexProf {machine['alexprof']}."
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join(' --- ' for _ in columns)}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


_STEP_COLUMNS = ("batch", "phase", "variant", "step, ms", "95 % interval", "traced, ms", "busy")


def _steps(done: dict[str, Any]) -> Iterator[Sequence[str]]:
    for name, result in done.items():
        for phase in result["phases"] if name.startswith("profile") else ():
            yield (
                str(result["batch_size"]),
                phase["phase"],
                phase["variant"],
                _ms(phase["mean_s"]),
                _interval(phase["ci95_s"]),
                _ms(phase["traced_mean_s"]),
                f"{phase['device']} {_percent(phase['busy'])}",
            )


_ABLATION_COLUMNS = (
    "batch",
    "left out",
    "phase",
    "saved, ms",
    "95 % interval",
    "predicted, ms",
    "by",
    "error",
    "inside",
)


def _ablations(done: dict[str, Any]) -> Iterator[Sequence[str]]:
    for name, result in done.items():
        for answer in result["ablations"] if name.startswith(("profile", "ablate")) else ():
            yield (
                str(result["batch_size"]),
                answer["name"],
                answer["phase"],
                _ms(answer["measured_s"]),
                _interval(answer["ci95_s"]),
                _ms(answer["predicted_s"]),
                answer["predicted_from"],
                _signed_percent(answer["error"]),
                {True: "yes", False: "no", None: ""}[answer["inside"]],
            )


_LOOP_COLUMNS = ("batch", "phase", "AlexProf, ms", "classic, ms", "ratio", "95 % interval")


def _loops(done: dict[str, Any]) -> Iterator[Sequence[str]]:
    for name, result in done.items():
        for key, phase in result["phases"].items() if name.startswith("loop") else ():
            low, high = phase["ci95_of_ratio"]
            yield (
                str(result["batch_size"]),
                key,
                _ms(phase["alexprof_mean_s"]),
                _ms(phase["classic_mean_s"]),
                f"{phase['ratio_of_means']:.4f}",
                f"{low:.4f} to {high:.4f}",
            )


_TRACE_COLUMNS = (
    "trace",
    "steps",
    "stopwatch, ms",
    "AlexProf, ms",
    "apart",
    "without the first, ms",
    "device busy, ms",
    "optimizer, ms",
    "layers",
)


def _traces(done: dict[str, Any]) -> Iterator[Sequence[str]]:
    for name in TRACES:
        for row in done[name]["sorts"] if name in done else ():
            watch, read = row["stopwatch"] or {}, row["alexprof"] or {}
            yield (
                f"{name} {row['sort']}".strip(),
                f"{watch.get('steps', '–')} / {read.get('steps', '–')}",
                _ms(watch.get("mean_s")),
                _ms(read.get("mean_s")),
                _signed_percent(row["difference"]),
                f"{_ms(watch.get('mean_without_first_s'))} / "
                f"{_ms(read.get('mean_without_first_s'))}",
                f"{read.get('device', '')} {_ms(read.get('busy_s'))}".strip(),
                _ms(read.get("optimizer_s")),
                ", ".join(read.get("layers", ())),
            )


_TEST_COLUMNS = ("passed", "failed", "skipped", "which failed")


def _tests(done: dict[str, Any]) -> Iterator[Sequence[str]]:
    if tests := done.get("tests"):
        failed = tests["failed"]
        yield (
            str(tests["passed"]),
            str(len(failed)),
            str(tests["skipped"]),
            ", ".join(failed[:20]) + (" …" if len(failed) > 20 else ""),
        )


def _missing(parts: dict[str, Any]) -> Iterator[Sequence[str]]:
    for name, part in parts.items():
        if "result" not in part:
            yield name, part.get("error") or part["not_here"]


def _ms(seconds: float | None) -> str:
    """Three significant digits and no exponent."""
    if seconds is None:
        return "–"
    ms = seconds * 1e3
    return f"{ms:.0f}" if abs(ms) >= 100 else f"{ms:.2f}" if abs(ms) >= 1 else f"{ms:.3f}"


def _interval(interval: Sequence[float] | None) -> str:
    return "–" if interval is None else f"{_ms(interval[0])} to {_ms(interval[1])}"


def _percent(part: float | None) -> str:
    return "–" if part is None else f"{part:.0%}"


def _signed_percent(part: float | None) -> str:
    return "–" if part is None else f"{part:+.1%}"
