"""The learning curve in words: its points as a table, and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneline.evaluation.report.candidates import KINDS
from tuneline.evaluation.wording import gap, interval, score
from tuneline.report.words import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.evaluation.results import EvaluationMetrics, LearningPoint, MetricInfo


class CurvePoint(NamedTuple):
    """One point of the learning curve."""

    kind: str
    name: str
    rows: int
    share: str
    score: str
    interval: str


def ordered_points(points: Sequence[LearningPoint]) -> list[LearningPoint]:
    """By method and from few rows to many."""
    return sorted(points, key=lambda point: (point.kind, point.training_rows, point.name))


def curve_points(metrics: EvaluationMetrics) -> list[CurvePoint]:
    """The learning curve as a table, by method and from few rows to many."""
    info = metrics.info(metrics.primary_metric)
    return [
        CurvePoint(
            KINDS[point.kind],
            name_of(point.name),
            point.training_rows,
            f"{100 * point.training_fraction:.3g} %",
            score(point.score.value, info),
            interval(point.score, info),
        )
        for point in ordered_points(metrics.learning_curve)
    ]


def curve_sentences(metrics: EvaluationMetrics) -> Iterator[str]:
    """For each method, what the last step of its curve brought: from the largest part to all."""
    info = metrics.info(metrics.primary_metric)
    by_kind: dict[str, list[LearningPoint]] = {}
    for point in ordered_points(metrics.learning_curve):
        by_kind.setdefault(KINDS[point.kind], []).append(point)
    for kind, points in by_kind.items():
        parts = [point for point in points if point.training_fraction < 1]
        wholes = [point for point in points if point.training_fraction >= 1]
        if parts and wholes:
            yield _step(kind, parts[-1], wholes[0], info)


def _step(kind: str, part: LearningPoint, whole: LearningPoint, info: MetricInfo) -> str:
    change = whole.score.value - part.score.value
    size = gap(abs(change), info)
    if size == gap(0.0, info):
        moved = "did not change"
    else:
        moved = f"{'rose' if change > 0 else 'fell'} by {size}"
    return (
        f"{kind.capitalize()}: from the largest part, {part.training_rows:,} rows, to all "
        f"{whole.training_rows:,}, {info.title} {moved}{_overlap(part, whole)}."
    )


def _overlap(part: LearningPoint, whole: LearningPoint) -> str:
    ends = (part.score.low, part.score.high, whole.score.low, whole.score.high)
    low, high, whole_low, whole_high = ends
    if low is None or high is None or whole_low is None or whole_high is None:
        return ""
    if low <= whole_high and whole_low <= high:
        return "; the 95 % intervals overlap, so chance may explain it"
    return "; the 95 % intervals do not overlap"
