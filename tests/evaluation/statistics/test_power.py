import math

import numpy as np
import pytest
from scipy.stats import norm

from tests.evaluation.statistics.simulation import MEAN, rejections, with_counts
from tuneline.evaluation.statistics import (
    Pair,
    PairedRandomization,
    detectable_difference,
    detectable_from_draws,
    mcnemar,
)


@pytest.mark.parametrize(("rows", "disagreement"), [(120, 0.25), (20, 0.0), (100_000, 0.9)])
def test_the_detectable_difference_solves_connors_formula(rows, disagreement):
    found = detectable_difference(rows, disagreement, 0.05)
    either = disagreement + found
    wanted = (
        norm.ppf(0.975) * math.sqrt(either) + norm.ppf(0.8) * math.sqrt(either - found**2)
    ) ** 2 / found**2
    assert wanted == pytest.approx(rows, rel=1e-9)


@pytest.mark.parametrize("disagreement", [0.05, 0.3])
def test_the_detectable_difference_is_found_in_about_four_runs_of_five(disagreement):
    rows = 400
    smallest = detectable_difference(rows, disagreement, 0.05)
    rng = np.random.default_rng(3)
    shares = [disagreement / 2 + smallest, disagreement / 2, 1 - disagreement - smallest]
    found = [
        mcnemar(gained, lost) < 0.05
        for gained, lost, _ in rng.multinomial(rows, shares, 2000).tolist()
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize(("rows", "disagreement"), [(3, 0.5), (20, 0.9), (3, 0.0), (50, 1.0)])
def test_too_few_rows_detect_nothing(rows, disagreement):
    assert math.isnan(detectable_difference(rows, disagreement, 0.05))


def test_the_detectable_mean_difference_is_found_in_about_four_runs_of_five():
    rng = np.random.default_rng(0)
    rows, sets = 150, 1000
    shift = detectable_from_draws((2 / rows) ** 0.5, 0.05, rows)
    assert shift == pytest.approx((norm.ppf(0.975) + norm.ppf(0.8)) * (2 / rows) ** 0.5)
    first, second = with_counts(rng.exponential(size=(2, sets, rows)))
    first[..., 0] += shift
    assert rejections(MEAN, list(first), list(second)) == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize(("level", "fewest"), [(0.05, 6), (0.025, 7), (0.01, 8)])
def test_too_few_units_to_reach_the_level_detect_nothing(level, fewest):
    def least(units):
        first, second = with_counts(np.linspace(1, 2, units)), with_counts(np.zeros(units))
        return PairedRandomization(9999, 0).p_values([Pair(MEAN, first, second)])[0]

    assert least(fewest) < level <= least(fewest - 1)
    assert detectable_from_draws(0.1, level, fewest) > 0
    assert math.isnan(detectable_from_draws(0.1, level, fewest - 1))


@pytest.mark.parametrize(("level", "fewest"), [(0.05, 5), (0.01, 7)])
def test_too_few_rows_to_reach_the_level_detect_nothing(level, fewest):
    assert mcnemar(fewest, 0) < level <= mcnemar(fewest - 1, 0)
    assert math.isnan(detectable_difference(fewest - 1, 0.0, level))


@pytest.mark.parametrize("standard_error", [0.0, math.nan])
def test_candidates_that_never_differ_tell_nothing(standard_error):
    assert math.isnan(detectable_from_draws(standard_error, 0.05))
