import dataclasses
import math
import pickle

import numpy as np
import pytest

from tuneline.evaluation.metrics.perplexity import Perplexity
from tuneline.evaluation.rows import Rows


def rows_of(nll, tokens):
    texts = [""] * len(nll)
    return dataclasses.replace(
        Rows.of(texts, texts),
        reference_nll=np.array(nll, dtype=np.float64),
        reference_tokens=np.array(tokens, dtype=np.float64),
    )


def perplexity(nll, tokens):
    return float(Perplexity().value(Perplexity().measure(rows_of(nll, tokens)).sum(axis=0)))


@pytest.mark.parametrize(
    ("nll", "tokens", "expected"),
    [
        ([0.0], [4], 1.0),
        ([math.log(2) * 3], [3], 2.0),
        ([math.log(8), 0.0], [1, 2], 2.0),  # tokens weigh the same, not rows
        ([math.log(2), math.nan], [1, math.nan], 2.0),
        ([math.log(2), math.nan, 5.0], [1, 7, math.nan], 2.0),
        ([math.nan], [math.nan], math.nan),
        ([0.0], [0], math.nan),
        ([], [], math.nan),
        ([1e6], [1], math.inf),
    ],
)
def test_perplexity_is_that_of_all_tokens_together(nll, tokens, expected):
    assert perplexity(nll, tokens) == pytest.approx(expected, nan_ok=True)


def test_rows_without_likelihood_add_nothing_and_statistics_are_finite():
    table = Perplexity().measure(rows_of([1.0, math.nan, 2.0], [2, math.nan, math.nan]))
    assert table.tolist() == [[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]]


def test_lower_is_better_and_the_metric_survives_pickling():
    metric = pickle.loads(pickle.dumps(Perplexity()))
    assert not metric.higher_is_better
    assert metric.value(np.array([[0.0, 1.0], [0.0, 0.0]])) == pytest.approx(
        [1.0, math.nan], nan_ok=True
    )
