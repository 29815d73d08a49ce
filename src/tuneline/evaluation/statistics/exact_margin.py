"""Whether one candidate is right on more rows than another by more than a margin, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, xlogy

from tuneline.evaluation.statistics.paired_shares import score_statistic

if TYPE_CHECKING:
    from tuneline.evaluation.rows import FloatArray

_SHARES_TRIED = 101
_ROUNDING = 1e-9


def exact_score_test(first_only: int, second_only: int, rows: int, margin: float) -> float:
    """Twice the one-sided p-value of "the first leads by no more than just the margin".

    The unconditional test of Hsueh, Liu and Chen (2001, Biometrics 57) for paired shares. Outcomes
    are ordered by Tango's score; the p-value is the probability of one as extreme as that seen,
    the largest over the unknown share of rows that only the second has right. Work and memory grow
    with the square of the rows: 200 rows take 20 ms.

    Computed over every outcome, it rejects at most 2.5 % (one-sided, nominal 2.5 %) for 5 to 200
    rows and margins from -0.05 to 0.2. The score test by the normal distribution rejects up to
    4.7 % with 6 rows, 3.9 % with 10, 3.6 % with 20, 3.4 % with 100 and 2.9 % with 200.

    Args:
        first_only: Rows that the first alone has right.
        second_only: Rows that the second alone has right.
        rows: All rows, at least 1.
        margin: Lead of the first as a share, strictly between -1 and 1.
    """
    gained, lost = _outcomes(rows)
    seen = score_statistic(np.array(first_only), np.array(second_only), rows, margin)
    extreme = score_statistic(gained, lost, rows, margin) >= seen - _ROUNDING
    gained, lost = gained[extreme], lost[extreme]
    alike = rows - gained - lost
    ways = gammaln(rows + 1) - gammaln(gained + 1) - gammaln(lost + 1) - gammaln(alike + 1)
    # The largest probability is often near the end where few rows differ: the grid is finer there.
    free = np.linspace(0, 1, _SHARES_TRIED) ** 2 * (1 - abs(margin)) / 2
    largest = 0.0
    for second_share in (free + max(0.0, -margin)).tolist():
        first_share = max(0.0, second_share + margin)
        same = max(0.0, 1 - first_share - second_share)
        logs = xlogy(gained, first_share) + xlogy(lost, second_share) + xlogy(alike, same)
        largest = max(largest, float(np.sum(np.exp(ways + logs))))
    return min(1.0, 2 * largest)


def _outcomes(rows: int) -> tuple[FloatArray, FloatArray]:
    """Every pair of counts that add up to no more than the rows."""
    first, second = np.meshgrid(np.arange(rows + 1.0), np.arange(rows + 1.0), indexing="ij")
    possible = first + second <= rows
    return first[possible], second[possible]
