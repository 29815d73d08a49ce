"""The loss of tuning: how unlikely a model finds the tokens that it has to say."""

from __future__ import annotations

import inspect
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy

from tuneline.models.chat import IGNORED
from tuneline.training.compiler import may_fuse_on_gpu

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.training.sequences.batch import Batch


class TokenLoss:
    """Gives the loss of every trained token of a batch, and computes logits for no other.

    Where the model's vocabulary is large and the answers short, most of the work of a small model
    is logits that nobody reads.

    Args:
        model: A causal language model, as it is called; may be wrapped.
        inner: The same, without what it is wrapped in.
    """

    def __init__(self, model: Any, inner: Any) -> None:
        self._model = model
        self._keeps = "logits_to_keep" in inspect.signature(inner.forward).parameters

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Negative log-likelihoods in nats, (trained tokens), in the order of ``batch.order``."""
        if self._keeps:
            wanted = self._model(
                **batch.inputs, logits_to_keep=batch.places, use_cache=False
            ).logits
        else:
            wanted = self._model(**batch.inputs, use_cache=False).logits[:, batch.places]
        targets = batch.targets.flatten()
        fused = wanted.is_cuda and may_fuse_on_gpu()
        compute = _fused() if fused else _negative_log_likelihoods
        losses = compute(wanted.flatten(0, 1), targets)
        return losses[targets != IGNORED]


def _negative_log_likelihoods(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return cross_entropy(logits.float(), targets, reduction="none", ignore_index=IGNORED)


@cache
def _fused() -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """One kernel that holds no copy of the logits in 32 bits."""
    compiled: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = torch.compile(
        _negative_log_likelihoods, dynamic=True
    )
    return compiled
