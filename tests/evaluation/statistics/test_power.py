import math

import numpy as np
import pytest
from scipy.stats import norm

from tests.evaluation.statistics.simulation import MEAN, differences, rejections, with_counts
from tuneline.evaluation.statistics import (
    detectable_difference,
    detectable_from_draws,
    detectable_mean_difference,
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
    shift = detectable_mean_difference(2**0.5, rows, 0.05)
    first, second = with_counts(rng.exponential(size=(2, sets, rows)))
    first[..., 0] += shift
    assert rejections(MEAN, list(first), list(second)) == pytest.approx(0.8, abs=0.04)


def test_bootstrap_draws_tell_the_same_as_the_standard_deviation():
    rng = np.random.default_rng(0)
    first, second = rng.exponential(size=(2, 300))
    (found,) = differences(MEAN, [with_counts(first)], [with_counts(second)])
    by_draws = detectable_from_draws(found.standard_error, 0.05)
    by_rows = detectable_mean_difference(float(np.std(first - second)), 300, 0.05)
    assert by_draws == pytest.approx(by_rows, rel=0.06)
    assert by_rows == pytest.approx(
        (norm.ppf(0.975) + norm.ppf(0.8)) * np.std(first - second) / math.sqrt(300), abs=1e-9
    )


@pytest.mark.parametrize("standard_error", [0.0, math.nan])
def test_candidates_that_never_differ_tell_nothing(standard_error):
    assert math.isnan(detectable_from_draws(standard_error, 0.05))
