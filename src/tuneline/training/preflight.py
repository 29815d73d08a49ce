"""Proof, before the first step and on real rows, that the loss is what it should be.

The reference is the plainest way there is: each row alone, no packing, no padding, the logits of
every token, and the loss of those tokens that the rendered text marks as the answer. What training
computes must agree, for each row by itself. And where rows lie one behind another, one must not
see the other: another row's tokens in place of the first must leave the second as it was. What the
marked tokens say is compared with the row itself, see `tuneline.training.marked_answers`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from tuneline.errors import ConfigurationError, MachineError
from tuneline.training.packed_attention import PACKED, CannotPackError
from tuneline.training.sequences.batch import packed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tuneline.training.base import Types
    from tuneline.training.distributed.ranks import Ranks
    from tuneline.training.loss import TokenLoss
    from tuneline.training.sequences.batch import Batch, Layout
    from tuneline.training.sequences.store import StoredSplit

logger = logging.getLogger("tuneline")

_ROWS = 4
_TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2}
"""Difference of a row's mean loss that roundings may make, relative to 1 + the loss."""

_SEEN = 0.1
"""Share of it by which the loss of a token may change where another row does."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the preflight found.

    Attributes:
        rows: Places of the sequences that were looked at.
        largest_difference: Largest difference of a row's mean loss from the reference, as a share
            of 1 + the loss.
        packed: Whether sequences lie one behind another.
        not_packed_because: Why not, for people; empty where they do, or were not wanted to.
    """

    rows: tuple[int, ...]
    largest_difference: float
    packed: bool
    not_packed_because: str = ""


