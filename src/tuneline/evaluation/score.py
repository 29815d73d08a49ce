"""Scores with intervals for each candidate, paired tests between all of them, and slices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.evaluation.costs import cheapest_first, cost_of
from tuneline.evaluation.pairs import compared
from tuneline.evaluation.results import CandidateResult, LearningPoint, Metric, finite
from tuneline.evaluation.slice_results import slice_results
from tuneline.evaluation.statistics.resampling import Resampling
from tuneline.evaluation.statistics.scores import estimate
from tuneline.evaluation.statistics.units import Units
from tuneline.evaluation.tables import confusion_matrix, label_scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tuneline.evaluation.gate import Comparison, UnscoredSlice
    from tuneline.evaluation.held_out import HeldOut
    from tuneline.evaluation.measure import Measured
    from tuneline.evaluation.metrics import metric as measures
    from tuneline.evaluation.results import SliceResult
    from tuneline.evaluation.settings import EvaluationSettings
    from tuneline.evaluation.statistics.intervals import Interval
    from tuneline.evaluation.statistics.resampling import Sampled


@dataclass(frozen=True, slots=True)
class Scores:
    """What was measured, with its statistics.

    Attributes:
        candidates: From the cheapest to the costliest, without those of the learning curve.
        comparisons: Every pair of them by the primary metric.
        slices: Each tuned candidate against the best baseline.
        unscored_slices: Where a tuned candidate has no score.
        learning_curve: Models tuned on parts of the training split, and those on all of it.
        units: Independent rows or groups of rows.
    """

    candidates: list[CandidateResult]
    comparisons: list[Comparison]
    slices: list[SliceResult]
    unscored_slices: list[UnscoredSlice]
    learning_curve: list[LearningPoint]
    units: int


def score(
    held_out: HeldOut,
    metrics: Sequence[measures.Metric],
    measured: Mapping[str, Measured],
    settings: EvaluationSettings,
) -> Scores:
    """Score every candidate and test every pair.

    Args:
        held_out: The rows and who answered them.
        metrics: What was measured, the primary metric first.
        measured: Statistics of the rows, by candidate; empty where there are no rows.
        settings: Level, resamples, slices, prices.
    """
    if not held_out.rows:
        return Scores(_results(held_out, metrics, measured, {}, settings), [], [], [], [], 0)
    units = Units.of(held_out.groups, held_out.rows)
    sampled = _sampled(metrics, measured, units, settings)
    all_results = _results(
        held_out,
        metrics,
        measured,
        {key: _metric(estimate(key[1], found, units)) for key, found in sampled.items()},
        settings,
    )
    parts = {a.candidate.name for a in held_out.answers if a.candidate.training_fraction < 1}
    results = [result for result in all_results if result.name not in parts]
    primary = {name: found for (name, metric), found in sampled.items() if metric is metrics[0]}
    slices, unscored = slice_results(held_out, results, metrics[0], measured, settings)
    return Scores(
        candidates=results,
        comparisons=compared(results, metrics[0], primary, units, settings),
        slices=slices,
        unscored_slices=unscored,
        learning_curve=_learning_curve(held_out, all_results, metrics[0].name),
        units=units.count,
    )


def _sampled(
    metrics: Sequence[measures.Metric],
    measured: Mapping[str, Measured],
    units: Units,
    settings: EvaluationSettings,
) -> dict[tuple[str, measures.Metric], Sampled]:
    """Every table with its bootstrap totals; all share the same resamples."""
    tables = {
        (name, metric): units.sums(found.statistics[metric.name])
        for name, found in measured.items()
        for metric in metrics
    }
    resampling = Resampling(units.count, settings.resamples, settings.seed)
    return dict(zip(tables, resampling.sampled(list(tables.values())), strict=True))


def _results(
    held_out: HeldOut,
    metrics: Sequence[measures.Metric],
    measured: Mapping[str, Measured],
    estimates: Mapping[tuple[str, measures.Metric], Metric | None],
    settings: EvaluationSettings,
) -> list[CandidateResult]:
    results = []
    for answers in held_out.answers:
        candidate = answers.candidate
        tally = measured[candidate.name].tally if measured else None
        found = {metric.name: estimates.get((candidate.name, metric)) for metric in metrics}
        finished = tally.finished if tally else {}
        results.append(
            CandidateResult(
                name=candidate.name,
                kind=candidate.kind,
                engine=candidate.engine,
                model=candidate.model,
                model_digest=candidate.model_digest,
                shots=candidate.shots,
                shot_choice=candidate.shot_choice,
                trainable_parameters=candidate.trainable_parameters,
                total_parameters=candidate.total_parameters,
                training_rows=candidate.training_rows,
                cost=cost_of(candidate, tally, held_out.rows, settings.prices),
                cut_off_rows=finished.get("length", 0),
                unasked_rows=finished.get("prompt_too_long", 0),
                blocked_rows=finished.get("blocked", 0),
                metrics={name: metric for name, metric in found.items() if metric is not None},
                labels=label_scores(held_out.labels, tally) if tally else [],
                confusion=confusion_matrix(held_out.labels, tally.confusion) if tally else None,
            )
        )
    return cheapest_first(results, settings.prices)


def _metric(interval: Interval) -> Metric | None:
    if not math.isfinite(interval.value):
        return None
    return Metric(value=interval.value, low=finite(interval.low), high=finite(interval.high))


def _learning_curve(
    held_out: HeldOut, results: Sequence[CandidateResult], metric: str
) -> list[LearningPoint]:
    """Parts and wholes of the methods that were tuned on parts too, the smallest first."""
    candidates = {a.candidate.name: a.candidate for a in held_out.answers}
    methods = {c.kind for c in candidates.values() if c.training_fraction < 1}
    points = [
        LearningPoint(
            name=result.name,
            kind=result.kind,
            training_rows=result.training_rows,
            training_fraction=candidates[result.name].training_fraction,
            score=result.metrics[metric],
        )
        for result in results
        if result.kind != "baseline" and result.kind in methods and metric in result.metrics
    ]
    return sorted(points, key=lambda point: (point.kind, point.training_fraction))
