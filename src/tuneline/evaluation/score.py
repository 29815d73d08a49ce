"""Scores with intervals for each candidate, and paired tests between all of them."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from tuneline.evaluation.metrics import (
    ClassificationScores,
    Codes,
    Flags,
    classification_scores,
    exact_matches,
    label_codes,
)
from tuneline.evaluation.results import (
    BaseModelReference,
    CandidateResult,
    ConfusionMatrix,
    EvaluationMetrics,
    LabelScores,
    Metric,
    PairedTest,
)
from tuneline.evaluation.statistics import (
    Interval,
    macro_f1_interval,
    paired_difference,
    share_interval,
)

if TYPE_CHECKING:
    from tuneline.evaluation.held_out import Answers, HeldOut
    from tuneline.evaluation.settings import EvaluationSettings


def right_answers(held_out: HeldOut, metric: str) -> dict[str, Flags]:
    """Which rows each candidate has right by ``accuracy`` or ``exact_match``, by its name."""
    if metric == "accuracy":
        expected = label_codes(held_out.expected, held_out.labels)
        return {
            answers.candidate.name: expected == label_codes(answers.texts, held_out.labels)
            for answers in held_out.answers
        }
    return {
        answers.candidate.name: exact_matches(held_out.references, answers.texts)
        for answers in held_out.answers
    }


def score(held_out: HeldOut, settings: EvaluationSettings) -> EvaluationMetrics:
    """Score every candidate and test every pair; the costlier one of a pair stands first."""
    metric = settings.primary_metric_of(held_out.task)
    return EvaluationMetrics(
        task=held_out.task,
        rows=len(held_out.references),
        labels=list(held_out.labels),
        examples_digest=held_out.examples_digest,
        base_models=[
            BaseModelReference(name=name, digest=digest) for name, digest in held_out.base_models
        ],
        settings=settings,
        primary_metric=metric,
        candidates=[_candidate(held_out, answers, settings) for answers in held_out.answers],
        paired_tests=_paired_tests(right_answers(held_out, metric), metric, settings),
    )


def _candidate(
    held_out: HeldOut, answers: Answers, settings: EvaluationSettings
) -> CandidateResult:
    metrics, scores = _metrics(held_out, answers, settings)
    candidate = answers.candidate
    return CandidateResult(
        name=candidate.name,
        kind=candidate.kind,
        shots=candidate.shots,
        trainable_parameters=candidate.trainable_parameters,
        total_parameters=candidate.total_parameters,
        training_seconds=candidate.training_seconds,
        prediction_seconds=candidate.prediction_seconds,
        prompt_tokens_per_call=round(answers.mean("prompt_tokens"), 3),
        output_tokens_per_call=round(answers.mean("output_tokens"), 3),
        cut_off_rows=answers.rows_that_finished_by("length"),
        unasked_rows=answers.rows_that_finished_by("prompt_too_long"),
        metrics=metrics,
        labels=_label_scores(held_out, scores) if scores else [],
        confusion=_confusion(held_out, scores) if scores else None,
    )


def _metrics(
    held_out: HeldOut, answers: Answers, settings: EvaluationSettings
) -> tuple[dict[str, Metric], ClassificationScores | None]:
    rows = len(answers.texts)
    if not rows:
        return {}, None
    right = exact_matches(held_out.references, answers.texts)
    shares = {"exact_match": right}
    scores = None
    if held_out.task == "classification":
        expected = label_codes(held_out.expected, held_out.labels)
        predicted = label_codes(answers.texts, held_out.labels)
        shares["accuracy"] = expected == predicted
        shares["invalid_label_rate"] = predicted == len(held_out.labels)
        scores = classification_scores(expected, predicted, len(held_out.labels))
    options = {"resamples": settings.resamples, "seed": settings.seed}
    metrics = {
        name: _metric(share_interval(int(np.sum(hits)), rows, **options))
        for name, hits in shares.items()
    }
    if scores:
        metrics["macro_f1"] = _metric(macro_f1_interval(scores.confusion, **options))
    return metrics, scores


def _metric(interval: Interval) -> Metric:
    return Metric(value=interval.value, low=interval.low, high=interval.high)


def _label_scores(held_out: HeldOut, scores: ClassificationScores) -> list[LabelScores]:
    columns = zip(
        held_out.labels, scores.precision, scores.recall, scores.f1, scores.support, strict=True
    )
    return [
        LabelScores(
            label=label,
            precision=_defined(precision),
            recall=_defined(recall),
            f1=_defined(f1),
            support=int(support),
        )
        for label, precision, recall, f1, support in columns
    ]


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _confusion(held_out: HeldOut, scores: ClassificationScores) -> ConfusionMatrix:
    other = "(other)"
    while other in held_out.labels:
        other = f"({other})"
    square: Codes = np.vstack([scores.confusion, np.zeros_like(scores.confusion[:1])])
    return ConfusionMatrix(categories=[*held_out.labels, other], matrix=square.tolist())


def _paired_tests(
    right: dict[str, Flags], metric: str, settings: EvaluationSettings
) -> list[PairedTest]:
    tests = []
    for (cheaper, of_cheaper), (costlier, of_costlier) in combinations(right.items(), 2):
        if not len(of_cheaper):
            continue
        paired = paired_difference(
            of_costlier, of_cheaper, resamples=settings.resamples, seed=settings.seed
        )
        tests.append(
            PairedTest(
                metric=metric,
                first=costlier,
                second=cheaper,
                rows=len(of_cheaper),
                difference=paired.difference.value,
                low=paired.difference.low,
                high=paired.difference.high,
                first_only=paired.first_only,
                second_only=paired.second_only,
                p_value=paired.p_value,
            )
        )
    return tests
