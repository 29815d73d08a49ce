"""Two candidates on the same rows: their difference, its interval and a paired test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from tuneline.evaluation.statistics.intervals import bootstrap_interval
from tuneline.evaluation.statistics.paired_shares import mcnemar, share_difference_interval
from tuneline.evaluation.statistics.randomization import Pair
from tuneline.evaluation.statistics.scores import binary_scores, scored_units
from tuneline.evaluation.statistics.tables import column_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.metrics.metric import Metric
    from tuneline.evaluation.statistics.intervals import Interval
    from tuneline.evaluation.statistics.randomization import PairedRandomization
    from tuneline.evaluation.statistics.resampling import Sampled
    from tuneline.evaluation.statistics.units import Units


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How two candidates differ on the same rows.

    Attributes:
        difference: Value of the first minus that of the second.
        standard_error: Of the difference; NaN where undefined.
        p_value: Two-sided, not corrected for other comparisons; 1 where they never differ or the
            difference is undefined.
        test: Which test it is of.
        first_only: Rows that the first alone has right; None unless the test is McNemar's.
        second_only: Rows that the second alone has right; None likewise.
    """

    difference: Interval
    standard_error: float
    p_value: float
    test: Literal["mcnemar", "randomization"]
    first_only: int | None = None
    second_only: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two candidates under one metric."""

    metric: Metric
    first: Sampled
    second: Sampled


def compare(
    metric: Metric,
    first: Sampled,
    second: Sampled,
    units: Units,
    randomization: PairedRandomization,
) -> PairedDifference:
    """Compare two candidates; see `compare_all`, which shares the work between many."""
    return compare_all([Comparison(metric, first, second)], units, randomization)[0]


def compare_all(
    comparisons: Sequence[Comparison], units: Units, randomization: PairedRandomization
) -> list[PairedDifference]:
    """Compare candidates by pairs, in the order given.

    Where independent rows are right or wrong, the test is McNemar's and the interval Tango's.
    Otherwise units are swapped for the test and resampled for the interval.
    """
    by_counts = [_right_or_wrong(comparison, units) for comparison in comparisons]
    others = [
        comparison
        for comparison, counted in zip(comparisons, by_counts, strict=True)
        if counted is None
    ]
    p_values = iter(
        randomization.p_values(
            [Pair(other.metric, other.first.table, other.second.table) for other in others]
        )
    )
    return [
        counted or _resampled(comparison, next(p_values))
        for comparison, counted in zip(comparisons, by_counts, strict=True)
    ]


def right_or_wrong_counts(comparison: Comparison, units: Units) -> tuple[int, int, int] | None:
    """Rows that the first alone has right, that the second alone has right, and all rows.

    Rows without two scores are left out.

    Returns:
        None where rows are not independent, or not right or wrong.
    """
    if units.clustered:
        return None
    first = binary_scores(comparison.metric, comparison.first.table)
    second = binary_scores(comparison.metric, comparison.second.table)
    if first is None or second is None:
        return None
    rows = int(np.sum(~np.isnan(first - second)))
    return int(np.sum(first > second)), int(np.sum(first < second)), rows


def _right_or_wrong(comparison: Comparison, units: Units) -> PairedDifference | None:
    """By McNemar's test; None where it does not apply."""
    counts = right_or_wrong_counts(comparison, units)
    if counts is None:
        return None
    first_only, second_only, rows = counts
    interval = share_difference_interval(first_only, second_only, rows)
    variance = (first_only + second_only) / rows - interval.value**2 if rows else math.nan
    return PairedDifference(
        difference=interval,
        standard_error=math.sqrt(variance / rows) if rows else math.nan,
        p_value=mcnemar(first_only, second_only),
        test="mcnemar",
        first_only=first_only,
        second_only=second_only,
    )


def _resampled(comparison: Comparison, p_value: float) -> PairedDifference:
    metric, first, second = comparison.metric, comparison.first, comparison.second
    value = float(metric.value(column_sums(first.table)) - metric.value(column_sums(second.table)))
    draws = metric.value(first.totals) - metric.value(second.totals)
    limits = (-1.0, 1.0) if metric.unit == "share" else None
    scored = min(scored_units(metric, first.table), scored_units(metric, second.table))
    interval = bootstrap_interval(value, draws, scored, limits)
    known = not math.isnan(interval.low)
    return PairedDifference(
        difference=interval,
        standard_error=float(np.std(draws[np.isfinite(draws)], ddof=1)) if known else math.nan,
        p_value=p_value,
        test="randomization",
    )
