"""How the sequences of one forward pass lie: one behind another, or each in a row with padding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from tuneline.models.chat import IGNORED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.training.sequences.store import StoredSplit


@dataclass(frozen=True, slots=True)
class Batch:
    """What a model is given at once, and what it has to say.

    Attributes:
        inputs: The model's arguments.
        places: Places along a row whose logits are wanted: those before a trained token.
        targets: The token that follows each of them, (rows, places); `IGNORED` where a row has
            nothing to learn there.
        order: For each trained token, in the order of ``targets``, the sequence that it belongs
            to, counted within the batch.
    """

    inputs: dict[str, Any]
    places: torch.Tensor
    targets: torch.Tensor
    order: torch.Tensor

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        if device.type == "cpu":
            return self
        moved = {
            name: value.to(device, non_blocking=True) if torch.is_tensor(value) else value
            for name, value in self.inputs.items()
        }
        return replace(
            self,
            inputs=moved,
            places=self.places.to(device, non_blocking=True),
            targets=self.targets.to(device, non_blocking=True),
            order=self.order.to(device, non_blocking=True),
        )


class Layout(Protocol):
    """Puts sequences of a split together."""

    def __call__(self, split: StoredSplit, chosen: Sequence[int]) -> Batch:
        """Put the chosen sequences into one batch."""
        ...


def packed(split: StoredSplit, chosen: Sequence[int]) -> Batch:
    """One row with the sequences one behind another; see `tuneline.training.packed_attention`."""
    from tuneline.training.packed_attention import bounds_of

    sequences = [split[i] for i in chosen]
    lengths = [len(sequence.ids) for sequence in sequences]
    ids = torch.from_numpy(np.concatenate([s.ids for s in sequences]).astype(np.int64))
    trained = np.concatenate([sequence.trained for sequence in sequences])
    learned = torch.from_numpy(np.flatnonzero(trained))
    positions = np.concatenate([np.arange(length) for length in lengths])
    owners = torch.from_numpy(np.repeat(np.arange(len(lengths)), lengths))
    return Batch(
        {
            "input_ids": ids[None],
            "position_ids": torch.from_numpy(positions)[None],
            **bounds_of(lengths),
        },
        learned - 1,
        ids[learned][None],
        owners[learned],
    )


@dataclass(frozen=True, slots=True)
class Padded:
    """Rows of equal length, filled up on the right with a token that nothing sees."""

    padding: int

    def __call__(self, split: StoredSplit, chosen: Sequence[int]) -> Batch:
        """Put the chosen sequences into one batch."""
        sequences = [split[i] for i in chosen]
        width = max(len(sequence.ids) for sequence in sequences)
        ids = np.full((len(sequences), width), self.padding, dtype=np.int64)
        mask = np.zeros_like(ids)
        labels = np.full_like(ids, IGNORED)
        for row, sequence in enumerate(sequences):
            length = len(sequence.ids)
            ids[row, :length] = sequence.ids
            mask[row, :length] = 1
            labels[row, :length][sequence.trained] = sequence.ids[sequence.trained]
        return padded_batch(
            {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)},
            torch.from_numpy(labels),
        )


def padded_batch(inputs: dict[str, Any], labels: torch.Tensor) -> Batch:
    """A batch of rows with a label for each token.

    Args:
        inputs: The model's arguments.
        labels: The token itself where trained, `IGNORED` elsewhere, (rows, tokens).
    """
    learned = (labels != IGNORED).any(dim=0).nonzero()[:, 0]
    targets = labels[:, learned]
    return Batch(inputs, learned - 1, targets, (targets != IGNORED).nonzero()[:, 0])
