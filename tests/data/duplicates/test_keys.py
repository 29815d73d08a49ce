import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data.duplicates.components import separate, unite
from tuneline.data.duplicates.keys import NO_ROW, first_rows, matching_rows

keys = st.lists(st.integers(0, 12), max_size=60).map(lambda own: np.array(own, np.uint64))


@settings(max_examples=100)
@given(keys)
def test_first_rows_are_what_a_dictionary_says(own):
    seen: dict[int, int] = {}
    expected = [seen.setdefault(key, row) for row, key in enumerate(own.tolist())]
    assert first_rows(own).tolist() == expected


@settings(max_examples=100)
@given(keys, keys)
def test_matching_rows_are_the_first_with_the_key(own, others):
    rows = np.arange(len(others), dtype=np.int32) * 3
    listed = others.tolist()
    expected = [listed.index(key) * 3 if key in listed else NO_ROW for key in own.tolist()]
    assert matching_rows(own, others, rows).tolist() == expected


edges = st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39)), max_size=60)


@settings(max_examples=100)
@given(edges)
def test_parts_are_named_by_their_first_row(pairs):
    parts = separate(40)
    for begin in range(0, len(pairs), 7):
        chunk = np.array(pairs[begin : begin + 7], np.int32).reshape(-1, 2)
        unite(parts, chunk[:, 0], chunk[:, 1])
    neighbours = {row: {row} for row in range(40)}
    for one, other in pairs:
        joined = neighbours[one] | neighbours[other]
        for row in joined:
            neighbours[row] = joined
    assert parts.tolist() == [min(neighbours[row]) for row in range(40)]


def test_a_long_chain_in_the_worst_order_becomes_one_part():
    rows = np.random.default_rng(0).permutation(20_000).astype(np.int32)
    parts = separate(20_000)
    unite(parts, rows[:-1], rows[1:])
    assert not parts.any()
