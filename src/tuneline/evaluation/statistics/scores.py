"""A candidate's score with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from tuneline.evaluation.statistics.intervals import bootstrap_interval, share_interval
from tuneline.evaluation.statistics.tables import column_sums, dense

if TYPE_CHECKING:
    from tuneline.evaluation.metrics.metric import Metric
    from tuneline.evaluation.rows import FloatArray
    from tuneline.evaluation.statistics.intervals import Interval
    from tuneline.evaluation.statistics.resampling import Sampled
    from tuneline.evaluation.statistics.tables import Table
    from tuneline.evaluation.statistics.units import Units


def unit_scores(metric: Metric, table: Table) -> FloatArray:
    """The score that each unit has by itself, shape (units,); NaN where undefined."""
    return metric.value(dense(table))


def binary_scores(metric: Metric, table: Table) -> FloatArray | None:
    """Scores of rows that are each right (1) or wrong (0), NaN where undefined.

    Returns:
        None where the metric does not promise them, where less is better, or where any score is
        another number: such rows are no counts of right and wrong.
    """
    if not (metric.right_or_wrong and metric.higher_is_better):
        return None
    scores = unit_scores(metric, table)
    return scores if np.all(np.isnan(scores) | (scores == 0) | (scores == 1)) else None


def scored_units(metric: Metric, table: Table) -> int:
    """Units that the score is made of: those that have a score by themselves.

    An answer without entities is no part of entity precision, so that a precision from two answers
    rests on two units, however many rows there are. Units of a sparse table are those that are not
    empty, since to score each by itself would take the memory of the dense table.
    """
    if isinstance(table, csr_array):
        return int(np.count_nonzero(np.diff(table.indptr)))
    return int(np.sum(~np.isnan(unit_scores(metric, table))))


def estimate(metric: Metric, sampled: Sampled, units: Units) -> Interval:
    """The score of a candidate with its 95 % interval.

    Shares of independent rows get Wilson's interval, everything else the bootstrap's.
    """
    scores = None if units.clustered else binary_scores(metric, sampled.table)
    if scores is not None:
        return share_interval(int(np.nansum(scores)), int(np.sum(~np.isnan(scores))))
    value = float(metric.value(column_sums(sampled.table)))
    limits = (0.0, 1.0) if metric.unit == "share" else None
    scored = scored_units(metric, sampled.table)
    return bootstrap_interval(value, metric.value(sampled.totals), scored, limits)
