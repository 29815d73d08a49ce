"""Two candidates that are right or wrong on the same independent rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binom, norm

from tuneline.evaluation.statistics.intervals import NORMAL_QUANTILE, Interval

if TYPE_CHECKING:
    from tuneline.evaluation.rows import FloatArray

_ROUNDING = 1e-12


def mcnemar(first_only: int, second_only: int) -> float:
    """Two-sided p-value of McNemar's test (1947), by the mid-p rule.

    Where neither is better, a row that only one has right falls to either with probability one
    half. The p-value counts half of the probability of the outcome seen (Lancaster 1961), as
    Fagerland, Lydersen and Laake (2013) recommend for this test. How often it rejects at the 5 %
    level where neither is better, computed exactly for 100, 200, 500 and 1,000 rows of which 10 to
    30 % differ: 4.1 to 5.0 % by mid-p, but 2.2 to 4.4 % by the exact test. With fewer rows that
    differ, both reject less: 2.5 % and 0.9 % where 5 of 100 differ.

    Args:
        first_only: Rows that the first alone has right.
        second_only: Rows that the second alone has right.

    Returns:
        1 where the two are equal, and so where no row differs.
    """
    if first_only == second_only:
        return 1.0
    differing, fewer = first_only + second_only, min(first_only, second_only)
    at_most = float(binom.cdf(fewer, differing, 0.5))
    return 2 * at_most - float(binom.pmf(fewer, differing, 0.5))


def share_difference_interval(first_only: int, second_only: int, rows: int) -> Interval:
    """Difference of two shares of the same rows, with the score interval of Tango (1998).

    The interval holds every difference that the score test does not reject, as Wilson's does for
    one share; with ``first_only + second_only == rows`` the two agree. It needs no exception where
    all rows fall into one cell: then it reaches to ``z ** 2 / (n + z ** 2)``. From 100 rows on,
    with as few as 4 % of them differing, it covered 94.6 to 95.8 % (20,000 simulated data sets
    each), the expanded percentile bootstrap 94.5 to 96.3 % (1,500 each).
    """
    if not rows:
        return Interval(math.nan, math.nan, math.nan)
    low = _lowest_difference(first_only, second_only, rows)
    high = -_lowest_difference(second_only, first_only, rows)
    return Interval((first_only - second_only) / rows, low, high)


def score_test(first_only: int, second_only: int, rows: int, difference: float) -> float:
    """Two-sided p-value of the score test of Tango (1998) that the difference is just this one.

    The differences with a p-value above 0.05 are those of `share_difference_interval`.

    Args:
        first_only: Rows that the first alone has right.
        second_only: Rows that the second alone has right.
        rows: All rows, at least 1.
        difference: Share of the first minus that of the second, strictly between -1 and 1.
    """
    seen = score_statistic(np.array(first_only), np.array(second_only), rows, difference)
    return 2 * float(norm.sf(abs(float(seen))))


def score_statistic(
    first_only: FloatArray, second_only: FloatArray, rows: int, difference: float
) -> FloatArray:
    """Tango's score of many outcomes: distance from a difference in standard deviations.

    Infinite where no variance is left, and 0 where no distance is either.

    Args:
        first_only: Rows that the first alone has right, in each outcome.
        second_only: Rows that the second alone has right, likewise.
        rows: All rows.
        difference: Share of the first minus that of the second.
    """
    distance, variance = _score(first_only, second_only, rows, difference)
    distance = np.where(np.abs(distance) <= _ROUNDING * rows, 0.0, distance)
    spread = np.sqrt(np.where(variance <= _ROUNDING, 0.0, variance))
    score: FloatArray = np.asarray(np.where(distance == 0, 0.0, np.copysign(np.inf, distance)))
    np.divide(distance, spread, out=score, where=spread > 0)
    return score


def _score(
    first_only: FloatArray, second_only: FloatArray, rows: int, difference: float
) -> tuple[FloatArray, FloatArray]:
    """Distance of what was seen from a difference, and its variance, both times ``rows``.

    The variance is ``n (2 q + d (1 - d))``, where ``q`` is the most likely share of rows that only
    the second has right, given the difference ``d``.
    """
    linear = (2 * rows - first_only + second_only) * difference - first_only - second_only
    constant = -second_only * difference * (1 - difference)
    root = np.sqrt(np.maximum(0.0, linear**2 - 8 * rows * constant))
    second_share = (root - linear) / (4 * rows)
    variance = rows * (2 * second_share + difference * (1 - difference))
    return first_only - second_only - rows * difference, np.maximum(0.0, variance)


def _lowest_difference(first_only: int, second_only: int, rows: int) -> float:
    """The least difference that the score test does not reject, at least -1."""
    if second_only == rows:
        return -1.0

    def excess(difference: float) -> float:
        distance, variance = _score(np.array(first_only), np.array(second_only), rows, difference)
        return float(distance - NORMAL_QUANTILE * np.sqrt(variance))

    # Where all rows are in one cell the variance vanishes at the estimate itself, a second root.
    below = (first_only - second_only - 1e-3) / rows
    return float(brentq(excess, -1.0, below, xtol=1e-14))
