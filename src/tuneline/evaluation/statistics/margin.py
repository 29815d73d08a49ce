"""Whether one candidate is better than another by more than a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tuneline.evaluation.statistics.paired_shares import score_test
from tuneline.evaluation.statistics.scores import unit_scores

if TYPE_CHECKING:
    from tuneline.evaluation.statistics.paired import Comparison
    from tuneline.evaluation.statistics.units import Units

_ROUNDING = 1e-12


def margin_p_value(comparison: Comparison, units: Units, margin: float) -> float:
    """Two-sided p-value of "the first leads the second by just the margin".

    It falls below 0.05 where the 95 % interval of the difference leaves the margin out: Tango's
    score test for independent rows that are right or wrong; otherwise twice the share of resamples
    in which the first leads by no more than the margin. A resample that is not a number counts
    against the first.

    Args:
        comparison: The candidate that is to lead stands first.
        units: What was resampled.
        margin: The lead, in the metric's unit, whichever way the metric counts.
    """
    metric = comparison.metric
    if metric.right_or_wrong and not units.clustered:
        first, second = (
            unit_scores(metric, sampled.table) for sampled in (comparison.first, comparison.second)
        )
        rows = int(np.sum(~np.isnan(first - second)))
        only = int(np.sum(first > second)), int(np.sum(first < second))
        return score_test(*only, rows, margin) if rows else 1.0
    sign = 1 if metric.higher_is_better else -1
    leads = sign * (metric.value(comparison.first.totals) - metric.value(comparison.second.totals))
    if np.ptp(leads) <= _ROUNDING:
        return _of_alike(float(leads[0]), units.count, margin, bounded=metric.unit == "share")
    reached = 1 + int(np.sum(~(leads > margin)))
    return min(1.0, 2 * reached / (1 + len(leads)))


def _of_alike(lead: float, units: int, margin: float, *, bounded: bool) -> float:
    """Where no resample changes the lead: how likely no unit of another kind was drawn.

    To bring the lead down to the margin, a share of all units would have to score the worst
    difference that there is, -1 (Clopper and Pearson 1934; see `bootstrap_interval`). Without
    bounds on the metric nothing is known.
    """
    if not bounded or lead <= margin:
        return 1.0
    unseen = (lead - margin) / (lead + 1)
    return min(1.0, 2 * float((1 - unseen) ** units))
