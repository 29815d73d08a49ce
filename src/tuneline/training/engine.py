"""One optimizer step, and one look at the validation split: what a run is made of."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.distributed.tensor import DTensor

from tuneline.errors import MachineError
from tuneline.training.checkpoints.folder import Tensors
from tuneline.training.distributed.sharding import accumulating, fill, reset_sharded, whole
from tuneline.training.optimizer import MOMENTS, learning_rate_at, set_moments
from tuneline.training.sequences.ahead import Ahead
from tuneline.training.sequences.plan import Limits, in_order_of_length

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from tuneline.stop import StopRequest
    from tuneline.training.base import Types
    from tuneline.training.checkpoints.folder import Checkpoint
    from tuneline.training.distributed.ranks import Ranks
    from tuneline.training.loss import TokenLoss
    from tuneline.training.sequences.batch import Batch, Layout
    from tuneline.training.sequences.plan import Plan
    from tuneline.training.sequences.store import StoredSplit
    from tuneline.training.settings import TrainingSettings

logger = logging.getLogger("tuneline")

_SEEDS = 2**63


class StepLoss(NamedTuple):
    """Sum of the losses of a step's trained tokens, their number, and the gradients' norm."""

    loss: float
    trained_tokens: int
    gradient_norm: float


class _Pass(NamedTuple):
    """What is read at once, and whether its loss counts."""

    batch: Batch
    counts: bool


@dataclass(slots=True)
class Engine:
    """A model with all that a step needs.

    Attributes:
        module: What is called for a forward pass.
        model: The model with its adapter, whose weights are trained.
        token_loss: Gives the losses of a batch.
        optimizer: Changes the weights.
        plan: Which sequences make which step.
        splits: ``train`` and ``validation``.
        layout: How sequences lie in a batch.
        limits: What one forward pass may hold.
        settings: Resolved settings.
        types: Types of the weights and of the computation.
        autocast: Whether matrix products are cast, where the weights are held in more bits.
        ranks: The run's processes.
        look_ahead: Steps whose batches are made before their turn, in threads.
    """

    module: Any
    model: Any
    token_loss: TokenLoss
    optimizer: torch.optim.AdamW
    plan: Plan
    splits: dict[str, StoredSplit]
    layout: Layout
    limits: Limits
    settings: TrainingSettings
    types: Types
    autocast: bool
    ranks: Ranks
    look_ahead: int = 0
    _ahead: Ahead[list[_Pass]] = field(init=False)

    def __post_init__(self) -> None:
        self._ahead = Ahead(self._passes, self.look_ahead, self.plan.steps)

    def step(self, step: int) -> StepLoss:
        """Make one optimizer step, counted from 0, over all processes.

        The loss is the mean over the trained tokens of the whole batch, however it is cut: each
        counts the same. Where a pass does not fit into the device's memory after all, the step is
        made again with smaller ones, and so are those after it.

        Raises:
            MachineError: The memory does not suffice for smaller passes either, or there are
                several processes, which would have to agree.
        """
        while True:
            try:
                return self._step(step)
            except torch.OutOfMemoryError as error:
                tokens, trained, padded = self.limits
                smaller = Limits(tokens // 2, trained // 2, padded).holding(
                    self.plan.lengths, self.plan.trained
                )
                if self.ranks.world > 1 or smaller == self.limits:
                    raise MachineError(
                        f"A pass of {self.limits.tokens} tokens does not fit into the device's "
                        "memory. Set tokens_per_device lower, or activation_checkpointing to true, "
                        "and run again: it goes on from the newest checkpoint."
                    ) from error
            # Outside the handler: the exception's frames still hold the tensors in there.
            logger.warning(
                "tune: %d tokens do not fit into the device's memory; going on with %d",
                self.limits.tokens,
                smaller.tokens,
            )
            self.limits = smaller
            self._ahead.forget()
            self.forget_pass()
            torch.cuda.empty_cache()

    def _step(self, step: int) -> StepLoss:
        chosen = self.plan.batch(step)
        trained = self.plan.trained_tokens(chosen)
        torch.manual_seed(self._seed(step))
        loss = torch.zeros((), device=self.ranks.device)
        passes = self._ahead.get(step)
        for number, one in enumerate(passes, start=1):
            with accumulating(self.module, last=number == len(passes)):
                summed = self._summed(one)
                # Gradients are averaged over the processes, and the loss is a mean over all.
                (summed * (self.ranks.world / trained)).backward()
            loss += summed.detach()
        norm = self._clipped_norm()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(step, self.plan.steps, self.settings)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return StepLoss(self.ranks.summed(loss).item(), trained, norm.item())

    def forget_pass(self) -> None:
        """Forget the gradients so far, also where a pass broke off in the middle."""
        reset_sharded(self.module)
        self.optimizer.zero_grad(set_to_none=True)

    def validate(self, stop: StopRequest) -> float | None:
        """Mean loss of the trained tokens of the validation split.

        Returns:
            The loss, or None where the run was asked to stop on the way.
        """
        split = self.splits["validation"]
        passes = in_order_of_length(split.lengths, split.trained_counts, self.limits)
        rounds = -(-len(passes) // self.ranks.world)
        passes += [[]] * (rounds * self.ranks.world - len(passes))
        total = torch.zeros((), dtype=torch.float64)
        self.model.eval()
        with torch.no_grad():
            for one in passes[self.ranks.rank :: self.ranks.world]:
                if any(self.ranks.largest([stop.signal])):
                    self.model.train()
                    return None
                total += self._summed(self._made(split, one, [0])).double().cpu()
        self.model.train()
        summed = self.ranks.summed(total.to(self.ranks.device))
        return float(summed) / split.trained_tokens

    def batch(self, split: StoredSplit, chosen: Sequence[int]) -> Batch:
        """Sequences of a split, as the model is given them."""
        return self.layout(split, chosen).to(self.ranks.device)

    def casting(self) -> AbstractContextManager[Any]:
        """In which forward passes run."""
        if not self.autocast:
            return nullcontext()
        kind = getattr(torch, self.types.computation)
        casting: AbstractContextManager[Any] = torch.autocast(self.ranks.device.type, dtype=kind)
        return casting

    def collect(self) -> Tensors:
        """Trained weights and moments in main memory; every process must ask, rank 0 is told."""
        weights, moments = {}, {}
        for name, trained in self._trained():
            found = [whole(trained), *(self._moment(trained, moment) for moment in MOMENTS)]
            if self.ranks.main:
                own, *rest = (tensor.cpu() for tensor in found)
                weights[name] = own
                moments.update(
                    {f"{name}.{moment}": x for moment, x in zip(MOMENTS, rest, strict=True)}
                )
        return Tensors(weights, moments)

    def restore(self, checkpoint: Checkpoint | None, step: int) -> None:
        """Take weights and moments from a checkpoint.

        Args:
            checkpoint: In rank 0 the checkpoint; None elsewhere.
            step: Steps that it was made after.
        """
        self.restore_weights(checkpoint)
        stored = checkpoint.moments() if checkpoint else {}
        for name, trained in self._trained():
            found = {}
            for moment in MOMENTS:
                found[moment] = torch.zeros_like(trained.detach())
                fill(found[moment], stored[f"{name}.{moment}"] if checkpoint else None)
            set_moments(self.optimizer, trained, found, step)

    def restore_weights(self, checkpoint: Checkpoint | None) -> None:
        """Take the weights alone from a checkpoint, which rank 0 has."""
        stored = checkpoint.weights() if checkpoint else {}
        for name, trained in self._trained():
            fill(trained, stored[name] if checkpoint else None)

    def _trained(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        for name, weights in self.model.named_parameters():
            if weights.requires_grad:
                yield name, weights

    def _moment(self, weights: torch.nn.Parameter, name: str) -> torch.Tensor:
        state = self.optimizer.state.get(weights)
        return whole(state[name] if state else torch.zeros_like(weights))

    def _passes(self, step: int) -> list[_Pass]:
        """The passes of a step that are this process's."""
        chosen = self.plan.batch(step)
        shares = self.plan.shares(chosen, self.limits, self.ranks.world)[self.ranks.rank]
        return [self._made(self.splits["train"], one, chosen) for one in shares]

    def _made(self, split: StoredSplit, chosen: Sequence[int], instead: Sequence[int]) -> _Pass:
        """A pass over some sequences.

        Where there are none, one other is read and counts nothing: all processes must work
        together in every pass.
        """
        return _Pass(self.layout(split, chosen or instead[:1]), counts=bool(chosen))

    def _summed(self, one: _Pass) -> torch.Tensor:
        """Sum of the losses of a pass."""
        with self.casting():
            summed = self.token_loss(one.batch.to(self.ranks.device)).sum()
        return summed if one.counts else summed * 0

    def _clipped_norm(self) -> torch.Tensor:
        trained = [weights for _, weights in self._trained()]
        norm = torch.nn.utils.clip_grad_norm_(trained, self.settings.max_gradient_norm)
        return norm.full_tensor() if isinstance(norm, DTensor) else norm

    def _seed(self, step: int) -> int:
        """A seed of dropout for each step and process, so that no random state is ever kept."""
        mixed = (self.settings.seed * 1_000_003 + step) * 1_000_003 + self.ranks.rank
        return mixed % _SEEDS
