"""A candidate's score with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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


def estimate(metric: Metric, sampled: Sampled, units: Units) -> Interval:
    """The score of a candidate with its 95 % interval.

    Shares of independent rows get Wilson's interval, everything else the bootstrap's.
    """
    if metric.right_or_wrong and not units.clustered:
        scores = unit_scores(metric, sampled.table)
        return share_interval(int(np.nansum(scores)), int(np.sum(~np.isnan(scores))))
    value = float(metric.value(column_sums(sampled.table)))
    limits = (0.0, 1.0) if metric.unit == "share" else None
    return bootstrap_interval(value, metric.value(sampled.totals), units.count, limits)
