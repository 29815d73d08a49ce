"""The order of the training examples: by seed and epoch alone, so that a resumed run keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers.trainer_pt_utils import LengthGroupedSampler

if TYPE_CHECKING:
    from collections.abc import Iterator

# More than the epochs of any run, so that neighbouring seeds share no order.
_EPOCHS = 10_007
_SEEDS = 2**32  # the generator reads 32 bits alone


class EpochSampler(LengthGroupedSampler):  # type: ignore[misc]
    """Shuffles, and puts examples of like length into one batch.

    The parent draws from torch's global generator. After a resume in the middle of an epoch that
    stands elsewhere, and the rest of the epoch would repeat some examples and leave out others.

    Args:
        lengths: Length of each example, in tokens.
        batch_size: Examples in one optimizer step.
        seed: The run's seed, below 2**32.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int) -> None:
        super().__init__(batch_size, lengths=lengths, generator=torch.Generator())
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch; the trainer calls it before each one."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator.manual_seed((self._seed * _EPOCHS + self._epoch) % _SEEDS)
        indices: Iterator[int] = super().__iter__()
        return indices
