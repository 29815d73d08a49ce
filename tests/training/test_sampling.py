import torch
from hypothesis import given
from hypothesis import strategies as st

from tuneline.training.sampling import EpochSampler

LENGTHS = [10 + i % 30 for i in range(64)]


def order(sampler: EpochSampler, epoch: int) -> list[int]:
    sampler.set_epoch(epoch)
    return list(sampler)


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=80),
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
    st.integers(0, 1000),
)
def test_every_example_comes_once_an_epoch(lengths, batch_size, seed, epoch):
    sampler = EpochSampler(lengths, batch_size, seed)
    assert len(sampler) == len(lengths)
    assert sorted(order(sampler, epoch)) == list(range(len(lengths)))


def test_the_order_is_that_of_seed_and_epoch_alone():
    first = order(EpochSampler(LENGTHS, 4, seed=1), 3)
    torch.manual_seed(99)
    again = EpochSampler(LENGTHS, 4, seed=1)
    order(again, 0)
    assert order(again, 3) == first == list(again)


def test_epochs_and_seeds_differ():
    orders = [tuple(order(EpochSampler(LENGTHS, 4, seed), e)) for seed in (0, 1) for e in range(3)]
    assert len(set(orders)) == 6


def padding(indices: list[int]) -> int:
    """Tokens of padding in all batches of 8."""
    batches = [[LENGTHS[i] for i in indices[start : start + 8]] for start in range(0, 64, 8)]
    return sum(max(batch) - length for batch in batches for length in batch)


def test_a_batch_holds_examples_of_like_length():
    grouped = sum(padding(order(EpochSampler(LENGTHS, 8, seed), 0)) for seed in range(5))
    shuffled = sum(
        padding(torch.randperm(64, generator=torch.Generator().manual_seed(seed)).tolist())
        for seed in range(5)
    )
    assert grouped < 0.8 * shuffled
