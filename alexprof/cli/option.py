"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import alexprof

FORMATS = sorted(
    path.stem.removeprefix("as_")
    for path in (Path(alexprof.__file__).parent / "show" / "outputs").glob("as_*.py")
)
"""The names of all outputs, without importing any."""
Logdir = Annotated[
    Path, typer.Option(envvar="ALEXPROF_LOGDIR", help="Folder of the runs, as for TensorBoard.")
]
RunName = Annotated[
    str | None,
    typer.Option("--name", help="Name of the run's folder in the logdir; by default of the time."),
]

# Of a measurement.
WorkloadName = Annotated[str, typer.Argument(help="Name of the workload.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images in a batch.")]
StepsAtMost = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Timed steps of each phase and variant: 100 (ablate: 50), or with --precision as many "
        "as it takes.",
        show_default=False,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="Go on until each mean's 95 % interval is within ± this part of it, like 0.5%, or "
        "stops shrinking."
    ),
]
MaxTime = Annotated[
    float | None,
    typer.Option(help="Seconds that a phase's warm-up and timed steps may take."),
]
UntilSteady = Annotated[
    bool, typer.Option("--until-steady", help="Warm up until step times are steady, at most 60 s.")
]
BurnIn = Annotated[int, typer.Option(min=0, help="Warm-up steps before the timed ones, left out.")]
TraceSteps = Annotated[
    int, typer.Option(min=0, help="Steps to trace after the timed ones; 0 of profile: times only.")
]
Phases = Annotated[
    str | None,
    typer.Option(help="Phases to run, by commas: forward,forward_backward. By default all."),
]
Seed = Annotated[int, typer.Option(help="Random seed of images and weights.")]

# Of what is shown.
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="Tables for a web page or a pull request's comment.")
]
Phase = Annotated[str | None, typer.Option(help="Show this phase alone.")]
Top = Annotated[int, typer.Option(min=0, help="How many ops to list of each phase.")]

# Of a trace.
Marker = Annotated[
    str | None, typer.Option(help="Of a trace: the name of the events that mark its steps.")
]
Depth = Annotated[int, typer.Option(help="Of a trace: how many name scopes make a layer.")]
Cores = Annotated[
    bool, typer.Option(help="Of a trace: find what pools of threads worked for each op.")
]
