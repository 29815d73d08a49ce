"""Finds how many tokens a pass holds by making some, and saves memory where it must."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from tuneline.errors import MachineError
from tuneline.training.sequences.plan import Limits
from tuneline.training.token_budget import largest_fitting

if TYPE_CHECKING:
    from tuneline.training.engine import Engine

logger = logging.getLogger("tuneline")


class Meter(Protocol):
    """A device's memory, in bytes."""

    total: int

    def held(self) -> int:
        """What is taken now."""
        ...

    def start(self) -> None:
        """Forget the peak so far, and give back what nobody holds."""
        ...

    def peak(self) -> int:
        """The most that was taken since `start`."""
        ...


class CudaMeter:
    """The memory of a GPU.

    Args:
        device: The GPU.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        free, _ = torch.cuda.mem_get_info(device)
        self.total = free + torch.cuda.memory_reserved(device)

    def held(self) -> int:
        """What is taken now."""
        return int(torch.cuda.memory_allocated(self._device))

    def start(self) -> None:
        """Forget the peak so far, and give back what nobody holds."""
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)

    def peak(self) -> int:
        """The most that was taken since `start`."""
        return int(torch.cuda.max_memory_allocated(self._device))


def fit_to_memory(engine: Engine, inner: Any, meter: Meter) -> bool:
    """Set the engine's limits to what the device's memory takes.

    Where the longest sequence does not fit, activations are computed twice, unless the settings
    say otherwise.

    Args:
        engine: The run; its limits are replaced.
        inner: The model of transformers in it.
        meter: The device's memory.

    Returns:
        Whether activations are computed twice now.

    Raises:
        MachineError: The longest sequence does not fit.
    """
    wanted = engine.settings.activation_checkpointing
    found = _largest(engine, meter)
    checkpointing = bool(wanted)
    if found is None and wanted is None:
        logger.info("tune: activations are computed twice, to hold fewer")
        inner.activation_checkpointing_enable()
        checkpointing, found = True, _largest(engine, meter)
    if found is None:
        raise MachineError(
            f"The longest example ({int(engine.plan.lengths.max())} tokens) does not fit into the "
            f"device's memory ({meter.total / 2**30:.0f} GiB) beside the model. Set max_length "
            "lower with on_too_long: drop, choose method 'pet' or quantization '4bit', or take "
            "more or larger devices."
        )
    chosen = _longest(engine, found)
    trained = engine.plan.trained_tokens(chosen)
    engine.limits = Limits(found, trained).holding(engine.plan.lengths, engine.plan.trained)
    return checkpointing


def _largest(engine: Engine, meter: Meter) -> int | None:
    lengths = np.sort(engine.plan.lengths)[::-1]
    most = -(-int(lengths[: engine.plan.batch_size].sum()) // engine.ranks.world)
    # What the optimizer will take at its first step.
    trained = [weights for weights in engine.model.parameters() if weights.requires_grad]
    moments = [] if engine.optimizer.state else [torch.zeros_like(w) for w in trained for _ in "mv"]

    def attempt(tokens: int) -> int | None:
        meter.start()
        failed = not _pass_fits(engine, tokens)
        (failed_anywhere,) = engine.ranks.largest([float(failed)])
        return None if failed_anywhere else meter.peak()

    longest = int(lengths[0])
    found = largest_fitting(attempt, meter.total, meter.held(), longest, max(most, longest))
    del moments
    meter.start()
    (fewest,) = engine.ranks.largest([-float(found or 0)])
    return int(-fewest) or None


def _longest(engine: Engine, tokens: int) -> list[int]:
    """The longest sequences that have so many tokens together."""
    order = np.argsort(-engine.plan.lengths, kind="stable")
    count = int(np.searchsorted(np.cumsum(engine.plan.lengths[order]), tokens)) + 1
    chosen: list[int] = order[:count].tolist()
    return chosen


def _pass_fits(engine: Engine, tokens: int) -> bool:
    try:
        batch = engine.batch(engine.splits["train"], _longest(engine, tokens))
        with engine.casting():
            loss = engine.token_loss(batch).sum() * 0  # no gradient is kept from it
        loss.backward()
    except torch.OutOfMemoryError:
        fits = False
    else:
        fits = True
    engine.optimizer.zero_grad(set_to_none=True)
    return fits
