"""What an evaluation found, as it stands in ``metrics.json``."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tuneline.data.schema import Task
from tuneline.evaluation.settings import EvaluationSettings

SCHEMA_VERSION = 1
"""Version of ``metrics.json`` and ``verdict.json``."""


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(_Result):
    """A score between 0 and 1 with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class CandidateSummary(_Result):
    """One candidate: what it scored and what it costs.

    Attributes:
        name: The candidate's name.
        kind: ``baseline`` for prompt design, otherwise the tuning method.
        shots: Examples in its prompt.
        trainable_parameters: Parameters that tuning changed.
        total_parameters: Parameters of the model that answered.
        training_seconds: Time that tuning took.
        prediction_seconds: Time that all answers took.
        prompt_tokens_per_call: Mean over the rows; what every call costs at serving time.
        output_tokens_per_call: Mean over the rows.
        cut_off_rows: Answers that the token limit ended.
        unasked_rows: Rows whose prompt did not fit the model, so that nothing was asked.
        metrics: Scores by name: ``exact_match`` and, for a classification, ``accuracy``,
            ``macro_f1`` and ``invalid_label_rate``. Empty where there are no rows.
    """

    name: str
    kind: Literal["baseline", "pet", "full"]
    shots: int
    trainable_parameters: int
    total_parameters: int
    training_seconds: float
    prediction_seconds: float
    prompt_tokens_per_call: float
    output_tokens_per_call: float
    cut_off_rows: int
    unasked_rows: int
    metrics: dict[str, Metric]


class LabelScores(_Result):
    """Scores of one label; a score is null where nothing defines it."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


class ConfusionMatrix(_Result):
    """Counts of expected (row) against predicted (column) labels.

    The last category stands for predictions that are no label; its row is all zeros, so that the
    matrix is square, as ``ClassificationMetrics.log_confusion_matrix(categories, matrix)`` of KFP
    wants it.
    """

    categories: list[str]
    matrix: list[list[int]]


class CandidateResult(CandidateSummary):
    """A candidate with its tables; both are empty unless the task is a classification."""

    labels: list[LabelScores]
    confusion: ConfusionMatrix | None


class PairedTest(_Result):
    """Two candidates on the same rows: exact McNemar test and bootstrap interval.

    Attributes:
        metric: What was compared: right or wrong by this metric.
        first: Name of the candidate that costs more.
        second: Name of the one that it is compared with.
        rows: Rows that both answered.
        difference: Score of the first minus that of the second, as a share, with ``low`` and
            ``high`` as its interval.
        first_only: Rows that the first alone has right.
        second_only: Rows that the second alone has right.
        p_value: Two-sided, not corrected for other comparisons.
    """

    metric: str
    first: str
    second: str
    rows: int
    difference: float
    low: float
    high: float
    first_only: int
    second_only: int
    p_value: float


class BaseModelReference(_Result):
    """The base model that answered or was tuned."""

    name: str
    digest: str


class EvaluationMetrics(_Result):
    """Everything measured; candidates stand from the cheapest to the costliest."""

    schema_version: int = SCHEMA_VERSION
    task: Task
    rows: int
    labels: list[str]
    examples_digest: str
    base_models: list[BaseModelReference]
    settings: EvaluationSettings
    primary_metric: str
    candidates: list[CandidateResult]
    paired_tests: list[PairedTest]
