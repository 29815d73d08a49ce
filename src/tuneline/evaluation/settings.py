"""What decides when tuning counts as worth it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tuneline.data.schema import Task
from tuneline.errors import ConfigurationError


class EvaluationSettings(BaseModel):
    """How candidates are compared.

    Attributes:
        significance: Level of the paired tests: how often a tuned candidate that is no better may
            pass, as a share.
        resamples: Bootstrap resamples behind each interval.
        seed: Chooses the resamples.
        primary_metric: What decides. ``auto``: accuracy for a classification, otherwise exact
            match.
        min_score: The least value of the primary metric, as a share, that a tuned candidate must
            reach to pass.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    significance: float = Field(default=0.05, gt=0, lt=0.5)
    resamples: int = Field(default=2000, ge=200, le=100_000)
    seed: int = Field(default=0, ge=0)
    primary_metric: Literal["auto", "accuracy", "exact_match"] = "auto"
    min_score: float = Field(default=0.0, ge=0, le=1)

    def primary_metric_of(self, task: Task) -> str:
        """The metric that decides for this kind of task.

        Raises:
            ConfigurationError: Accuracy is asked for where there is no label set.
        """
        if self.primary_metric == "auto":
            return "accuracy" if task == "classification" else "exact_match"
        if self.primary_metric == "accuracy" and task != "classification":
            raise ConfigurationError(
                f"primary_metric is accuracy, but the task is a {task}, which has no label set. "
                "Use exact_match or auto."
            )
        return self.primary_metric
