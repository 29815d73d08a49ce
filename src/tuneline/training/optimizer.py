"""AdamW, and a learning rate that is a function of the step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from tuneline.training.settings import TrainingSettings

MOMENTS = ("exp_avg", "exp_avg_sq")
"""What AdamW keeps for each weight beside the number of steps."""


def make_optimizer(model: Any, settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW in one kernel, with weight decay on matrices alone.

    Decay on biases and norms only pulls them to zero (as in GPT-3's recipe and every large
    trainer since).
    """
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    groups = [
        {
            "params": [weights for weights in trained if weights.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {"params": [weights for weights in trained if weights.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=settings.learning_rate or 0.0, fused=True
    )


def learning_rate_at(step: int, steps: int, settings: TrainingSettings) -> float:
    """The learning rate of a step, counted from 0.

    It rises from a first part of the peak, not from 0, so that the first step learns too.

    Args:
        step: The step.
        steps: Steps of the whole run.
        settings: Resolved settings.
    """
    peak = settings.learning_rate or 0.0
    warmup = math.ceil(settings.warmup_ratio * steps)
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    left = 1 - (step - warmup) / max(1, steps - warmup)
    if settings.learning_rate_schedule == "linear":
        return peak * left
    if settings.learning_rate_schedule == "cosine":
        return peak * (1 - math.cos(math.pi * left)) / 2
    return peak


def set_moments(
    optimizer: torch.optim.AdamW, weights: torch.Tensor, moments: dict[str, torch.Tensor], step: int
) -> None:
    """Give a weight's moments back to an optimizer that has made no step yet.

    Args:
        optimizer: The optimizer.
        weights: The weight.
        moments: Its moments by name, on its device and of its shape.
        step: Steps that it has made.
    """
    # On the device, as the fused kernel wants it.
    counted = torch.tensor(float(step), device=weights.device)
    optimizer.state[weights] = {"step": counted, **moments}
