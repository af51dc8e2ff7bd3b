"""A variant on TensorBoard's HParams tab: its settings beside the times that came out.

TensorBoard takes the tab's columns from the first run it finds that names any, so each variant
names them all (tensorboard/plugins/hparams/api.proto, plugin_data.proto).
"""

from __future__ import annotations

from collections.abc import Iterator

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.api_pb2 import Experiment, HParamInfo, MetricInfo, MetricName
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.plugins.hparams.summary_v2 import hparams_pb

from alexprof.analysis.difference import leading_estimator
from alexprof.record.run import Run
from alexprof.tensorboard.scalars import ablation_tag, step_tag

# TensorBoard puts all settings before any figure, so only those stand there that tell what was
# measured: not how it was, nor what the name of the variant says or the command can't change.
_HIDDEN = frozenset(
    {
        *("block_steps", "burn_in", "cpu_allocator", "device", "fetch"),
        *("inter_op", "interleave", "intra_op", "max_time_s", "num_batches", "phases", "precision"),
        *("seed", "trace_steps", "until_steady", "variants", "left_out", "image_size"),
    }
)
Value = bool | int | float | str


def settings(run: Run, variant: str) -> dict[str, Value]:
    """The row of a variant: its name, what it ran on, and the workload's options that are set."""
    row: dict[str, Value] = {"variant": variant}
    if run.machine is not None:
        accelerators = [device.description for device in run.machine.accelerators]
        row["hardware"] = ", ".join(accelerators) or run.machine.host.processor
    options = {} if run.workload is None else run.workload.settings
    for name, value in options.items():
        if value is not None and name not in _HIDDEN:
            row.setdefault(name, ", ".join(value) if isinstance(value, list) else value)
    return row


def metrics(run: Run) -> dict[str, str]:
    """What is compared, phase by phase: by tag of a scalar, the column's title.

    TensorBoard shows the first five columns unless told otherwise.
    """
    phases = {key: phase.label for _, key, phase in run.all_phases()}
    estimates = ["mean", "std"]
    if leading_estimator(run) == "median":
        estimates.insert(0, "median")
    titles: dict[str, str] = {}
    for key, label in phases.items():
        titles |= {step_tag(key, name): f"{label}: {name} (ms)" for name in estimates}
        for ablation in run.ablations:
            if ablation.phase == key:
                name = f"{label}: {ablation.name}"
                titles[ablation_tag(ablation, "attributed_ms")] = f"{name} attributed (ms)"
                titles[ablation_tag(ablation, "share_percent")] = f"{name} share (%)"
    return titles


def summaries(run: Run, variant: str, started_s: float, ended_s: float) -> Iterator[Summary]:
    """The tab's columns, the variant's row, and its end if the run is complete; Unix times."""
    row = settings(run, variant)
    experiment = Experiment(
        name=run.run,
        time_created_secs=started_s,
        hparam_infos=[_column(name, value, run) for name, value in row.items()],
        metric_infos=[
            MetricInfo(name=MetricName(tag=tag), display_name=title)
            for tag, title in metrics(run).items()
        ],
    )
    yield _summary(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=experiment))
    # Runs of the same settings would be one row, averaged, if the row weren't named.
    yield hparams_pb(row, trial_id=f"{run.run}/{variant}", start_time_secs=started_s)
    if run.complete:  # of an incomplete one the record can't say whether it still goes on
        end = SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=ended_s)
        yield _summary(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=end))


def _column(name: str, value: Value, run: Run) -> HParamInfo:
    """A setting's name, its type and, but for numbers, the values to filter by."""
    number = api_pb2.DATA_TYPE_BOOL if isinstance(value, bool) else api_pb2.DATA_TYPE_FLOAT64
    type_ = api_pb2.DATA_TYPE_STRING if isinstance(value, str) else number
    column = HParamInfo(name=name, type=int(type_))
    if name == "variant":
        column.differs = len(run.variants) > 1  # such columns come first
        column.domain_discrete.extend(list(run.variants))
    elif isinstance(value, bool):
        column.domain_discrete.extend([False, True])
    elif isinstance(value, str):
        column.domain_discrete.extend([value])
    return column


def _summary(tag: str, data: HParamsPluginData) -> Summary:
    about = metadata.create_summary_metadata(data)
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)])
