import random
from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data.split.strata import majority_labels
from tuneline.data.split.units import find_units


def keys_of(rows, clusters=None):
    """The unit's key of every row of (prompt, group)."""
    prompts = np.array([prompt for prompt, _ in rows], np.uint64)
    groups = None if rows[0][1] is None else np.array([group for _, group in rows], np.uint64)
    units = find_units(prompts, groups, None if clusters is None else np.array(clusters, np.int32))
    return units.keys[units.of_rows].tolist()


def test_the_unit_is_the_prompt_without_groups():
    assert keys_of([(5, None), (3, None), (5, None)]) == [5, 3, 5]


def test_a_prompt_in_two_groups_ties_them_whatever_the_order():
    rows = [(1, 30), (2, 20), (1, 20), (3, 10), (4, 40), (3, 40)]
    expected = {1: 20, 2: 20, 3: 10, 4: 10}
    for seed in range(10):
        random.Random(seed).shuffle(rows)
        keys = keys_of(rows)
        assert dict(zip([prompt for prompt, _ in rows], keys, strict=True)) == expected


def test_a_cluster_ties_prompts_and_no_cluster_ties_nothing():
    rows = [(5, None), (3, None), (9, None), (7, None), (9, None)]
    assert keys_of(rows, clusters=[0, -1, 0, -1, -1]) == [5, 3, 5, 7, 5]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=50))
def test_units_are_the_connected_parts_of_prompts_and_groups(rows):
    tied: dict[tuple[str, int], set[tuple[str, int]]] = {}
    for prompt, group in rows:
        joined = tied.get(("prompt", prompt), set()) | tied.get(("group", group), set())
        joined |= {("prompt", prompt), ("group", group)}
        for node in joined:
            tied[node] = joined
    smallest = [
        min(key for kind, key in tied["group", group] if kind == "group") for _, group in rows
    ]
    assert keys_of(rows) == smallest


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 4)), min_size=1, max_size=60))
def test_the_most_frequent_label_and_the_lowest_of_equals(pairs):
    numbers = {unit: place for place, unit in enumerate(sorted({unit for unit, _ in pairs}))}
    owners = np.array([numbers[unit] for unit, _ in pairs], np.int32)
    labels = np.array([label for _, label in pairs], np.int32)
    found = majority_labels(owners, labels, len(numbers))
    for unit, place in numbers.items():
        counts = Counter(label for own, label in pairs if own == unit)
        assert found[place] == min(counts, key=lambda label: (-counts[label], label))
