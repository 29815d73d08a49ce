"""The plots of the page: the primary metric of each candidate, and the learning curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tuneline.evaluation.report.candidates import KINDS
from tuneline.evaluation.report.curve import ordered_points
from tuneline.evaluation.wording import interval, score
from tuneline.report.charts import IntervalPoint, IntervalRow, interval_curves, intervals
from tuneline.report.words import capitalized, name_of

if TYPE_CHECKING:
    from markupsafe import Markup

    from tuneline.evaluation.results import EvaluationMetrics, LearningPoint, Metric, MetricInfo
    from tuneline.evaluation.verdict import Verdict

_LONGEST_NAME = 20


def interval_plot(metrics: EvaluationMetrics, verdict: Verdict) -> Markup | None:
    """The primary metric of all candidates; None where nobody has it."""
    measured = [
        (candidate, candidate.metrics[metrics.primary_metric])
        for candidate in metrics.candidates
        if metrics.primary_metric in candidate.metrics
        and math.isfinite(candidate.metrics[metrics.primary_metric].value)
    ]
    if not measured:
        return None
    info = metrics.info(metrics.primary_metric)
    scale = _scale(info)
    rows = [
        IntervalRow(
            _short(candidate.name),
            scale * found.value,
            _scaled(found.low, scale),
            _scaled(found.high, scale),
            chosen=candidate.name == verdict.winner,
        )
        for candidate, found in measured
    ]
    said = [f"{name_of(candidate.name)} {_in_words(found, info)}" for candidate, found in measured]
    return intervals(
        rows,
        f"{_axis_label(info)}, with 95 % interval",
        f"{capitalized(info.title)} of each candidate: {', '.join(said)}.",
        limits=(0, 100) if info.unit == "share" else (-math.inf, math.inf),
    )


def learning_curve(metrics: EvaluationMetrics, verdict: Verdict) -> Markup | None:
    """Quality against training rows for each method; None where nothing was tuned on parts."""
    points = ordered_points(metrics.learning_curve)
    if not points:
        return None
    info = metrics.info(metrics.primary_metric)
    series: dict[str, list[IntervalPoint]] = {}
    for point in points:
        found = _point(point, _scale(info))
        series.setdefault(KINDS[point.kind], []).append(found)
    best = [c.metrics.get(info.name) for c in metrics.candidates if c.name == verdict.best_baseline]
    level = next((found.value for found in best if found is not None), math.nan)
    said = [
        f"{KINDS[point.kind]} with {point.training_rows:,} rows {_in_words(point.score, info)}"
        for point in points
    ]
    return interval_curves(
        series,
        "training rows",
        _axis_label(info),
        f"{capitalized(info.title)} against the number of training rows: {', '.join(said)}.",
        level=None
        if math.isnan(level)
        else (f"best prompt: {_short(verdict.best_baseline)}", _scale(info) * level),
    )


def _point(point: LearningPoint, scale: float) -> IntervalPoint:
    found = point.score
    return IntervalPoint(
        point.training_rows,
        scale * found.value,
        _scaled(found.low, scale),
        _scaled(found.high, scale),
    )


def _scale(info: MetricInfo) -> float:
    return 100 if info.unit == "share" else 1


def _scaled(end: float | None, scale: float) -> float | None:
    return None if end is None or not math.isfinite(end) else scale * end


def _axis_label(info: MetricInfo) -> str:
    unit = ", %" if info.unit == "share" else ""
    way = "" if info.higher_is_better else " (lower is better)"
    return f"{capitalized(info.title)}{unit}{way}"


def _in_words(found: Metric, info: MetricInfo) -> str:
    ends = interval(found, info)
    return f"{score(found.value, info)} ({ends})" if ends else score(found.value, info)


def _short(name: str) -> str:
    """A name in one line that leaves room for the plot."""
    line = name_of(" ".join(name.split()))
    return line if len(line) <= _LONGEST_NAME else f"{line[: _LONGEST_NAME - 1]}…"
