import statistics

from hypothesis import given
from hypothesis import strategies as st

from tuneline.data.lengths import Lengths, histogram

lengths = st.lists(st.integers(0, 5000), min_size=1, max_size=200)


@given(lengths)
def test_lengths_agree_with_the_standard_library(values):
    found = Lengths.of(values)
    assert (found.min, found.max) == (min(values), max(values))
    assert found.mean == round(statistics.fmean(values), 2)
    assert found.median == statistics.median_low(values)
    assert sum(value <= found.p95 for value in values) >= 0.95 * len(values)
    assert sum(value < found.p95 for value in values) < 0.95 * len(values)


@given(lengths, st.integers(1, 20))
def test_every_length_is_in_one_bin(values, bins):
    found = histogram(values, bins)
    assert len(found) <= bins
    assert sum(count for _, _, count in found) == len(values)
    for first, last, count in found:
        assert sum(first <= value <= last for value in values) == count


def test_nothing_has_no_lengths():
    assert Lengths.of([]) == Lengths()
    assert histogram([], 5) == []
