import statistics
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tuneline.data.lengths import Lengths
from tuneline.data.report.lengths import binned

lengths = st.lists(st.integers(0, 5000), min_size=1, max_size=200)


@given(lengths)
def test_lengths_agree_with_the_standard_library(values):
    found = Lengths.of(values)
    assert (found.min, found.max) == (min(values), max(values))
    assert found.mean == round(statistics.fmean(values), 2)
    assert found.median == statistics.median_low(values)
    assert sum(value <= found.p95 for value in values) >= 0.95 * len(values)
    assert sum(value < found.p95 for value in values) < 0.95 * len(values)


@given(lengths, st.sampled_from([1, 10, 1_000, 100_000]))
def test_every_length_is_in_one_bin(values, factor):
    ordered = np.sort(np.array([factor * value for value in values], np.uint32))
    found, _ = binned(ordered)
    assert len(found) <= 60
    assert sum(one.count for one in found) == len(values)
    assert found[0].first <= ordered[0] <= found[0].last
    assert found[-1].first <= ordered[-1] <= found[-1].last
    for one, after in pairwise(found):
        assert one.last + 1 == after.first
    for one in found:
        assert ((ordered >= one.first) & (ordered <= one.last)).sum() == one.count


def test_a_long_tail_leaves_the_other_bins_readable():
    body = np.sort(np.arange(1_000, dtype=np.uint32) % 100)
    even, said = binned(body)
    assert {one.last - one.first for one in even} == {4}
    assert said == "A column is 5 wide."
    widening, said = binned(np.append(body, np.uint32(1_000_000)))
    assert "widen" in said
    assert sum(one.count > 0 for one in widening) > 10
    assert widening[-1].count == 1


def test_nothing_has_no_lengths():
    assert Lengths.of([]) == Lengths()
