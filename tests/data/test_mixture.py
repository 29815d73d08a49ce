import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data.mixture import outside_mixture
from tuneline.errors import DataError


def keys_of(count):
    return np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)


def kept_counts(counts, weights, seed=0):
    members = np.repeat(np.arange(len(counts)), counts)
    training = np.ones(len(members), bool)
    outside = outside_mixture(members, training, keys_of(len(members)), weights, seed)
    return np.bincount(members[~outside], minlength=len(counts)).tolist()


@pytest.mark.parametrize(
    ("counts", "weights", "expected"),
    [
        ([100, 100], {"a": 1, "b": 1}, [100, 100]),
        ([100, 30], {"a": 1, "b": 1}, [30, 30]),
        ([100, 100], {"a": 3, "b": 1}, [100, 33]),
        ([300, 30, 1000], {"a": 1, "b": 0.1, "c": 2}, [300, 30, 600]),
        ([1000, 5], {"a": 0.001, "b": 1}, [1, 5]),
    ],
)
def test_the_largest_set_of_the_proportions(counts, weights, expected):
    assert kept_counts(counts, weights) == expected


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(1, 300), st.floats(0.05, 20)), min_size=1, max_size=5),
    st.integers(0, 3),
)
def test_proportions_hold_within_a_row_and_one_source_keeps_everything(sources, seed):
    counts = [count for count, _ in sources]
    weights = {str(place): weight for place, (_, weight) in enumerate(sources)}
    kept = kept_counts(counts, weights, seed)
    scale = min(count / weight for count, weight in sources)
    for got, count, weight in zip(kept, counts, weights.values(), strict=True):
        assert 1 <= got <= count
        assert got == pytest.approx(max(1, weight * scale), abs=1)
    assert any(got == count for got, count in zip(kept, counts, strict=True))


def test_held_out_rows_stay_and_the_choice_does_not_depend_on_the_order():
    chance = np.random.default_rng(0)
    members = np.repeat([0, 1], [200, 50])
    training = chance.random(250) < 0.7
    keys = keys_of(250)
    weights = {"a": 1.0, "b": 1.0}
    outside = outside_mixture(members, training, keys, weights, seed=0)
    assert outside.any()
    assert not outside[~training].any()
    assert not outside[members == 1].any()
    order = chance.permutation(250)
    again = outside_mixture(members[order], training[order], keys[order], weights, seed=0)
    assert (again == outside[order]).all()
    other = outside_mixture(members, training, keys, weights, seed=1)
    assert (other != outside).any()


def test_a_source_without_training_rows_says_so():
    with pytest.raises(DataError, match="mixture: b has no row in the training split"):
        kept_counts([10, 0], {"a": 1, "b": 1})