class Preflight:
    """Looks at a model before its first step.

    Args:
        model: The model with its adapter, on its device; what is called for a forward pass.
        inner: The model of transformers in it.
        token_loss: The loss of training.
        split: The training split.
        types: Types of the weights and of the computation.
        ranks: The run's processes, which all do the same.
        casting: In which forward passes run.
        forget_pass: To be called where one broke off.

    Attributes:
        rows: Places of the sequences that are looked at.
    """

    def __init__(
        self,
        model: Any,
        inner: Any,
        token_loss: TokenLoss,
        split: StoredSplit,
        types: Types,
        ranks: Ranks,
        casting: Callable[[], AbstractContextManager[Any]],
        forget_pass: Callable[[], None],
    ) -> None:
        self._model = model
        self._inner = inner
        self._token_loss = token_loss
        self._split = split
        self._tolerance = _TOLERANCE[types.computation]
        self._ranks = ranks
        self._device = ranks.device
        self._casting = casting
        self._forget_pass = forget_pass
        self.rows = _chosen(split)

    def choose_layout(self, padded: Layout, wanted: bool | None) -> tuple[Layout, Checked]:  # noqa: FBT001
        """Pack where it is exact, else pad; and prove the loss for what was chosen.

        Args:
            padded: The layout with padding.
            wanted: Whether to pack; None: where it is exact.

        Raises:
            ConfigurationError: Packing is wanted and not exact for this model, or the loss is not
                what it should be.
            MachineError: The device's memory does not suffice for a few short rows.
        """
        try:
            return self._layout(padded, wanted)
        except torch.OutOfMemoryError as error:
            raise MachineError(
                "A few of the shorter examples, read with the logits of every token, do not fit "
                "into the device's memory beside the model. Set max_length lower with on_too_long: "
                "drop, choose method 'pet' or quantization '4bit', or take larger devices."
            ) from error

    def _layout(self, padded: Layout, wanted: bool | None) -> tuple[Layout, Checked]:  # noqa: FBT001
        own_attention = self._inner.config._attn_implementation  # noqa: SLF001 - it has no other name
        reference = self._reference(padded)
        problem = ""
        if wanted is not False:
            problem, difference = self._try_packed(reference)
            problem = next((found for found in self._ranks.gathered(problem) if found), "")
            if not problem:
                return packed, Checked(self.rows, difference, packed=True)
            if wanted:
                raise ConfigurationError(
                    f"overrides.packing: this model cannot be trained on packed rows: {problem}. "
                    "Leave it out, or set it to false."
                )
            logger.info("tune: rows are padded, not packed: %s", problem)
            self._inner.set_attn_implementation(own_attention)
        difference = self._difference(padded, reference)
        if not difference <= self._tolerance:
            raise ConfigurationError(
                f"The loss of this model on rows with padding differs by {difference:.3g} from its "
                "loss on each row alone, so padding changes what it reads. It cannot be tuned here."
            )
        return padded, Checked(self.rows, difference, packed=False, not_packed_because=problem)

    def _try_packed(self, reference: np.ndarray) -> tuple[str, float]:
        """Why rows cannot be packed, or nothing; and the largest difference of the loss."""
        try:
            self._inner.set_attn_implementation(PACKED)
            difference = self._difference(packed, reference)
            seen = self._sees_others()
        except CannotPackError as error:
            self._forget_pass()
            return str(error), float("nan")
        except torch.OutOfMemoryError:
            raise
        except (ValueError, TypeError, RuntimeError, NotImplementedError) as error:
            # Models that keep a state or bring attention of their own refuse in many ways.
            self._forget_pass()
            return f"it refuses packed rows ({type(error).__name__}: {error})", float("nan")
        if not difference <= self._tolerance:
            return f"its loss on them differs by {difference:.2%} of 1 + the loss", difference
        if seen:
            return "a row changes what the model makes of the next one", difference
        return "", difference

    def _reference(self, padded: Layout) -> np.ndarray:
        """Mean loss of each row, read alone and whole."""
        losses = np.array([self._alone(row, padded) for row in self.rows])
        if not np.isfinite(losses).all():
            raise ConfigurationError(
                "base_model: its own loss on the training split is no number, before any step. "
                "Its weights hold values that are none, or are too large for this precision; give "
                "another copy of it, or set overrides.precision."
            )
        return losses

    def _alone(self, row: int, padded: Layout) -> float:
        tokens = self._split[row]
        ids = torch.from_numpy(tokens.ids.astype(np.int64))[None].to(self._device)
        inputs: dict[str, Any] = {"input_ids": ids}
        if self._split.facts.images:  # a row alone has no padding, so its images come with nothing
            inputs = padded(self._split, [row]).to(self._device).inputs
        with torch.no_grad(), self._casting():
            logits = self._model(**inputs, use_cache=False).logits[0, :-1].float()
        losses = cross_entropy(logits, ids[0, 1:], reduction="none")
        trained = torch.from_numpy(np.array(tokens.trained[1:])).to(self._device)
        return float(losses[trained].double().mean())

    def _losses(self, batch: Batch) -> torch.Tensor:
        with torch.no_grad(), self._casting():
            return self._token_loss(batch).double()

    def _difference(self, layout: Layout, reference: np.ndarray) -> float:
        """Largest difference of a row's mean loss, relative to 1 + the loss."""
        batch = layout(self._split, self.rows).to(self._device)
        losses = self._losses(batch)
        counts = torch.bincount(batch.order, minlength=len(self.rows))
        expected = self._split.trained_counts[list(self.rows)]
        if counts.tolist() != expected.tolist():
            return float("inf")
        sums = torch.zeros(len(self.rows), dtype=torch.float64, device=losses.device)
        means = (sums.index_add(0, batch.order, losses) / counts).cpu().numpy()
        return float(np.max(np.abs(means - reference) / (1 + reference)))

    def _sees_others(self) -> bool:
        """Whether other tokens in the first row change the loss of the rows behind it."""
        batch = packed(self._split, self.rows)
        first = len(self._split[self.rows[0]].ids)
        changed = batch.inputs["input_ids"].clone()
        changed[0, :first] = changed.max() - changed[0, :first]
        other = packed(self._split, self.rows)
        other.inputs["input_ids"] = changed
        behind = batch.order.to(self._device) > 0
        before, after = (self._losses(b.to(self._device))[behind] for b in (batch, other))
        return bool((before - after).abs().max() > _SEEN * self._tolerance)


def _chosen(split: StoredSplit) -> tuple[int, ...]:
    """Some rows from the shorter half, evenly spread: what is true of rows is seen on short ones.

    Two at least, if need be the same one twice.
    """
    order = np.argsort(split.lengths, kind="stable")
    half = order[: max(len(order) // 2, min(len(order), _ROWS))]
    places = np.linspace(0, len(half) - 1, num=min(_ROWS, len(half))).round().astype(int)
    chosen = tuple(int(half[place]) for place in dict.fromkeys(places.tolist()))
    return chosen if len(chosen) > 1 else chosen * 2
