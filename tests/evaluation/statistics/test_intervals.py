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


@pytest.mark.parametrize("units", [2, 10, 100, 100_000])
def test_percentiles_are_expanded_for_few_units(units):
    draws = np.random.default_rng(0).normal(size=5000)
    interval = bootstrap_interval(0.0, draws, units, None)
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


def test_the_value_is_in_its_interval_even_where_all_draws_are_beyond():
    interval = bootstrap_interval(0.9, np.linspace(0, 0.5, 100), 50, (0.0, 1.0))
    assert interval.high == 0.9
    assert interval.low < 0.1


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
