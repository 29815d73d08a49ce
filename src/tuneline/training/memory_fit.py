"""Finds how many tokens a pass holds by making some, and saves memory where it must."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from tuneline.errors import MachineError
from tuneline.training.token_budget import largest_fitting

if TYPE_CHECKING:
    from tuneline.training.engine import Engine
    from tuneline.training.sequences.plan import Limits

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


def fit_to_memory(engine: Engine, inner: Any, meter: Meter, *, checkpointing: bool) -> bool:
    """Set the engine's limits to what the device's memory takes.

    Where the longest sequence does not fit, activations are computed twice, unless the settings
    say otherwise.

    Args:
        engine: The run; its limits are replaced.
        inner: The model of transformers in it.
        meter: The device's memory.
        checkpointing: Whether activations are computed twice already.

    Returns:
        Whether activations are computed twice now.

    Raises:
        MachineError: The longest sequence does not fit.
    """
    longest = int(engine.plan.lengths.max())
    found = _largest(engine, meter)
    may_save = engine.settings.activation_checkpointing is None and not checkpointing
    if found < longest and may_save:
        logger.info("tune: activations are computed twice, to hold fewer")
        inner.activation_checkpointing_enable()
        checkpointing, found = True, _largest(engine, meter)
    if found < longest:
        raise MachineError(
            f"The longest example ({longest} tokens) does not fit into the "
            f"device's memory ({meter.total / 2**30:.0f} GiB) beside the model. Set max_length "
            "lower with on_too_long: drop, choose method 'pet' or quantization '4bit', or take "
            "more or larger devices."
        )
    engine.limits = _limits(engine, found)
    return checkpointing


def _largest(engine: Engine, meter: Meter) -> int:
    """Most tokens of a pass that fits; all processes find the same."""
    lengths, ranks = engine.plan.lengths, engine.ranks
    longest = int(lengths.max())
    step = np.sort(lengths)[::-1][: engine.plan.batch_size]
    whole = longest * len(step) if engine.limits.padded else int(step.sum())
    moments = _reserved(engine)

    def attempt(tokens: int) -> int | None:
        meter.start()
        rows = _rows(engine, tokens)
        fits = _pass_fits(engine, rows)
        (peak,) = ranks.largest([float(meter.peak())])
        # Where there are too few short sequences, as if there had been more.
        tried = min(_tokens(engine, rows), tokens)
        return int(held + (peak - held) * tokens / tried) if fits else None

    (missing, held) = ranks.largest([-float(meter.total), float(meter.held())])
    found = largest_fitting(
        attempt,
        int(-missing),
        int(held),
        int(lengths.min()) if ranks.world > 1 else longest,
        longest,
        max(-(-whole // ranks.world), longest),
    )
    del moments
    engine.forget_pass()
    meter.start()
    return found


def _reserved(engine: Engine) -> list[torch.Tensor]:
    """What is there beside a pass from the second one of a step on: gradients, and moments.

    Raises:
        MachineError: They do not fit.
    """
    trained = [weights for weights in engine.model.parameters() if weights.requires_grad]
    try:
        _fill_gradients(engine)
        if engine.optimizer.state:
            return []
        return [torch.zeros_like(weights) for weights in trained for _ in "mv"]
    except torch.OutOfMemoryError as error:
        raise MachineError(
            "The optimizer's state does not fit into the device's memory beside the model. Choose "
            "method 'pet' or quantization '4bit', or take more or larger devices."
        ) from error


def _fill_gradients(engine: Engine) -> None:
    for weights in engine.model.parameters():
        if weights.requires_grad:
            weights.grad = torch.zeros_like(weights)


def _rows(engine: Engine, tokens: int) -> list[int]:
    """The longest sequences within so many tokens; where not one is, the shortest ones."""
    lengths, padded = engine.plan.lengths, engine.limits.padded
    order = np.argsort(-lengths, kind="stable")
    if tokens < lengths[order[0]]:
        order = order[::-1]
        filled = (
            np.arange(1, len(order) + 1) * lengths[order] if padded else lengths[order].cumsum()
        )
        count = int(np.searchsorted(filled, tokens, side="right"))
    else:
        whole = np.arange(1, len(order) + 1) * lengths[order[0]]
        filled = whole if padded else lengths[order].cumsum()
        count = int(np.searchsorted(filled, tokens, side="right"))
    chosen: list[int] = order[: max(count, 1)].tolist()
    return chosen


def _tokens(engine: Engine, rows: list[int]) -> int:
    """Tokens of a pass, padding included."""
    lengths = engine.plan.lengths[rows]
    longest, tokens = int(lengths.max()), int(lengths.sum())
    return engine.limits.cost(len(rows), longest, tokens, 0)[0]


def _limits(engine: Engine, tokens: int) -> Limits:
    """Limits of passes like the one that was tried with so many tokens."""
    rows, plan = _rows(engine, tokens), engine.plan
    longest, trained = int(plan.lengths[rows].max()), plan.trained_tokens(rows)
    _, computed = engine.limits.cost(len(rows), longest, tokens, trained)
    return engine.limits._replace(tokens=tokens, trained=computed).holding(
        plan.lengths, plan.trained
    )


def _pass_fits(engine: Engine, rows: list[int]) -> bool:
    """Make a pass; whether the memory sufficed.

    Raises:
        MachineError: It did not, in one of several processes: the others wait for its part.
    """
    try:
        batch = engine.batch(engine.splits["train"], rows)
        with engine.casting():
            loss = engine.token_loss(batch).sum() * 0  # no gradient comes of it
        loss.backward()
    except torch.OutOfMemoryError as error:
        if engine.ranks.world > 1:
            raise MachineError(
                "The memory of a device did not suffice while it was found how much a pass holds. "
                "Something else takes memory there; free it, or set tokens_per_device."
            ) from error
        fits = False
    else:
        fits = True
    engine.forget_pass()
    _fill_gradients(engine)
    return fits
