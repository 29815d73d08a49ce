import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, binomtest, norm

from tuneline.evaluation.statistics import mcnemar, share_difference_interval, share_interval

cached_mcnemar = cache(mcnemar)
CELLS = st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200)).filter(sum)


@given(st.integers(0, 2000), st.integers(0, 2000))
def test_mcnemar_is_the_binomial_test_less_half_of_what_was_seen(first_only, second_only):
    differing = first_only + second_only
    expected = 1.0
    if first_only != second_only:
        seen = binom.pmf(first_only, differing, 0.5)
        expected = binomtest(first_only, differing).pvalue - seen
    assert mcnemar(first_only, second_only) == pytest.approx(expected, abs=1e-9)
    assert mcnemar(first_only, second_only) == mcnemar(second_only, first_only)


def test_mcnemar_on_a_published_case():
    """1 against 7 of 21: mid-p 0.039 and exact 0.070 (Fagerland and others 2013)."""
    assert mcnemar(1, 7) == pytest.approx(10 / 256)
    assert mcnemar(0, 0) == mcnemar(5, 5) == 1.0
    assert mcnemar(0, 1) == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("rows", [100, 200, 500, 1000])
@pytest.mark.parametrize("disagreement", [0.1, 0.15, 0.2, 0.3])
def test_mid_p_holds_5_per_cent_where_the_exact_test_does_not(rows, disagreement):
    """Levels computed over every outcome, where neither candidate is better."""
    levels = {"mid": 0.0, "exact": 0.0}
    for differing in range(1, rows // 2):
        share = binom.pmf(differing, rows, disagreement)
        if share < 1e-7:
            continue
        fewer = np.arange((differing + 1) // 2)
        probability = 2 * binom.pmf(fewer, differing, 0.5)
        exact = np.minimum(1, 2 * binom.cdf(fewer, differing, 0.5))
        mid = [cached_mcnemar(few, differing - few) for few in fewer.tolist()]
        levels["mid"] += share * probability[np.array(mid) <= 0.05].sum()
        levels["exact"] += share * probability[exact <= 0.05].sum()
    assert levels["mid"] == pytest.approx(0.05, abs=0.01)
    assert levels["exact"] < 0.045
    assert levels["exact"] < levels["mid"]


def most_likely_share(first_only, second_only, rows, difference):
    """Share of rows that only the second has right, given the difference; where the slope of the
    likelihood is 0."""
    neither = rows - first_only - second_only

    def slope(share):
        return (
            first_only / (share + difference)
            + second_only / share
            - 2 * neither / (1 - 2 * share - difference)
        )

    return brentq(slope, max(0.0, -difference) + 1e-13, (1 - difference) / 2 - 1e-13, xtol=1e-15)


@pytest.mark.parametrize("cells", [(1, 7, 13), (12, 3, 85), (30, 30, 40), (200, 150, 650)])
def test_the_score_test_rejects_at_neither_end_of_the_interval_but_beyond(cells):
    first_only, second_only, _ = cells
    rows = sum(cells)
    interval = share_difference_interval(first_only, second_only, rows)
    for end, direction in ((interval.low, 1), (interval.high, -1)):
        share = most_likely_share(first_only, second_only, rows, end)
        variance = (2 * share + end - end**2) / rows
        score = (interval.value - end) / math.sqrt(variance)
        assert score == pytest.approx(direction * norm.ppf(0.975), abs=1e-9)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_where_all_rows_differ_it_is_wilsons_interval(share):
    wins, rows = share
    interval, wilson = share_difference_interval(wins, rows - wins, rows), share_interval(*share)
    expected = (2 * wilson.low - 1, 2 * wilson.high - 1)
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("rows", [1, 10, 1000])
def test_candidates_that_never_differ_are_not_called_equal_for_certain(rows):
    interval = share_difference_interval(0, 0, rows)
    squared = norm.ppf(0.975) ** 2
    assert interval.value == 0
    assert interval.high == pytest.approx(squared / (rows + squared), abs=1e-9)
    assert interval.low == -interval.high


@given(CELLS)
def test_the_difference_lies_in_its_interval_and_mirrors(cells):
    first_only, second_only, _ = cells
    interval = share_difference_interval(first_only, second_only, sum(cells))
    mirrored = share_difference_interval(second_only, first_only, sum(cells))
    assert -1 <= interval.low <= interval.value <= interval.high <= 1
    assert (mirrored.low, mirrored.high) == (-interval.high, -interval.low)


def test_the_difference_of_nothing_is_undefined():
    interval = share_difference_interval(0, 0, 0)
    assert all(math.isnan(end) for end in (interval.value, interval.low, interval.high))
