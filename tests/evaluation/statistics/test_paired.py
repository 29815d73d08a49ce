import math

import numpy as np
import pytest

from tests.evaluation.statistics.simulation import (
    MEAN,
    RATIO,
    SHARE,
    Simulated,
    paired_randomization,
    with_counts,
)
from tuneline.evaluation.statistics import (
    Comparison,
    PairedRandomization,
    Resampling,
    Units,
    compare,
    compare_all,
    mcnemar,
    share_difference_interval,
)

SWAPS = PairedRandomization(999, seed=0)


def compared(metric, first, second, units=None):
    units = units or Units.of(None, len(first))
    resampling = Resampling(units.count, 2000, seed=0)
    one, other = resampling.sampled([units.sums(first), units.sums(second)])
    return compare(metric, one, other, units, SWAPS)


def test_right_or_wrong_rows_are_compared_by_mcnemars_test():
    first, second = np.arange(100) < 70, np.arange(100) % 10 < 6
    gained, lost = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    found = compared(SHARE, with_counts(first), with_counts(second))
    assert (found.test, found.first_only, found.second_only) == ("mcnemar", gained, lost)
    assert found.p_value == mcnemar(gained, lost)
    assert found.difference == share_difference_interval(gained, lost, 100)
    spread = np.std(first.astype(float) - second, ddof=0) / 10
    assert found.standard_error == pytest.approx(spread, abs=1e-12)


def test_rows_that_either_has_no_score_for_are_left_out():
    first, second = with_counts(np.ones(40)), with_counts(np.arange(40) < 25)
    first[:5] = second[5:10] = 0.0
    found = compared(SHARE, first, second)
    assert (found.first_only, found.second_only) == (15, 0)
    assert found.difference == share_difference_interval(15, 0, 30)


def test_scores_that_are_no_counts_are_never_counted_as_wins():
    mislabelled = with_counts(np.full(30, 0.2)), with_counts(np.zeros(30))
    found = compared(SHARE, *mislabelled)
    assert (found.test, found.first_only) == ("randomization", None)
    assert found.difference.value == pytest.approx(0.2)
    less_is_better = Simulated(right_or_wrong=True)
    less_is_better.higher_is_better = False
    right = with_counts(np.arange(30) < 20), with_counts(np.arange(30) < 12)
    assert compared(less_is_better, *right).test == "randomization"


def test_a_difference_rests_on_the_units_that_both_have_a_score_on():
    few, many = np.zeros((50, 2)), with_counts(np.linspace(0, 1, 50))
    few[:3] = [[1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]
    assert math.isnan(compared(RATIO, few, many).difference.low)


def test_right_or_wrong_rows_of_groups_are_swapped_by_group():
    rng = np.random.default_rng(0)
    units = Units.of([str(row // 4) for row in range(120)], 120)
    first, second = with_counts(rng.random((2, 120)) < 0.6)
    found = compared(SHARE, first, second, units)
    assert (found.test, found.first_only, found.second_only) == ("randomization", None, None)
    swapped = paired_randomization(
        SHARE, units.sums(first), units.sums(second), draws=SWAPS.draws, seed=SWAPS.seed
    )
    assert found.p_value == swapped


def test_the_interval_of_a_mean_difference_is_that_of_paired_differences():
    rng = np.random.default_rng(1)
    shared = rng.exponential(size=400)
    first, second = shared + rng.random(400), shared + rng.random(400) - 0.1
    found = compared(MEAN, with_counts(first), with_counts(second))
    spread = np.std(first - second, ddof=1) / 20
    assert found.difference.value == pytest.approx(np.mean(first - second), abs=1e-12)
    assert found.standard_error == pytest.approx(spread, rel=0.06)
    half = (found.difference.high - found.difference.low) / 2
    assert half == pytest.approx(1.96 * spread, rel=0.06)
    assert found.p_value == 1 / 1000


def test_candidates_that_never_differ_are_not_called_equal_for_certain():
    table = with_counts(np.random.default_rng(0).random(50))
    shares, means = compared(RATIO, table, table), compared(MEAN, table, table)
    assert shares.p_value == means.p_value == 1.0
    assert shares.difference.value == 0
    assert shares.difference.high == pytest.approx(1 - 0.025 ** (1 / 50), abs=1e-9)
    assert shares.difference.low == -shares.difference.high
    assert math.isnan(means.difference.low)
    assert math.isnan(means.standard_error)


def test_an_undefined_metric_has_no_difference_and_is_no_evidence():
    nothing, something = np.zeros((20, 2)), with_counts(np.ones(20))
    for metric in (SHARE, RATIO):
        found = compared(metric, nothing, something)
        assert found.p_value == 1.0
        assert math.isnan(found.difference.value)
        assert math.isnan(found.difference.low)
        assert math.isnan(found.standard_error)


@pytest.mark.parametrize("metric", [SHARE, RATIO, MEAN])
def test_one_row_is_no_evidence(metric):
    found = compared(metric, with_counts(np.ones(1)), with_counts(np.zeros(1)))
    assert found.difference.value == 1
    assert found.p_value > 0.4


def test_many_comparisons_keep_their_order_and_mirror():
    rng = np.random.default_rng(5)
    units = Units.of(None, 80)
    sampled = Resampling(80, 500, seed=0).sampled(
        [with_counts(rng.random(80) < share) for share in (0.5, 0.6, 0.8)]
    )
    comparisons = [
        Comparison(metric, sampled[left], sampled[right])
        for left, right in ((0, 1), (2, 0), (1, 0))
        for metric in (RATIO, SHARE)
    ]
    found = compare_all(comparisons, units, SWAPS)
    assert [paired.test for paired in found] == ["randomization", "mcnemar"] * 3
    alone = [compare(c.metric, c.first, c.second, units, SWAPS) for c in comparisons]
    assert found == alone
    for place in (0, 1):
        forward, backward = found[place], found[place + 4]
        assert forward.p_value == backward.p_value
        assert forward.difference.value == -backward.difference.value
        assert forward.difference.low == pytest.approx(-backward.difference.high, abs=1e-12)
