import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.training.sequences.plan import Limits, Plan, in_order_of_length, shared_out

LENGTHS = np.array([10 + i % 30 for i in range(64)])
TRAINED = np.array([1 + i % 7 for i in range(64)])
ROOM = Limits(10**6, 10**6)

sizes = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 9)), min_size=1, max_size=40)


def plan(seed: int = 0, **values) -> Plan:
    given = {"batch_size": 4, "epochs": 2.0, **values}
    return Plan(LENGTHS, TRAINED, seed=seed, **given)


@given(
    count=st.integers(1, 80),
    batch_size=st.integers(1, 90),
    seed=st.integers(0, 2**32 - 1),
    epoch=st.integers(0, 1000),
)
def test_every_sequence_comes_once_an_epoch(count, batch_size, seed, epoch):
    given = Plan(np.ones(count, int), np.ones(count, int), batch_size, 1.0, seed)
    steps = range(epoch * given.steps_an_epoch, (epoch + 1) * given.steps_an_epoch)
    batches = [given.batch(step) for step in steps]
    assert sorted(i for batch in batches for i in batch) == list(range(count))
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}


def test_the_order_is_that_of_seed_and_epoch_alone():
    np.random.seed(99)  # noqa: NPY002 - the global generator must not matter
    assert plan().batch(9) == plan().batch(9)
    orders = {
        tuple(plan(seed).batch(step)) for seed in range(3) for step in (0, plan().steps_an_epoch)
    }
    assert len(orders) == 6


@pytest.mark.parametrize(
    ("epochs", "steps"), [(1.0, 16), (2.0, 32), (0.5, 8), (0.01, 1), (1.2, 20)]
)
def test_steps_are_counted_up(epochs, steps):
    assert plan(epochs=epochs).steps == steps


@given(sizes, st.integers(50, 200), st.integers(9, 40), st.integers(1, 5))
def test_sharing_out_loses_nothing_and_keeps_the_limits(rows, tokens, trained, world):
    lengths, answers = [row[0] for row in rows], [row[1] for row in rows]
    passes = shared_out(lengths, answers, Limits(tokens, trained), world)
    assert sorted(i for one in passes for i in one) == list(range(len(rows)))
    assert len(passes) % world == 0
    for one in passes:
        assert one == sorted(one)
        assert len(one) <= 1 or sum(lengths[i] for i in one) <= tokens
        assert len(one) <= 1 or sum(answers[i] for i in one) <= trained


@given(sizes, st.integers(50, 200), st.integers(9, 400), st.integers(1, 5))
def test_where_rows_are_padded_the_padding_is_within_the_limits(rows, tokens, trained, world):
    lengths, answers = [row[0] for row in rows], [row[1] for row in rows]
    passes = shared_out(lengths, answers, Limits(tokens, trained, padded=True), world)
    assert sorted(i for one in passes for i in one) == list(range(len(rows)))
    assert len(passes) % world == 0
    for one in passes:
        longest = max((lengths[i] for i in one), default=0)
        assert len(one) <= 1 or len(one) * longest <= tokens
        logits = len(one) * min(longest, sum(answers[i] for i in one))
        assert len(one) <= 1 or logits <= trained


def test_where_rows_are_padded_the_long_are_read_apart_from_the_short():
    lengths = [3500] * 3 + [130] * 61
    passes = shared_out(lengths, [5] * 64, Limits(8192, 8192, padded=True), 1)
    padded = sum(len(one) * max(lengths[i] for i in one) for one in passes)
    assert padded <= 1.2 * sum(lengths)


@given(sizes, st.integers(1, 5))
def test_devices_have_like_numbers_of_tokens(rows, world):
    lengths = [row[0] for row in rows]
    passes = shared_out(lengths, [1] * len(rows), ROOM, world)
    assert len(passes) == world
    fullest = max(sum(lengths[i] for i in one) for one in passes)
    # Graham 1969: the longest first is within 4/3 of the best, which is at least these.
    best = max(max(lengths), math.ceil(sum(lengths) / world))
    assert fullest <= best * 4 / 3 + max(lengths) / 3


def test_shares_name_the_sequences_of_the_batch():
    given = plan(batch_size=7)
    batch = given.batch(3)
    shares = given.shares(batch, Limits(60, 100), world=2)
    assert len(shares) == 2
    assert len(shares[0]) == len(shares[1])
    assert sorted(i for share in shares for one in share for i in one) == sorted(batch)


def test_the_tokens_of_a_batch_are_those_of_its_sequences():
    assert plan().trained_tokens([0, 5, 6]) == 1 + 6 + 7


@given(sizes, st.integers(50, 200), st.integers(9, 40))
def test_reading_takes_the_longest_together(rows, tokens, trained):
    lengths, answers = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    passes = in_order_of_length(lengths, answers, Limits(tokens, trained))
    read = [i for one in passes for i in one]
    assert sorted(read) == list(range(len(rows)))
    assert all(lengths[a] >= lengths[b] for a, b in pairwise(read))
    for one in passes:
        assert lengths[one].sum() <= tokens
        assert answers[one].sum() <= trained


def test_limits_hold_the_longest_sequence():
    assert Limits(5, 2).holding(LENGTHS, TRAINED) == Limits(39, 7)
    assert Limits(100, 2).holding(LENGTHS, TRAINED) == Limits(100, 7)
