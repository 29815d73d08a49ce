import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from tuneline.evaluation.statistics import preference


@pytest.mark.parametrize(("wins", "losses"), [(0, 1), (7, 3), (10, 10), (40, 0), (120, 90)])
def test_without_ties_it_is_wilsons_interval_of_the_wins(wins, losses):
    found = preference(wins, losses, 0)
    wilson = binomtest(wins, wins + losses).proportion_ci(0.95, method="wilson")
    assert found.win_rate.value == pytest.approx(wins / (wins + losses))
    assert (found.win_rate.low, found.win_rate.high) == pytest.approx(
        (wilson.low, wilson.high), abs=1e-9
    )


def test_the_sign_test_leaves_ties_out():
    seen = binom.pmf(8, 10, 0.5)
    expected = binomtest(8, 10).pvalue - seen
    assert preference(8, 2, 0).p_value == pytest.approx(expected, abs=1e-9)
    assert preference(8, 2, 500).p_value == preference(8, 2, 0).p_value


def test_ties_are_half_wins():
    found = preference(30, 10, 60)
    assert found.win_rate.value == pytest.approx(0.6)
    assert 0.5 < found.win_rate.low < 0.6 < found.win_rate.high < 0.7


def test_ties_alone_prefer_neither():
    found = preference(0, 0, 40)
    assert found.win_rate.value == 0.5
    assert found.win_rate.low == pytest.approx(1 - found.win_rate.high)
    assert found.win_rate.low < 0.5
    assert found.p_value == 1.0


def test_no_choices_say_nothing():
    found = preference(0, 0, 0)
    assert math.isnan(found.win_rate.value)
    assert found.p_value == 1.0


@pytest.mark.parametrize("cells", [[0.15, 0.05, 0.8], [0.4, 0.3, 0.3], [0.6, 0.4, 0.0]])
def test_the_win_rate_holds_the_truth_in_95_per_cent(cells):
    truth = cells[0] + cells[2] / 2
    counts, repeats = np.unique(
        np.random.default_rng(0).multinomial(120, cells, 20_000), axis=0, return_counts=True
    )
    rates = [preference(*choices).win_rate for choices in counts.tolist()]
    covered = [rate.low <= truth <= rate.high for rate in rates]
    assert np.average(covered, weights=repeats) == pytest.approx(0.95, abs=0.015)
