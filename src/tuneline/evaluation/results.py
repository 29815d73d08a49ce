"""What an evaluation found, as it stands in ``metrics.json`` and ``verdict.json``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, FiniteFloat

from tuneline.data.schema import Task
from tuneline.evaluation.settings import EvaluationSettings, SliceKind, TaskKind

if TYPE_CHECKING:
    from tuneline.evaluation.metrics.metric import Metric as Measure

SCHEMA_VERSION = 2
"""Version of ``metrics.json`` and ``verdict.json``."""


def finite(value: float) -> float | None:
    """The value, or None where it is no number: JSON has no NaN."""
    return value if math.isfinite(value) else None


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MetricInfo(_Result):
    """What a metric is; ``unit`` is ``share`` (0 to 1, shown in per cent) or ``ratio``."""

    name: str
    title: str
    source: str
    unit: Literal["share", "ratio"]
    higher_is_better: bool

    @classmethod
    def of(cls, metric: Measure) -> Self:
        """What a metric of the catalogue, or a user's own, is."""
        return cls(**{name: getattr(metric, name) for name in cls.model_fields})


class Metric(_Result):
    """A score with its 95 % interval; the ends are null where no interval could be had."""

    value: FiniteFloat
    low: float | None
    high: float | None


class Cost(_Result):
    """What a candidate costs; a price is null where it is not known.

    Attributes:
        training_seconds: Time that tuning took.
        training_usd: The same in dollars.
        adapter_bytes: Size of the adapter's weights; 0 where there is none.
        prompt_tokens_per_call: Mean over the rows; what every call costs at serving time.
        output_tokens_per_call: Mean over the rows.
        seconds_per_1000_calls: Prediction time on the machine that predicted, in batches.
        serving_usd_per_1000_calls: Prompt and answer together.
    """

    training_seconds: float
    training_usd: float | None
    adapter_bytes: int
    prompt_tokens_per_call: float
    output_tokens_per_call: float
    seconds_per_1000_calls: float
    serving_usd_per_1000_calls: float | None


class CandidateSummary(_Result):
    """One candidate: what it scored and what it costs.

    Attributes:
        name: The candidate's name.
        kind: ``baseline`` for prompt design, otherwise the tuning method.
        engine: What ran the model.
        model: The model's name.
        model_digest: SHA-256 of the model that answered.
        shots: Examples in its prompt.
        shot_choice: How they were chosen.
        trainable_parameters: Parameters that tuning changed.
        total_parameters: Parameters of the model that answered; 0 where a service does not say.
        training_rows: Examples that it was tuned on.
        cost: What it costs.
        cut_off_rows: Answers that the token limit ended.
        unasked_rows: Rows whose prompt did not fit the model, so that nothing was asked.
        blocked_rows: Rows that a service refused to answer.
        metrics: Scores by the metric's name. A metric that is not defined for this candidate,
            such as perplexity without logits, is missing. Empty where there are no rows.
    """

    name: str
    kind: Literal["baseline", "pet", "full"]
    engine: Literal["transformers", "vllm", "gemini"]
    model: str
    model_digest: str
    shots: int
    shot_choice: str
    trainable_parameters: int
    total_parameters: int
    training_rows: int
    cost: Cost
    cut_off_rows: int
    unasked_rows: int
    blocked_rows: int
    metrics: dict[str, Metric]

    @property
    def unanswered_rows(self) -> int:
        """Rows without an answer, for whatever reason."""
        return self.unasked_rows + self.blocked_rows

    @property
    def hides_parameters(self) -> bool:
        """Whether it was tuned by a service that does not say how many parameters it changed."""
        return self.kind != "baseline" and not self.trainable_parameters


class LabelScores(_Result):
    """Scores of one label or entity type; a score is null where nothing defines it."""

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
    """A candidate with its tables.

    ``labels`` has a row for each class or entity type; ``confusion`` is null unless the task is a
    classification.
    """

    labels: list[LabelScores]
    confusion: ConfusionMatrix | None


