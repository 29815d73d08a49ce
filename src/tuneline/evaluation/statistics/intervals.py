"""95 % intervals of one number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student_t

if TYPE_CHECKING:
    from tuneline.evaluation.rows import FloatArray

TAIL = 0.025
"""What an interval leaves out on either side."""

FEWEST_RESAMPLED = 5
"""Fewer units than this are resampled to too few different sets for a percentile of 2.5 %."""

NORMAL_QUANTILE = NormalDist().inv_cdf(1 - TAIL)

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its 95 % interval.

    Attributes:
        value: The number; NaN where the metric is undefined.
        low: Lower end; NaN where there is no interval.
        high: Upper end; NaN likewise.
        undefined_draws: Resamples in which the metric is undefined; they are left out.
    """

    value: float
    low: float
    high: float
    undefined_draws: int = 0


def share_interval(hits: int, rows: int) -> Interval:
    """A share of independent rows, with the score interval of Wilson (1927).

    The bootstrap has no width where all rows are alike, and covers too little near 0 and 1. No
    continuity correction. Without rows all three numbers are NaN.
    """
    if not rows:
        return Interval(math.nan, math.nan, math.nan)
    share, squared = hits / rows, NORMAL_QUANTILE**2
    centre = (share + squared / (2 * rows)) / (1 + squared / rows)
    spread = math.sqrt(share * (1 - share) / rows + squared / (4 * rows**2))
    half = NORMAL_QUANTILE * spread / (1 + squared / rows)
    low = 0.0 if hits == 0 else centre - half
    high = 1.0 if hits == rows else centre + half
    return Interval(share, low, high)


def bootstrap_interval(
    value: float, draws: FloatArray, units: int, limits: tuple[float, float] | None
) -> Interval:
    """Expanded percentile interval (Hesterberg 2015, The American Statistician 69), less its bias.

    Plain percentiles are too narrow for few units, by the factor sqrt((n - 1) / n) and for lack of
    Student's t. Here the tails are ``Phi(-sqrt(n / (n - 1)) t(0.975, n - 1))`` instead of 0.025.
    In 2,000 simulated data sets each of 200 rows, the intervals held means, ratios, macro-F1 and
    their differences in 93.5 to 96.5 %. With few units intervals cover less: 92 to 93 % with 20
    groups.

    Macro-F1 with few rows a label is biased, and a resample doubles the bias: see
    `without_bias`. With 100 labels of 4, 10 and 20 rows each, the interval held the truth in 95, 93
    and 97 % of 100 simulated data sets; without the correction in 43, 74 and 91 %, and the BC
    interval (Efron 1987) in 71, 87 and 96 %. With 20 labels of 4 rows it was 94 (82) %; with 2 rows
    a label, 62 to 88 %. There is no interval where the bias is greater than a standard error, as
    with 200 labels of 4 rows: even the correction is too coarse then.

    Where no resample changes the value, the bootstrap would claim certainty. But with ``n`` of
    ``n`` units alike, up to ``1 - 0.025 ** (1 / n)`` of all units may be of another kind (Clopper
    and Pearson 1934), and they may score anything within the limits; that bounds a mean, and is a
    rule of thumb for other scores. Without limits nothing is known: the ends are NaN.

    Args:
        value: Of the units as they are.
        draws: Value of each resample, NaN where undefined.
        units: Number of units that the value is made of; fewer than five that are not alike have
            no interval.
        limits: The least and the greatest value that the metric can have; None where there are no
            such limits.

    Returns:
        Ends are NaN where the value or more than half of the draws are undefined. The value is
        never outside its interval.
    """
    defined = draws[np.isfinite(draws)]
    undefined = len(draws) - len(defined)
    none = Interval(value, math.nan, math.nan, undefined)
    if not math.isfinite(value) or 2 * len(defined) < len(draws):
        return none
    if np.ptp(defined) <= _ROUNDING * max(1.0, abs(value)):
        low, high = _bounds_of_alike(value, units, limits)
        return Interval(value, min(low, value), max(high, value), undefined)
    centred = without_bias(defined, value)
    if units < FEWEST_RESAMPLED or centred is None:
        return none
    tail = _expanded_tail(units)
    ends = np.quantile(centred, [tail, 1 - tail])
    low, high = (ends if limits is None else np.clip(ends, *limits)).tolist()
    return Interval(value, min(low, value), max(high, value), undefined)


def without_bias(draws: FloatArray, value: float) -> FloatArray | None:
    """Draws around what the value would be without bias.

    The bias is how far the mean of the draws lies from the value, as the value lies from the truth
    (Efron 1979). Draws have it twice.

    Args:
        draws: Value of each resample, NaN where undefined.
        value: Of the units as they are.

    Returns:
        None where the bias is greater than the standard deviation of the draws.
    """
    bias = float(np.nanmean(draws)) - value
    return None if abs(bias) > float(np.nanstd(draws)) else draws - 2 * bias


def _expanded_tail(units: int) -> float:
    quantile = float(student_t.ppf(1 - TAIL, units - 1))
    return NormalDist().cdf(-math.sqrt(units / (units - 1)) * quantile)


def _bounds_of_alike(
    value: float, units: int, limits: tuple[float, float] | None
) -> tuple[float, float]:
    if limits is None:
        return math.nan, math.nan
    unseen = 1 - TAIL ** (1 / units)
    least, greatest = limits
    return value + unseen * (least - value), value + unseen * (greatest - value)
