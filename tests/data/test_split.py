import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.data.collection import Kept
from tuneline.data.labels import LabelCollector
from tuneline.data.settings import PrepareSettings
from tuneline.data.split import SPLITS, SplitName, assign
from tuneline.data.units import units_of
from tuneline.errors import DataError

SHARES: dict[SplitName, float] = {"validation": 0.1, "test": 0.2}


def unlabeled(count):
    return {f"unit {number}": None for number in range(count)}


def test_shares_hold_without_labels():
    counts = Counter(assign(unlabeled(20_000), SHARES, seed=0).values())
    assert counts["test"] / 20_000 == pytest.approx(0.2, abs=0.01)
    assert counts["validation"] / 20_000 == pytest.approx(0.1, abs=0.01)


def test_appended_units_move_no_other():
    before = assign(unlabeled(500), SHARES, seed=3)
    after = assign(unlabeled(700), SHARES, seed=3)
    assert before == {unit: after[unit] for unit in before}


def test_another_seed_is_another_split():
    units = unlabeled(200)
    assert assign(units, SHARES, seed=0) != assign(units, SHARES, seed=1)


@given(st.integers(3, 12), st.integers(0, 50))
def test_no_wanted_split_is_empty(count, seed):
    assert set(assign(unlabeled(count), SHARES, seed).values()) == set(SPLITS)


def test_a_split_that_is_not_wanted_stays_empty():
    splits = assign(unlabeled(300), {"validation": 0, "test": 0.2}, seed=0)
    assert set(splits.values()) == {"train", "test"}


def test_too_few_units_say_so():
    with pytest.raises(DataError, match=r"2 distinct prompts .* cannot fill 3 splits"):
        assign(unlabeled(2), SHARES, seed=0)


labels = st.dictionaries(st.text("abc", min_size=1, max_size=2), st.integers(1, 40), min_size=1)


@given(labels, st.integers(0, 5), st.randoms())
def test_every_label_with_three_units_is_in_every_split(sizes, seed, shuffle):
    strata = {f"{label} {n}": label for label, size in sizes.items() for n in range(size)}
    if len(strata) < 3:
        return
    splits = assign(strata, SHARES, seed)
    for label, size in sizes.items():
        held = {split for unit, split in splits.items() if strata[unit] == label}
        if size >= 3:
            assert held == set(SPLITS)
    shuffled = list(strata.items())
    shuffle.shuffle(shuffled)
    assert assign(dict(shuffled), SHARES, seed) == splits


def test_each_label_keeps_the_shares():
    strata = {f"{label} {n}": label for label in "ab" for n in range(100)}
    splits = assign(strata, SHARES, seed=0)
    for label in "ab":
        counts = Counter(split for unit, split in splits.items() if strata[unit] == label)
        assert counts == {"train": 70, "validation": 10, "test": 20}


def test_labels_of_two_units_together_keep_the_shares():
    strata = {f"{label} {n}": str(label) for label in range(500) for n in range(2)}
    counts = Counter(assign(strata, SHARES, seed=0).values())
    assert counts["test"] == pytest.approx(200, abs=2)
    assert counts["validation"] == pytest.approx(100, abs=2)


def kept_of(rows):
    """Rows of (prompt, group)."""
    kept = Kept(LabelCollector.of(PrepareSettings(data="a")))
    for prompt, group in rows:
        kept.prompts.append(kept.prompt_ids.setdefault(prompt, len(kept.prompt_ids)))
        if group is not None:
            kept.groups.append(kept.group_names.setdefault(group, len(kept.group_names)))
    return kept


def test_the_unit_is_the_prompt_without_groups():
    assert units_of(kept_of([("p", None), ("q", None), ("p", None)]), range(3)) == ["p", "q", "p"]


def test_a_prompt_in_two_groups_ties_them_whatever_the_order():
    rows = [("p", "c"), ("q", "b"), ("p", "b"), ("r", "a"), ("s", "d"), ("r", "d")]
    expected = {"p": "b", "q": "b", "r": "a", "s": "a"}
    for seed in range(10):
        random.Random(seed).shuffle(rows)
        units = units_of(kept_of(rows), range(len(rows)))
        assert dict(zip([prompt for prompt, _ in rows], units, strict=True)) == expected
