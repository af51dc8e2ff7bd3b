"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MOST_STEPS = 10_000_000
Logdir = Annotated[
    Path, typer.Option(envvar="ALEXPROF_LOGDIR", help="Folder of the runs, as for TensorBoard.")
]
RunName = Annotated[
    str | None,
    typer.Option(
        "--name", help="Name of the run's folder in the logdir; by default with date and time."
    ),
]

# Of a measurement.
WorkloadName = Annotated[str, typer.Argument(help="Name of the workload.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images in a batch.")]
StepsAtMost = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MOST_STEPS,
        help="Timed steps of each phase and variant. Default: 100 (ablate: 50); with "
        "--precision, as many as it takes.",
        show_default=False,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        help="Keep timing until each mean's 95 % interval is within ± this fraction of the mean, "
        "such as 0.5%, or stops shrinking."
    ),
]
MaxTime = Annotated[
    float | None,
    typer.Option(help="Limit on a phase's warm-up and timed steps, in seconds."),
]
UntilSteady = Annotated[
    bool, typer.Option("--until-steady", help="Warm up until step times are steady, at most 60 s.")
]
BurnIn = Annotated[
    int, typer.Option(min=0, max=MOST_STEPS, help="Warm-up steps before the timed ones, excluded.")
]
TraceSteps = Annotated[
    int, typer.Option(min=0, help="Steps to trace after the timed ones; with profile, 0: no trace.")
]
Phases = Annotated[
    str | None,
    typer.Option(help="Phases to run, comma-separated: forward,forward_backward. Default: all."),
]
Seed = Annotated[int, typer.Option(help="Random seed of images and weights.")]

# Of what is shown.
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for scripts.")]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="Tables for a web page or a pull request's comment.")
]
Phase = Annotated[str | None, typer.Option(help="Show only this phase.")]
Top = Annotated[int, typer.Option(min=0, help="How many ops to list for each phase.")]

# Of a trace.
Marker = Annotated[
    str | None, typer.Option(help="For a trace: the name of the events that mark its steps.")
]
Depth = Annotated[int, typer.Option(help="For a trace: how many name scopes make a layer.")]
Cores = Annotated[
    bool, typer.Option(help="For a trace: compute the core time of each op, which takes longer.")
]
