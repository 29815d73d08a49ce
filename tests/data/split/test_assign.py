from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data.split.assign import SplitPlan, assign
from tuneline.data.split.disjoint import prove_disjoint
from tuneline.data.split.names import SPLITS, SplitName
from tuneline.data.split.ranks import ranks
from tuneline.data.split.units import Units, find_units
from tuneline.errors import DataError, TunelineError

SHARES: dict[SplitName, float] = {"validation": 0.1, "test": 0.2}


def singles(count, first=0):
    """Units of one row each, with keys as hashes are."""
    keys = ranks(np.arange(first, first + count, dtype=np.uint64), seed=99)
    return Units(np.arange(count, dtype=np.int32), keys)


def split_names(units, seed=0, shares=SHARES, **columns):
    return [SPLITS[split] for split in assign(units, SplitPlan(shares, seed), **columns)]


def test_shares_hold_without_labels():
    counts = Counter(split_names(singles(20_000)))
    assert counts["test"] / 20_000 == pytest.approx(0.2, abs=0.01)
    assert counts["validation"] / 20_000 == pytest.approx(0.1, abs=0.01)


def test_appended_units_move_no_other():
    assert split_names(singles(700), seed=3)[:500] == split_names(singles(500), seed=3)


prompt_keys = st.lists(st.integers(0, 2**64 - 1), max_size=30)


@settings(max_examples=60)
@given(prompt_keys, prompt_keys, st.integers(0, 9), st.randoms(use_true_random=False))
def test_a_prompt_keeps_its_split_under_any_order_repetition_and_appending(
    prompts, more, seed, chance
):
    # Enough others that no split comes out empty and has to be filled.
    prompts = [*prompts, *singles(300).keys.tolist()]
    before = by_prompt(prompts, seed)
    shuffled = prompts + chance.choices(prompts, k=50) + more
    chance.shuffle(shuffled)
    after = by_prompt(shuffled, seed)
    assert before == {prompt: after[prompt] for prompt in before}


def by_prompt(prompts, seed):
    """Split by prompt; the rows of one prompt have the same."""
    units = find_units(np.array(prompts, np.uint64), None, None)
    splits = split_names(units, seed)
    found = dict(zip(prompts, splits, strict=True))
    assert [found[prompt] for prompt in prompts] == splits
    return found


def test_another_seed_is_another_split():
    assert split_names(singles(200), seed=0) != split_names(singles(200), seed=1)


@settings(max_examples=60)
@given(st.integers(3, 12), st.integers(0, 50))
def test_no_wanted_split_is_empty(count, seed):
    assert set(split_names(singles(count), seed)) == set(SPLITS)


def test_a_split_that_is_not_wanted_stays_empty():
    splits = split_names(singles(300), shares={"validation": 0, "test": 0.2})
    assert set(splits) == {"train", "test"}


def test_too_few_units_say_so():
    with pytest.raises(DataError, match=r"2 distinct prompts .* cannot fill 3 splits"):
        assign(singles(2), SplitPlan(SHARES, 0))


label_sizes = st.lists(st.integers(1, 40), min_size=1, max_size=6)


@settings(max_examples=60)
@given(label_sizes, st.integers(0, 5), st.randoms(use_true_random=False))
def test_every_label_with_three_units_is_in_every_split(sizes, seed, chance):
    labels = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    if len(labels) < 3:
        return
    units = singles(len(labels))
    splits = np.array(split_names(units, seed, labels=labels))
    for label, size in enumerate(sizes):
        if size >= 3:
            assert set(splits[labels == label]) == set(SPLITS)
    order = chance.sample(range(len(labels)), len(labels))
    shuffled = Units(units.of_rows, units.keys[order])
    assert split_names(shuffled, seed, labels=labels[order]) == splits[order].tolist()


def test_each_label_keeps_the_shares():
    labels = np.repeat(np.array([0, 1], np.int32), 100)
    splits = np.array(split_names(singles(200), labels=labels))
    for label in (0, 1):
        counts = Counter(splits[labels == label].tolist())
        assert counts == {"train": 70, "validation": 10, "test": 20}


