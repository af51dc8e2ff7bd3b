"""How far what was predicted is from what leaving ops out saved."""

from __future__ import annotations

from alexprof.record.ablation import Ablation
from alexprof.record.trace import PredictionError
from alexprof.record.values import Interval, Timed

WORTH = 0.02
"""Part of the step from which on a saving is large enough to ask how far its prediction is off."""


def prediction_error(ablation: Ablation, whole: Timed, without: Timed) -> PredictionError | None:
    """Sets a prediction beside both variants' timed steps; None without a prediction.

    Args:
        ablation: What was predicted and measured.
        whole: The reference's timed steps.
        without: Those of the variant without the ops.
    """
    if ablation.predicted_s is None:
        return None
    return PredictionError(
        step_mean=(whole.mean_s - ablation.predicted_s) / without.mean_s - 1,
        step_median=(whole.median_s - ablation.predicted_s) / without.median_s - 1,
        saving_mean=_saving(
            ablation.predicted_s, ablation.measured_s, ablation.ci95_s, whole.mean_s
        ),
        saving_median=_saving(
            ablation.predicted_s, ablation.measured_median_s, ablation.median_ci95_s, whole.median_s
        ),
    )


def _saving(
    predicted_s: float, measured_s: float, interval: Interval | None, step_s: float
) -> float | None:
    seen = interval is not None and interval[0] > 0
    return predicted_s / measured_s - 1 if seen and measured_s >= WORTH * step_s else None
