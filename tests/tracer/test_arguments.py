"""An invalid argument is named, along with what it must be."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import alexprof
from alexprof.errors import UsageError
from alexprof.tracer.tracer import Tracer


def step() -> None:
    """Does nothing."""


NOT_WHOLE = ("10", 2.5, math.nan, math.inf, -1, True, [1])
NOT_TEXT = (5, b"x", ["x"])
NO_NUMBER = ("1", True, [1.0])
OUT_OF_RANGE = (math.nan, math.inf, -1, 0)
OPTIONS: dict[str, tuple[Any, ...]] = {
    "folder": (5, None, "", "a\0b", b"x"),
    "trace_steps": (*NOT_WHOLE, None),
    "block_steps": (*NOT_WHOLE, 0),
    "intra_op": NOT_WHOLE,
    "inter_op": NOT_WHOLE,
    "device": (5, None, ["cpu"], "tpu"),
    "fetch": (1, "no", None),
    "until_steady": (0, "yes", None),
    "precision": (*NO_NUMBER, *OUT_OF_RANGE, 1),
    "max_time_s": (*NO_NUMBER, *OUT_OF_RANGE),
    "workload": ("alexnet", 5),
    "ablations": (5, "lrn", [5]),
    "progress": (5, None, "no"),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OPTIONS.items() for value in values]
)
def test_options_of_a_tracer(tmp_path: Path, name: str, value: Any) -> None:
    options = {"folder": tmp_path / "run", name: value}
    with pytest.raises(UsageError, match=name):
        Tracer(**options)


def in_time(**given: Any) -> Callable[[Tracer], Any]:
    return lambda tracer: tracer.time(**{"target": step, "label": "New", **given})


CALLS: dict[str, list[Callable[[Tracer], Any]]] = {
    "steps": [in_time(steps=value) for value in (*NOT_WHOLE, 0)],
    "burn_in": [
        *(in_time(burn_in=value) for value in (*NOT_WHOLE, None)),
        *(
            lambda _, value=value: alexprof.Recording([1.0], burn_in=value).blocks("v")
            for value in NOT_WHOLE
        ),
    ],
    "label": [
        *(in_time(label=value) for value in NOT_TEXT),
        lambda tracer: tracer.time(step, None),
        lambda tracer: tracer.record(alexprof.Recording([1.0]), 5),  # type: ignore[arg-type]
        lambda tracer: tracer.variant("other", label=5),  # type: ignore[arg-type]
    ],
    "variant": [
        *(in_time(variant=value) for value in NOT_TEXT),
        lambda tracer: tracer.variant(5),  # type: ignore[arg-type]
        lambda tracer: tracer.graph([]).__enter__(),  # type: ignore[arg-type]
        lambda tracer: tracer.session(5).__enter__(),  # type: ignore[arg-type]
        lambda tracer: tracer.layers(5, []),  # type: ignore[arg-type]
        lambda tracer: tracer.time_together({5: step}, "New"),  # type: ignore[dict-item]
    ],
    "feed_dict": [in_time(feed_dict=5)],
    "session": [in_time(target="x", label=None), in_time(target=None)],
    "targets": [
        partial(Tracer.time_together, targets=value, label="New")  # type: ignore[arg-type]
        for value in (5, "x", [5], [()], [(1, 2, 3, 4)])
    ],
    "recording": [lambda tracer: tracer.record(5, "New")],  # type: ignore[arg-type]
    "layers": [lambda tracer: tracer.layers("default", 5)],  # type: ignore[arg-type]
    "function": [lambda _: alexprof.CallableTarget(5)],  # type: ignore[arg-type]
    "trace": [lambda _: alexprof.Recording([1.0], trace=5).blocks("v")],  # type: ignore[arg-type]
    "marker": [lambda _: alexprof.load_trace("x", marker=5)],  # type: ignore[arg-type]
    "files": [lambda _: alexprof.load_trace(5)],  # type: ignore[arg-type]
    "depth": [lambda _: alexprof.load_trace("x", depth="1")],  # type: ignore[arg-type]
    "cores": [lambda _: alexprof.load_trace("x", cores=1)],  # type: ignore[arg-type]
    "traces": [lambda _: alexprof.import_trace(5)],  # type: ignore[arg-type]
    "logdir": [lambda _: alexprof.import_trace("x", logdir=5)],  # type: ignore[arg-type]
    "name": [lambda _: alexprof.import_trace("x", name=5)],  # type: ignore[arg-type]
}


def test_arguments_of_calls(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder"):
        alexprof.load_run(5)  # type: ignore[arg-type]
    with Tracer(tmp_path / "run", trace_steps=0) as tracer:
        tracer.time(step, "Forward", steps=1, burn_in=0)
        for name, calls in CALLS.items():
            for call in calls:
                with pytest.raises(UsageError, match=name):
                    call(tracer)
    assert set(tracer.run.phase_keys) == {"forward"}
