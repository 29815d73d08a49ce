import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.evaluation.statistics.simulation import MACRO_F1, MEAN, label_tables, with_counts
from tuneline.evaluation.metrics.metric import MeanMetric, Unit
from tuneline.evaluation.metrics.text import ExactMatch, TokenF1
from tuneline.evaluation.statistics import (
    Comparison,
    Resampling,
    Sampled,
    Units,
    compare,
    mcnemar,
    share_difference_interval,
)
from tuneline.evaluation.statistics.margin import margin_p_value
from tuneline.evaluation.statistics.paired_shares import score_test
from tuneline.evaluation.statistics.randomization import PairedRandomization


class Points(MeanMetric):
    """A mean without bounds."""

    name = title = source = "points"
    unit: Unit = "ratio"

    def scores(self, rows):
        raise AssertionError("its scores are simulated")


class Mistakes(Points):
    """A share of which less is better."""

    unit: Unit = "share"
    higher_is_better = False


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
    comparison, units = compared(ExactMatch(), [1] * 10, [0] * 10)
    assert margin_p_value(comparison, units, 0.1) < 0.05
    assert margin_p_value(comparison, units, 0.5) > 0.05
    groups = [str(row // 2) for row in range(20)]
    comparison, units = compared(ExactMatch(), [1] * 20, [0] * 20, groups)
    assert margin_p_value(comparison, units, 0.1) == pytest.approx(2 / 2**10)
    assert margin_p_value(comparison, units, -0.5) == pytest.approx(2 / 2**10)


def test_equal_candidates_are_not_worse_by_much_only_with_enough_units():
    few, units = compared(TokenF1(), [0.5] * 20, [0.5] * 20)
    unseen = 2 * binom.pmf(0, 20, 0.1)
    assert margin_p_value(few, units, -0.1) == pytest.approx(unseen, abs=0.05)
    many, units = compared(TokenF1(), [0.5] * 100, [0.5] * 100)
    assert margin_p_value(many, units, -0.1) < 0.05
    assert margin_p_value(many, units, 0.1) == 1.0
    points, units = compared(Points(), [0.5] * 100, [0.5] * 100)
    assert margin_p_value(points, units, -0.1) == 1.0


@pytest.mark.parametrize(
    "metric",
    [TokenF1(), Points(), MEAN, ExactMatch()],
    ids=["share", "unbounded", "mean", "right or wrong"],
)
@pytest.mark.parametrize("margin", [0.001, 0.05, -0.05])
def test_five_units_prove_no_margin(metric, margin):
    first = [1.0] * 5 if metric.right_or_wrong else [0.9, 0.8, 0.95, 1.0, 0.85]
    for rows in (2, 5):
        comparison, units = compared(metric, first[:rows], [0] * rows)
        if metric.right_or_wrong and margin > 0 and rows == 5:
            assert margin_p_value(comparison, units, margin) >= mcnemar(5, 0)
        else:
            assert margin_p_value(comparison, units, margin) > 0.05


@given(st.integers(0, 2**32 - 1), st.sampled_from([6, 12, 40]), st.floats(0, 0.3))
def test_a_margin_above_0_is_never_easier_than_0(seed, rows, margin):
    draw = np.random.default_rng(seed)
    for metric in (ExactMatch(), TokenF1(), MEAN):
        scores = draw.random((2, rows)) + np.array([[0.4], [0.0]])
        comparison, units = compared(metric, *(scores > 0.6 if metric.right_or_wrong else scores))
        swaps = PairedRandomization(199, seed=1)
        at_0 = compare(metric, comparison.first, comparison.second, units, swaps).p_value
        assert margin_p_value(comparison, units, margin, draws=199, seed=1) >= at_0


def test_a_metric_of_which_less_is_better_leads_by_less():
    draw = np.random.default_rng(0)
    high, low = draw.beta(4, 2, 60), draw.beta(1, 5, 60)
    for margin in (0.1, -0.1):
        more, units = compared(TokenF1(), high, low)
        less, _ = compared(Mistakes(), low, high)
        assert margin_p_value(more, units, margin) == margin_p_value(less, units, margin) < 0.05
        worse, _ = compared(Mistakes(), high, low)
        assert margin_p_value(worse, units, margin) == 1.0


@pytest.mark.parametrize("metric", [TokenF1(), Points(), MEAN], ids=["share", "points", "other"])
def test_the_p_value_agrees_with_the_interval(metric):
    draw = np.random.default_rng(1)
    second = draw.beta(2, 3, 300)
    first = np.clip(second + draw.normal(0.05, 0.2, 300), 0, 1)
    comparison, units = compared(metric, first, second)
    swaps = PairedRandomization(999, 0)
    ends = compare(metric, comparison.first, comparison.second, units, swaps).difference
    assert margin_p_value(comparison, units, ends.low - 0.01) < 0.05
    assert margin_p_value(comparison, units, ends.low + 0.01) > 0.05


def test_few_units_of_another_metric_prove_nothing_and_a_biased_bootstrap_neither():
    perfect, wrong = np.arange(9) % 3, (np.arange(9) + 1) % 3
    tables = [label_tables(perfect, answers, 3) for answers in (perfect, wrong)]
    for times, proven in ((1, False), (4, True)):
        units = Units.of(None, 9 * times)
        sampled = Resampling(units.count, 2000, 0).sampled([np.tile(t, (times, 1)) for t in tables])
        p_value = margin_p_value(Comparison(MACRO_F1, *sampled), units, 0.1)
        assert (p_value < 0.05) == proven
    table = with_counts(np.linspace(0.8, 1, 60))
    second = with_counts(np.zeros(60))
    biased = Sampled(table, np.stack([np.linspace(0.5, 0.6, 2000), np.ones(2000)], axis=1))
    other = Sampled(second, np.tile([0.0, 1.0], (2000, 1)))
    assert margin_p_value(Comparison(MEAN, biased, other), Units.of(None, 60), 0.1) == 1.0


def test_equal_seeds_give_equal_p_values():
    draw = np.random.default_rng(0)
    comparison, units = compared(TokenF1(), draw.random(40), draw.random(40) * 0.8)
    found = [margin_p_value(comparison, units, -0.05, draws=999, seed=s) for s in (3, 3, 4)]
    assert found[0] == found[1] != found[2]


SETS = 1500


def scores_with_a_lead(draw, shape, margin):
    """Skewed scores that hang together, the first better by the margin."""
    hard = draw.beta(0.6, 1.4, shape)
    first, second = (hard * draw.beta(2, 1, shape) * (1 - abs(margin)) for _ in range(2))
    return first + max(margin, 0), second + max(-margin, 0)


def mostly_alike(draw, shape, margin):
    """Four units of five have no difference."""
    middle = margin / 0.2
    apart = middle + (1 - abs(middle)) * draw.uniform(-1, 1, shape)
    difference = np.where(draw.random(shape) < 0.2, apart, 0)
    return np.maximum(difference, 0), np.maximum(-difference, 0)


def right_or_wrong(draw, shape, margin):
    coin = draw.random(shape)
    return coin < 0.1 + max(margin, 0), coin > 0.9 - max(-margin, 0)


def openings(metric, first, second, margin, groups=None):
    """How often a lead beyond the margin is claimed; the first leads by the margin itself."""
    units = Units.of(groups, first.shape[1])
    found = []
    for seed, pair in enumerate(zip(first, second, strict=True)):
        tables = [units.sums(with_counts(scores)) for scores in pair]
        empty = np.empty((0, 2))
        comparison = Comparison(metric, *(Sampled(table, empty) for table in tables))
        found.append(margin_p_value(comparison, units, margin, draws=499, seed=seed) < 0.05)
    return np.mean(found)


@pytest.mark.slow
@pytest.mark.parametrize("margin", [0.05, -0.05])
@pytest.mark.parametrize("rows", [2, 3, 5, 10, 20, 50])
def test_rows_claim_a_lead_no_more_often_than_one_sided_level_says(rows, margin):
    draw = np.random.default_rng(rows)
    shape = SETS, rows
    for metric, simulate in (
        (TokenF1(), scores_with_a_lead),
        (TokenF1(), mostly_alike),
        (ExactMatch(), right_or_wrong),
    ):
        # Three standard errors above 2.5 %.
        first, second = simulate(draw, shape, margin)
        assert openings(metric, first, second, margin) <= 0.037


@pytest.mark.slow
@pytest.mark.parametrize("margin", [0.05, -0.05])
@pytest.mark.parametrize("count", [4, 5, 10])
def test_groups_claim_a_lead_no_more_often_than_one_sided_level_says(count, margin):
    draw = np.random.default_rng(count)
    groups = [str(row // 4) for row in range(4 * count)]
    for metric, simulate in ((TokenF1(), scores_with_a_lead), (ExactMatch(), right_or_wrong)):
        pair = simulate(draw, (SETS, count), margin)
        first, second = (np.repeat(scores, 4, axis=1) for scores in pair)
        assert openings(metric, first, second, margin, groups) <= 0.037
