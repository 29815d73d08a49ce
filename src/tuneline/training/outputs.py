"""What a tuning task of a pipeline says of its model, by whatever machine it was tuned."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneline.training.result import CURVES_FILE

if TYPE_CHECKING:
    from tuneline.training.result import TuningResult


def describe_outputs(
    result: TuningResult, *, model: Any, metrics: Any, curves: Any, fingerprint: str
) -> None:
    """Fill a task's output artifacts from a finished run whose folder is the model's path.

    Args:
        result: What the run left.
        model: Artifact of the model; its metadata tells it from others.
        metrics: Artifact that takes the run's figures.
        curves: Artifact of the page with the losses.
        fingerprint: Digest of the base model.
    """
    shutil.copyfile(Path(model.path) / CURVES_FILE, curves.path)
    model.metadata.update(result.summary(), fingerprint=fingerprint)
    for name, value in result.numbers().items():
        metrics.log_metric(name, value)
