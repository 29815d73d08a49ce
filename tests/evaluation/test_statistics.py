import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap

from tuneline.evaluation.statistics import (
    detectable_difference,
    holm,
    macro_f1_interval,
    paired_difference,
    share_interval,
)

OPTIONS = {"resamples": 1000, "seed": 0}


def test_share_interval_agrees_with_scipy_bootstrap():
    hits = np.arange(200) < 130
    ours = share_interval(130, 200, resamples=20_000, seed=0)
    theirs = bootstrap(
        (hits,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours.value == 0.65
    assert ours.low == pytest.approx(theirs.low, abs=0.006)
    assert ours.high == pytest.approx(theirs.high, abs=0.006)


@pytest.mark.parametrize("rows", [1, 20, 300])
def test_all_alike_gets_the_exact_binomial_bound(rows):
    exact = binomtest(rows, rows).proportion_ci(0.95, method="exact")
    everything, nothing = (share_interval(hits, rows, **OPTIONS) for hits in (rows, 0))
    assert (everything.low, everything.high) == pytest.approx((exact.low, 1.0), abs=1e-12)
    assert (nothing.low, nothing.high) == pytest.approx((0.0, 1 - exact.low), abs=1e-12)


def test_macro_f1_interval_agrees_with_resampled_rows():
    rng = np.random.default_rng(5)
    expected = rng.integers(0, 3, 150)
    predicted = np.where(rng.random(150) < 0.7, expected, rng.integers(0, 4, 150))
    table = np.zeros((3, 4), dtype=np.int64)
    np.add.at(table, (expected, predicted), 1)
    ours = macro_f1_interval(table, resamples=8000, seed=0)

    def macro_f1(rows: np.ndarray) -> float:
        right = [np.sum((expected[rows] == k) & (predicted[rows] == k)) for k in range(3)]
        involved = [np.sum(expected[rows] == k) + np.sum(predicted[rows] == k) for k in range(3)]
        return float(np.mean(2 * np.array(right) / np.array(involved)))

    draws = [macro_f1(rng.integers(0, 150, 150)) for _ in range(8000)]
    assert ours.value == pytest.approx(macro_f1(np.arange(150)), abs=1e-12)
    assert [ours.low, ours.high] == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=0.008)


def test_a_large_matrix_is_resampled_in_chunks_to_the_same_end():
    table = np.eye(77, 78, dtype=np.int64) * 3
    table[0, 77] = 40
    interval = macro_f1_interval(table, resamples=1200, seed=0)
    assert interval.low < interval.value <= interval.high


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80))
def test_paired_difference_is_mcnemar_and_mirrors(pairs):
    first, second = np.array(pairs).T
    forward = paired_difference(first, second, **OPTIONS)
    backward = paired_difference(second, first, **OPTIONS)
    gained, lost = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    wanted = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert forward.p_value == pytest.approx(wanted, abs=1e-12)
    assert backward.p_value == pytest.approx(wanted, abs=1e-12)
    assert forward.difference.value == pytest.approx(first.mean() - second.mean(), abs=1e-12)
    assert forward.difference.value == -backward.difference.value
    assert -1 <= forward.difference.low <= forward.difference.value
    assert forward.difference.value <= forward.difference.high <= 1


def test_candidates_that_never_differ_are_not_called_equal_for_certain():
    same = np.array([True] * 7 + [False] * 3)
    result = paired_difference(same, same, **OPTIONS)
    assert result.p_value == 1.0
    assert result.difference.low == pytest.approx(-(1 - 0.025 ** (1 / 10)))


def test_paired_difference_interval_agrees_with_scipy_bootstrap():
    rng = np.random.default_rng(2)
    first, second = rng.random(200) < 0.8, rng.random(200) < 0.6
    ours = paired_difference(first, second, resamples=20_000, seed=0).difference
    theirs = bootstrap(
        (first.astype(float) - second.astype(float),),
        np.mean,
        method="percentile",
        n_resamples=20_000,
        rng=rng,
    ).confidence_interval
    assert [ours.low, ours.high] == pytest.approx([theirs.low, theirs.high], abs=0.01)


def test_holm_on_a_known_case():
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert corrected == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"a": 0.7, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_intervals_cover_and_the_null_is_rejected_as_often_as_stated():
    rng = np.random.default_rng(11)
    covered = rejected = differences_covered = 0
    runs, rows = 400, 200
    for run in range(runs):
        both = rng.random(rows) < 0.5
        coin = rng.random(rows)
        first, second = both | (coin < 0.25), both | (coin > 0.75)
        share = share_interval(int(first.sum()), rows, resamples=400, seed=run)
        covered += share.low <= 0.625 <= share.high
        paired = paired_difference(first, second, resamples=400, seed=run)
        differences_covered += paired.difference.low <= 0 <= paired.difference.high
        rejected += paired.p_value < 0.05
    assert 0.92 <= covered / runs <= 0.98
    assert 0.92 <= differences_covered / runs <= 0.98
    assert 0.01 <= rejected / runs <= 0.08


def test_the_detectable_difference_is_found_in_about_four_runs_of_five():
    rows, disagreement = 400, 0.3
    smallest = detectable_difference(rows, disagreement, 0.05)
    rng = np.random.default_rng(3)
    shares = [(disagreement + smallest) / 2, (disagreement - smallest) / 2, 1 - disagreement]
    found = [
        binomtest(gained, gained + lost).pvalue < 0.05
        for gained, lost, _ in rng.multinomial(rows, shares, 600).tolist()
    ]
    assert 0.72 <= np.mean(found) <= 0.86


@pytest.mark.parametrize(("rows", "disagreement"), [(3, 0.5), (20, 0.05), (50, 0.0)])
def test_too_few_rows_detect_nothing(rows, disagreement):
    assert math.isnan(detectable_difference(rows, disagreement, 0.05))
