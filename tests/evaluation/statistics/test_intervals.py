import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, norm, t

from tests.evaluation.statistics.simulation import MEAN, RATIO, SHARE, with_counts
from tuneline.evaluation.statistics import (
    Resampling,
    Sampled,
    Units,
    bootstrap_interval,
    estimate,
    share_interval,
)


@pytest.mark.parametrize(
    ("hits", "rows"), [(0, 1), (1, 1), (0, 20), (20, 20), (7, 20), (299, 300), (650, 100_000)]
)
def test_a_share_has_wilsons_interval(hits, rows):
    interval = share_interval(hits, rows)
    expected = binomtest(hits, rows).proportion_ci(0.95, method="wilson")
    assert interval.value == hits / rows
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_lies_in_its_interval_and_mirrors(share):
    hits, rows = share
    interval, mirrored = share_interval(hits, rows), share_interval(rows - hits, rows)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert (1 - mirrored.high, 1 - mirrored.low) == pytest.approx((interval.low, interval.high))


def test_a_share_of_nothing_is_undefined():
    interval = share_interval(0, 0)
    assert all(math.isnan(end) for end in (interval.value, interval.low, interval.high))


@pytest.mark.parametrize("units", [5, 10, 100, 100_000])
def test_percentiles_are_expanded_for_few_units(units):
    draws = np.random.default_rng(0).normal(size=5000)
    interval = bootstrap_interval(float(draws.mean()), draws, units, None)
    tail = norm.cdf(-math.sqrt(units / (units - 1)) * t.ppf(0.975, units - 1))
    expected = np.quantile(draws, [tail, 1 - tail])
    assert [interval.low, interval.high] == pytest.approx(expected.tolist(), abs=1e-9)


def test_the_bootstrap_agrees_with_scipys():
    rng = np.random.default_rng(2)
    scores = rng.exponential(size=2000)
    (sampled,) = Resampling(2000, 9999, seed=0).sampled([with_counts(scores)])
    ours = estimate(MEAN, sampled, Units.of(None, 2000))
    theirs = bootstrap(
        (scores,), np.mean, method="percentile", n_resamples=9999, rng=rng
    ).confidence_interval
    assert ours.value == pytest.approx(scores.mean(), abs=1e-12)
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.004)


def test_undefined_draws_are_left_out_and_counted():
    draws = np.concatenate([np.linspace(0, 1, 60), np.full(40, np.nan)])
    interval = bootstrap_interval(0.5, draws, 50, (0.0, 1.0))
    wanted = bootstrap_interval(0.5, draws[:60], 50, (0.0, 1.0))
    assert interval.undefined_draws == 40
    assert (interval.low, interval.high) == (wanted.low, wanted.high)


def test_there_is_no_interval_where_most_draws_are_undefined():
    draws = np.concatenate([np.linspace(0, 1, 49), np.full(51, np.nan)])
    interval = bootstrap_interval(0.5, draws, 50, (0.0, 1.0))
    assert interval.value == 0.5
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert interval.undefined_draws == 51


def test_an_undefined_value_has_no_interval():
    interval = bootstrap_interval(math.nan, np.linspace(0, 1, 100), 50, (0.0, 1.0))
    assert all(math.isnan(end) for end in (interval.value, interval.low, interval.high))


def test_a_biased_bootstrap_is_shifted_by_twice_its_bias_within_the_limits():
    draws = np.random.default_rng(0).normal(0.9, 0.05, size=5000)
    fair = bootstrap_interval(float(draws.mean()), draws, 50, (0.0, 1.0))
    value = float(draws.mean()) + 0.03
    shifted = bootstrap_interval(value, draws, 50, (0.0, 1.0))
    assert shifted.low == pytest.approx(fair.low + 0.06, abs=1e-12)
    assert shifted.high == 1.0


def test_there_is_no_interval_where_the_bias_is_larger_than_the_standard_error():
    draws = np.random.default_rng(0).normal(0.4, 0.05, size=5000)
    for value, known in ((0.44, True), (0.46, False), (0.9, False), (0.34, False)):
        interval = bootstrap_interval(value, draws, 50, (0.0, 1.0))
        assert interval.value == value
        assert math.isnan(interval.low) != known
        assert math.isnan(interval.high) != known


def test_units_without_a_score_do_not_count():
    """Precision of two answers among fifty that hold no entity."""
    table = np.zeros((50, 2))
    for scored, known in ((2, False), (4, False), (5, True)):
        table[:scored] = np.array([[1, 2], [2, 2], [0, 2], [2, 3], [1, 1]])[:scored]
        (sampled,) = Resampling(50, 2000, seed=0).sampled([table])
        interval = estimate(RATIO, sampled, Units.of(None, 50))
        assert math.isnan(interval.low) != known
    table[:5] = 0.0
    table[0] = [2, 2]
    (sampled,) = Resampling(50, 2000, seed=0).sampled([table])
    interval = estimate(RATIO, sampled, Units.of(None, 50))
    assert (interval.low, interval.high) == pytest.approx((0.025, 1.0))


def test_scores_that_are_no_counts_have_no_interval_of_counts():
    scores = np.random.default_rng(0).random(60)
    (sampled,) = Resampling(60, 2000, seed=0).sampled([with_counts(scores)])
    units = Units.of(None, 60)
    assert estimate(SHARE, sampled, units) == estimate(RATIO, sampled, units)


@pytest.mark.parametrize("units", [1, 25, 400])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_alike_units_get_the_exact_bound_of_what_may_be_unseen(units, value):
    interval = bootstrap_interval(value, np.full(100, value), units, (0.0, 1.0))
    seen = binomtest(units, units).proportion_ci(0.95, method="exact").low
    expected = (value * seen, value * seen + 1 - seen)
    assert (interval.low, interval.high) == pytest.approx(expected, abs=1e-9)


def test_alike_units_of_an_unbounded_metric_say_nothing():
    scores = np.full(30, 0.1)
    (sampled,) = Resampling(30, 200, seed=0).sampled([with_counts(scores)])
    interval = estimate(MEAN, sampled, Units.of(None, 30))
    assert interval.value == pytest.approx(0.1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_right_or_wrong_rows_have_wilsons_interval_without_rows_that_have_no_score():
    table = with_counts(np.arange(50) < 40)
    table[45:] = 0.0
    interval = estimate(SHARE, Sampled(table, table[:0]), Units.of(None, 50))
    assert interval == share_interval(40, 45)


def test_right_or_wrong_rows_of_groups_are_resampled_by_group():
    groups = [str(row // 5) for row in range(200)]
    right = np.arange(200) % 100 < 80
    units = Units.of(groups, 200)
    (sampled,) = Resampling(units.count, 2000, seed=0).sampled([units.sums(with_counts(right))])
    interval = estimate(SHARE, sampled, units)
    wilson = share_interval(160, 200)
    assert interval.value == pytest.approx(0.8)
    assert interval.high - interval.low > 1.5 * (wilson.high - wilson.low)


def test_one_unit_bounds_nothing_but_the_limits():
    (sampled,) = Resampling(1, 200, seed=0).sampled([with_counts(np.array([0.5]))])
    interval = estimate(RATIO, sampled, Units.of(None, 1))
    assert (interval.low, interval.high) == pytest.approx((0.0125, 0.9875))
