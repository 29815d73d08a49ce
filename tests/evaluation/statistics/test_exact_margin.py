from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, multinomial

from tuneline.evaluation.statistics.exact_margin import exact_score_test
from tuneline.evaluation.statistics.paired_shares import score_statistic, score_test


def level(test, rows, margin, second_share):
    """Probability of a p-value below 0.05 of a lead beyond the margin that is not there."""
    shares = [second_share + margin, second_share, 1 - 2 * second_share - margin]
    found = 0.0
    for first_only in range(rows + 1):
        for second_only in range(rows + 1 - first_only):
            if first_only - second_only <= margin * rows:
                continue
            if test(first_only, second_only, rows, margin) < 0.05:
                cells = [first_only, second_only, rows - first_only - second_only]
                found += multinomial.pmf(cells, rows, shares)
    return found


@pytest.mark.parametrize("rows", [6, 10, 17])
@pytest.mark.parametrize("margin", [0.05, -0.05, 0.2])
def test_it_never_rejects_more_often_than_its_level(rows, margin):
    least = max(0.0, -margin)
    for share in np.linspace(least + 1e-6, least + (1 - abs(margin)) / 2 - 1e-6, 8):
        assert level(exact_score_test, rows, margin, float(share)) <= 0.0251


def test_the_score_test_alone_rejects_more_often():
    assert level(score_test, 6, 0.2, 0.399) > 0.045


@pytest.mark.parametrize(("rows", "margin"), [(10, 0.0), (60, 0.0), (60, -0.1), (60, 0.1)])
def test_rows_without_any_loss_or_gain(rows, margin):
    """A single outcome is as extreme as all won: its probability is largest where most are won."""
    largest = ((1 + margin) / 2) ** rows
    assert exact_score_test(rows, 0, rows, margin) == pytest.approx(2 * largest, rel=1e-6)


def test_rows_that_are_all_alike_are_as_likely_as_no_loss_among_them():
    assert exact_score_test(0, 0, 60, -0.05) == pytest.approx(2 * binom.pmf(0, 60, 0.05), rel=0.02)


@given(
    st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    st.sampled_from([-0.2, -0.05, 0.0, 0.1]),
    st.floats(0.01, 0.99),
)
def test_no_share_makes_the_outcomes_as_extreme_likelier_than_it_says(counts, margin, free):
    rows, first_only = counts
    second_only = (rows - first_only) // 3
    share = max(0.0, -margin) + free * (1 - abs(margin)) / 2
    cells = [share + margin, share, 1 - 2 * share - margin]
    score = partial(score_statistic, rows=rows, difference=margin)
    seen = score(np.array(first_only), np.array(second_only)) - 1e-9
    tail = sum(
        multinomial.pmf([first, second, rows - first - second], rows, cells)
        for first in range(rows + 1)
        for second in range(rows + 1 - first)
        if score(np.array(first), np.array(second)) >= seen
    )
    found = exact_score_test(first_only, second_only, rows, margin)
    assert min(1.0, 2 * tail) - 2e-3 <= found <= 1