def test_labels_of_two_units_together_keep_the_shares():
    labels = np.repeat(np.arange(500, dtype=np.int32), 2)
    counts = Counter(split_names(singles(1000), labels=labels))
    assert counts["test"] == pytest.approx(200, abs=2)
    assert counts["validation"] == pytest.approx(100, abs=2)


def test_rows_without_a_label_are_a_stratum_of_their_own():
    labels = np.repeat(np.array([-1, 0], np.int32), [50, 100])
    splits = np.array(split_names(singles(150), labels=labels))
    assert Counter(splits[labels == -1].tolist()) == {"train": 35, "validation": 5, "test": 10}


times = st.lists(st.integers(0, 50), min_size=3, max_size=80)


@settings(max_examples=80)
@given(times, st.integers(0, 3), st.randoms(use_true_random=False))
def test_the_newest_rows_are_the_test_split(moments, seed, chance):
    units, when = singles(len(moments)), np.array(moments, np.int64)
    splits = np.array(split_names(units, seed, times=when))
    assert set(splits) == set(SPLITS)
    assert when[splits == "train"].max() <= when[splits == "validation"].min()
    assert when[splits == "validation"].max() <= when[splits == "test"].min()
    assert (splits == "test").sum() == pytest.approx(0.2 * len(moments), abs=1)
    assert (splits == "validation").sum() == pytest.approx(0.1 * len(moments), abs=1)
    order = chance.sample(range(len(moments)), len(moments))
    shuffled = Units(units.of_rows, units.keys[order])
    assert split_names(shuffled, seed, times=when[order]) == splits[order].tolist()


def test_a_unit_is_as_new_as_its_newest_row():
    prompts = np.array([1, 2, 3, 4, 5, 1], np.uint64)
    units = find_units(prompts, None, None)
    moments = np.array([0, 1, 2, 3, 4, 9], np.int64)
    splits = split_names(units, shares={"test": 0.3}, times=moments)
    assert splits == ["test", "train", "train", "train", "train", "test"]


def test_shares_of_time_count_rows_not_units():
    units = find_units(np.repeat(np.arange(20, dtype=np.uint64), 50), None, None)
    moments = np.repeat(np.arange(20, dtype=np.int64), 50)
    counts = Counter(split_names(units, times=moments))
    assert counts == {"train": 700, "validation": 100, "test": 200}


def test_what_is_in_two_splits_is_an_internal_error():
    splits = np.array([0, 2, 0], np.uint8)
    prove_disjoint(splits, {"prompt": np.array([1, 2, 1], np.uint64)})
    with pytest.raises(TunelineError, match="one group is in both train and test"):
        prove_disjoint(splits, {"group": np.array([7, 7, 8], np.uint64)})


def test_rows_without_a_cluster_share_none():
    splits = np.array([0, 2, 0], np.uint8)
    prove_disjoint(splits, {"cluster": np.array([-1, -1, 2], np.int32)})
    with pytest.raises(TunelineError, match="one cluster is in both train and test"):
        prove_disjoint(splits, {"cluster": np.array([1, 1, -1], np.int32)})


@settings(max_examples=60)
@given(st.data(), st.integers(10, 60))
def test_prompts_groups_and_clusters_never_part(data, count):
    def column(largest):
        return data.draw(st.lists(st.integers(0, largest), min_size=count, max_size=count))

    prompts, groups = (np.array(column(200), np.uint64) for _ in range(2))
    clusters = np.array(column(100), np.int32) - 1
    units = find_units(prompts, groups, clusters)
    if len(units.keys) < 3:
        return
    labels = np.array(column(3), np.int32)
    for columns in ({}, {"labels": labels}, {"times": labels.astype(np.int64)}):
        splits = assign(units, SplitPlan(SHARES, 0), **columns)
        prove_disjoint(splits, {"prompt": prompts, "group": groups, "cluster": clusters})
        assert len(set(splits.tolist())) == 3
