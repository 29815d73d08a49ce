"""Which true differences a held-out set of this size can show, in four runs of five."""

from __future__ import annotations

import math
from statistics import NormalDist

from scipy.optimize import brentq

_POWER = 0.8


def detectable_difference(rows: int, disagreement: float, significance: float) -> float:
    """The true difference of shares that McNemar's test finds in four runs of five.

    Connor's sample-size formula (1987) for the difference ``d``, where a share ``u`` of the rows is
    right for one candidate alone: ``rows = (z_a sqrt(u) + z_b sqrt(u - d ** 2)) ** 2 / d ** 2``.
    Two candidates that differ by ``d`` differ on that share of the rows at least, and on those on
    which they would differ if neither were better: ``u = disagreement + d``.

    Args:
        rows: Held-out rows, at least 1.
        disagreement: Share of rows that only one of the two would have right if neither were
            better: twice the smaller of the two counts, over the rows.
        significance: Level of the test.

    Returns:
        The difference as a share; NaN where even the largest possible would not be enough, or where
        the p-value would not fall below the level with every row in one direction: ``0.5 ** rows``.
    """
    if 0.5**rows >= significance:
        return math.nan
    level, power = _quantiles(significance)

    def missing(difference: float) -> float:
        either = disagreement + difference
        spread = level * math.sqrt(either) + power * math.sqrt(either - difference**2)
        return (spread / difference) ** 2 - rows

    largest = 1 - disagreement
    if largest <= 0 or missing(largest) > 0:
        return math.nan
    return float(brentq(missing, largest * 1e-9, largest, xtol=1e-14))


def detectable_from_draws(
    standard_error: float, significance: float, units: float = math.inf
) -> float:
    """The true difference of any metric that a paired test finds in four runs of five.

    Args:
        standard_error: Of the difference: the standard deviation of its bootstrap draws
            (`PairedDifference.standard_error`).
        significance: Level of the test.
        units: Independent units; endless where they are not few.

    Returns:
        ``(z_a + z_b) se``, in the unit of the metric; NaN where the standard error is 0 or unknown,
        since candidates that never differ say nothing about what a difference would look like, and
        where the p-value would not fall below the level with every unit in one direction: then two
        of ``2 ** units`` swaps are as large as the one seen.
    """
    if 2 * 0.5**units >= significance:
        return math.nan
    level, power = _quantiles(significance)
    return (level + power) * standard_error if standard_error > 0 else math.nan


def _quantiles(significance: float) -> tuple[float, float]:
    normal = NormalDist()
    return normal.inv_cdf(1 - significance / 2), normal.inv_cdf(_POWER)
