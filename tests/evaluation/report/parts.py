"""What evaluations are made of: metrics, candidates, comparisons and slices."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tuneline.evaluation.results import (
    BaseModelReference,
    CandidateResult,
    ConfusionMatrix,
    Cost,
    EvaluationMetrics,
    LabelScores,
    LearningPoint,
    Metric,
    MetricInfo,
    PairedTest,
    SliceResult,
)
from tuneline.evaluation.settings import EvaluationSettings, GateRules, Prices, TaskKind
from tuneline.evaluation.verdict import GateTest, Verdict

LABELS = (
    "account access",
    "billing",
    "cancellation",
    "delivery",
    "feedback",
    "refund",
    "technical fault",
    "warranty",
)
ACCURACY = MetricInfo(
    name="accuracy",
    title="Accuracy",
    source="share of rows whose answer is the expected label; equals scikit-learn's accuracy_score",
    unit="share",
    higher_is_better=True,
)
CLASSIFICATION = (
    ACCURACY,
    MetricInfo(
        name="macro_f1",
        title="Macro-F1",
        source="mean of the labels' F1; equals scikit-learn's f1_score(average='macro')",
        unit="share",
        higher_is_better=True,
    ),
    MetricInfo(
        name="invalid_label_rate",
        title="Invalid labels",
        source="share of answers that are no label",
        unit="share",
        higher_is_better=False,
    ),
)
SUMMARIES = (
    MetricInfo(
        name="rouge_l",
        title="ROUGE-L",
        source="equals rouge-score 0.1.2, without stemming",
        unit="share",
        higher_is_better=True,
    ),
    MetricInfo(
        name="chrf", title="chrF", source="sacrebleu 2.6", unit="share", higher_is_better=True
    ),
    MetricInfo(
        name="length_ratio",
        title="Length ratio",
        source="characters of the answers by those of the references",
        unit="ratio",
        higher_is_better=True,
    ),
)
PERPLEXITY = MetricInfo(
    name="perplexity",
    title="Perplexity",
    source="exp of the mean negative log-likelihood of the reference answers' tokens",
    unit="ratio",
    higher_is_better=False,
)


def measured(value: float, half: float = 0.04) -> Metric:
    """A metric with an interval around it; none for a half width of 0."""
    if not half:
        return Metric(value=value, low=None, high=None)
    return Metric(value=value, low=value - half, high=value + half)


def candidate(
    name: str,
    kind: str,
    metrics: dict[str, Metric],
    *,
    shots: int = 0,
    priced: bool = True,
    labels: Sequence[LabelScores] = (),
    confusion: ConfusionMatrix | None = None,
) -> CandidateResult:
    """A candidate whose costs fit its kind."""
    tuned = kind != "baseline"
    trainable = {"baseline": 0, "pet": 1_081_344, "full": 494_032_768}[kind]
    prompt_tokens = 74.2 + 91.7 * shots
    return CandidateResult.model_validate(
        {
            "name": name,
            "kind": kind,
            "engine": "transformers",
            "model": f"small-chat-0.5b{'-' + name if tuned else ''}",
            "model_digest": "3fa1" * 16,
            "shots": shots,
            "shot_choice": "balanced" if shots else "",
            "trainable_parameters": trainable,
            "total_parameters": 494_032_768,
            "training_rows": 2_400 if tuned else 0,
            "cost": Cost(
                training_seconds={"baseline": 0.0, "pet": 412.7, "full": 1_893.4}[kind],
                training_usd={"baseline": 0.0, "pet": 0.41, "full": 1.89}[kind] if priced else None,
                adapter_bytes=4_325_376 if kind == "pet" else 0,
                prompt_tokens_per_call=prompt_tokens,
                output_tokens_per_call=3.4,
                seconds_per_1000_calls=18.2 + 6.1 * shots,
                serving_usd_per_1000_calls=(0.018 + 0.0061 * shots) if priced else None,
            ),
            "cut_off_rows": 0,
            "unasked_rows": 0,
            "blocked_rows": 0,
            "metrics": metrics,
            "labels": list(labels),
            "confusion": confusion,
        }
    )


def paired(first: str, second: str, difference: float, p: float, *, counts: bool) -> PairedTest:
    """A comparison whose numbers fit each other roughly."""
    return PairedTest(
        metric="accuracy" if counts else "rouge_l",
        test="mcnemar" if counts else "randomization",
        first=first,
        second=second,
        rows=320,
        difference=difference,
        low=difference - 0.045,
        high=difference + 0.045,
        first_only=round(320 * max(difference, 0)) + 9 if counts else None,
        second_only=round(320 * max(-difference, 0)) + 9 if counts else None,
        p_value=p,
        p_corrected=min(1.0, 4 * p),
    )


def part(kind: str, value: str, rows: int, loss: float, *, name: str = "pet") -> SliceResult:
    """A slice with the loss of a tuned candidate."""
    return SliceResult.model_validate(
        {
            "slice": kind,
            "value": value,
            "rows": rows,
            "candidate": name,
            "baseline": "8-shot",
            "candidate_value": 0.7 - loss,
            "baseline_value": 0.7,
            "loss": loss,
            "low": loss - 0.09,
            "high": loss + 0.09,
            "p_value": 0.04,
            "p_corrected": 0.32,
        }
    )


def confusion_of(labels: Sequence[str], rows_each: int, seed: int) -> ConfusionMatrix:
    """A matrix with most rows on the diagonal and a few answers that are no label."""
    chance = random.Random(seed)
    size = len(labels)
    matrix = [[0] * (size + 1) for _ in range(size + 1)]
    for expected in range(size):
        for _ in range(rows_each + chance.randrange(-rows_each // 2, rows_each // 2)):
            right = chance.random() < 0.9 - 0.3 * (expected == size - 1)
            matrix[expected][expected if right else chance.randrange(size + 1)] += 1
    return ConfusionMatrix(categories=[*labels, "(other)"], matrix=matrix)


def label_scores(confusion: ConfusionMatrix) -> list[LabelScores]:
    """Precision, recall and F1 of a matrix."""
    scores = []
    for place, label in enumerate(confusion.categories[:-1]):
        hits = confusion.matrix[place][place]
        expected = sum(confusion.matrix[place])
        predicted = sum(row[place] for row in confusion.matrix)
        scores.append(
            LabelScores(
                label=label,
                precision=hits / predicted if predicted else None,
                recall=hits / expected if expected else None,
                f1=2 * hits / (expected + predicted) if expected + predicted else None,
                support=expected,
            )
        )
    return scores


def learning_points(scores: dict[float, float]) -> list[LearningPoint]:
    """PET on parts of 2,400 rows; the last part is the candidate itself."""
    return [
        LearningPoint(
            name="pet" if share == 1 else f"pet-{share:.0%}",
            kind="pet",
            training_rows=round(2_400 * share),
            training_fraction=share,
            score=measured(score),
        )
        for share, score in scores.items()
    ]


def metrics_of(
    task: TaskKind,
    infos: Sequence[MetricInfo],
    candidates: Sequence[CandidateResult],
    **more: object,
) -> EvaluationMetrics:
    """Metrics with the parts that the page always shows."""
    return EvaluationMetrics.model_validate(
        {
            "data_task": "classification" if task == "classification" else "generation",
            "task": task,
            "task_reason": "the answers are a label set",
            "rows": 320,
            "units": 320,
            "labels": [],
            "examples_digest": "9c0e" * 16,
            "base_models": [BaseModelReference(name="small-chat-0.5b", digest="3fa1" * 16)],
            "settings": EvaluationSettings(
                gate=GateRules(margin=0.02, max_slice_loss=0.05),
                prices=Prices(training_usd_per_hour=3.6, serving_usd_per_hour=3.6),
            ),
            "primary_metric": infos[0].name,
            "metrics": list(infos),
            "candidates": list(candidates),
            "paired_tests": [],
            "slices": [],
            "judgements": [],
            "learning_curve": [],
            **more,
        }
    )


def verdict_of(
    metrics: EvaluationMetrics, *, winner: str, headline: str, **more: object
) -> Verdict:
    """A verdict over the candidates of some metrics."""
    tuned = {c.name for c in metrics.candidates if c.kind != "baseline"}
    gate = [
        GateTest(**test.model_dump(), p_gate=min(1.0, 2 * test.p_value))
        for test in metrics.paired_tests
        if test.first in tuned and test.second not in tuned
    ]
    shown = next((c for c in metrics.candidates if c.name == (winner or "pet")), None)
    return Verdict.model_validate(
        {
            "passed": bool(winner),
            "winner": winner,
            "recommended": winner or "8-shot",
            "headline": headline,
            "reasons": [],
            "sensitivity": "",
            "task": metrics.task,
            "task_reason": metrics.task_reason,
            "primary_metric": metrics.primary_metric,
            "metrics": metrics.metrics,
            "rows": metrics.rows,
            "best_baseline": "8-shot",
            "best_tuned": "pet",
            "candidates": [
                candidate.model_dump(exclude={"labels", "confusion"})
                for candidate in metrics.candidates
            ],
            "gate_tests": gate,
            "worst_slices": sorted(
                (one for one in metrics.slices if one.rows >= 20 and one.candidate == "pet"),
                key=lambda one: -one.loss,
            )[:5],
            "confusion": shown.confusion if shown else None,
            **more,
        }
    )
