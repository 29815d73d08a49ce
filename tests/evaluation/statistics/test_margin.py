import numpy as np
import pytest
from scipy.stats import binom

from tests.evaluation.statistics.simulation import MEAN, with_counts
from tuneline.evaluation.metrics.text import ExactMatch, TokenF1
from tuneline.evaluation.statistics import (
    Comparison,
    Resampling,
    Units,
    compare,
    share_difference_interval,
)
from tuneline.evaluation.statistics.margin import margin_p_value
from tuneline.evaluation.statistics.paired_shares import score_test
from tuneline.evaluation.statistics.randomization import PairedRandomization


def compared(metric, first, second, groups=None):
    units = Units.of(groups, len(first))
    tables = [
        units.sums(with_counts(np.asarray(scores, dtype=float))) for scores in (first, second)
    ]
    return Comparison(metric, *Resampling(units.count, 2000, 0).sampled(tables)), units


@pytest.mark.parametrize(
    ("first_only", "second_only", "rows"), [(20, 5, 100), (0, 3, 50), (9, 9, 18)]
)
def test_the_score_test_is_at_the_level_at_the_ends_of_its_interval(first_only, second_only, rows):
    found = share_difference_interval(first_only, second_only, rows)
    for end in (found.low, found.high):
        if -1 < end < 1:
            assert score_test(first_only, second_only, rows, end) == pytest.approx(0.05, abs=1e-9)
    middle = (found.low + found.high) / 2
    assert score_test(first_only, second_only, rows, middle) > 0.05


def test_rows_that_are_all_alike_prove_no_large_margin():
    comparison, units = compared(ExactMatch(), [1] * 5, [0] * 5)
    assert margin_p_value(comparison, units, 0.1) < 0.05
    assert margin_p_value(comparison, units, 0.9) > 0.05
    groups = [str(row // 2) for row in range(10)]
    comparison, units = compared(ExactMatch(), [1] * 10, [0] * 10, groups)
    assert margin_p_value(comparison, units, 0.9) == 1.0
    assert margin_p_value(comparison, units, -0.5) == pytest.approx(2 * binom.pmf(0, 5, 0.75))


def test_equal_candidates_are_not_worse_by_much_only_with_enough_units():
    few, units = compared(TokenF1(), [0.5] * 5, [0.5] * 5)
    assert margin_p_value(few, units, -0.1) > 0.05
    many, units = compared(TokenF1(), [0.5] * 100, [0.5] * 100)
    assert margin_p_value(many, units, -0.1) < 0.05
    assert margin_p_value(many, units, 0.1) == 1.0


def test_the_p_value_agrees_with_the_interval():
    draw = np.random.default_rng(1)
    second = draw.beta(2, 3, 300)
    first = np.clip(second + draw.normal(0.05, 0.2, 300), 0, 1)
    comparison, units = compared(MEAN, first, second)
    ends = compare(
        MEAN, comparison.first, comparison.second, units, PairedRandomization(999, 0)
    ).difference
    assert margin_p_value(comparison, units, ends.low - 0.01) < 0.05
    assert margin_p_value(comparison, units, ends.low + 0.01) > 0.05