class PairedTest(_Result):
    """Two candidates on the same rows by the primary metric.

    Attributes:
        metric: The primary metric.
        test: ``mcnemar`` (mid-p; rows are right or wrong) or ``randomization``.
        first: Name of the candidate that costs more.
        second: Name of the one that it is compared with.
        rows: Rows that both answered.
        difference: Score of the first minus that of the second, with ``low`` and ``high`` as its
            95 % interval, null where none could be had.
        first_only: Rows that the first alone has right; null unless rows are right or wrong.
        second_only: Rows that the second alone has right; null likewise.
        p_value: Two-sided, not corrected for other comparisons.
        p_corrected: By Holm over all pairs of candidates.
    """

    metric: str
    test: Literal["mcnemar", "randomization"]
    first: str
    second: str
    rows: int
    difference: float
    low: float | None
    high: float | None
    first_only: int | None
    second_only: int | None
    p_value: float
    p_corrected: float


class SliceResult(_Result):
    """A part of the held-out rows: a tuned candidate against the best baseline on it.

    ``value`` names the part: a label, a range of prompt lengths in characters, a group. ``loss`` is
    by how much the tuned candidate is worse there, negative where it is better, with ``low`` and
    ``high`` as its 95 % interval. ``p_corrected`` is by Holm over all slices of this candidate.
    """

    slice: SliceKind
    value: str
    rows: int
    candidate: str
    baseline: str
    candidate_value: float
    baseline_value: float
    loss: float
    low: float | None
    high: float | None
    p_value: float
    p_corrected: float


class JudgeResult(_Result):
    """A judge model's preference for a tuned candidate's answers over the best baseline's.

    Every row is judged twice with the order swapped; a win counts where both agree. ``win_rate``
    counts ties, and replies that cannot be read, as half; rows count as independent of each other.
    ``order_agreement`` is the share of rows on which both orders name the same,
    ``first_shown_share`` that of choices for the answer shown first (0.5: no bias); null where no
    row can tell.
    """

    judge: str
    first: str
    second: str
    rows: int
    wins: int
    ties: int
    losses: int
    unreadable: int
    order_agreement: float | None
    first_shown_share: float | None
    win_rate: Metric
    p_value: float


class LearningPoint(_Result):
    """The primary metric of a model that was tuned on a part of the training split."""

    name: str
    kind: Literal["pet", "full"]
    training_rows: int
    training_fraction: float
    score: Metric


class BaseModelReference(_Result):
    """The base model that answered or was tuned."""

    name: str
    digest: str


class EvaluationMetrics(_Result):
    """Everything measured.

    Attributes:
        task: Kind of task.
        task_reason: Why this kind: what was set, or what was seen in the rows.
        rows: Held-out rows that every candidate answered.
        units: Independent ones among them: fewer where rows share a group or a conversation.
        labels: Label set; empty unless a classification.
        examples_digest: SHA-256 of the held-out examples.
        base_models: Those that answered or were tuned.
        settings: How the candidates were compared.
        primary_metric: Name of the metric that decides.
        metrics: What each metric is; the primary one stands first.
        candidates: From the cheapest to the costliest.
        paired_tests: Every pair of candidates by the primary metric.
        slices: Each tuned candidate against the best baseline.
        judgements: Empty unless a judge was asked.
        learning_curve: Empty unless models were tuned on parts of the training split.
    """

    schema_version: int = SCHEMA_VERSION
    data_task: Task
    task: TaskKind
    task_reason: str
    rows: int
    units: int
    labels: list[str]
    examples_digest: str
    base_models: list[BaseModelReference]
    settings: EvaluationSettings
    primary_metric: str
    metrics: list[MetricInfo]
    candidates: list[CandidateResult]
    paired_tests: list[PairedTest]
    slices: list[SliceResult]
    judgements: list[JudgeResult]
    learning_curve: list[LearningPoint]

    def info(self, metric: str) -> MetricInfo:
        """What a metric is, by its name."""
        return next(info for info in self.metrics if info.name == metric)
