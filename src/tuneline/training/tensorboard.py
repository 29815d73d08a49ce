"""The run's curves for TensorBoard, written as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.result import LossPoint
    from tuneline.training.state import RunState

TENSORBOARD_FOLDER = "tensorboard"


class TensorBoard:
    """Writes losses and speed as event files.

    Args:
        output: The run's folder.
        step: Step that the run goes on from; what an interrupted part wrote behind it is voided.
    """

    def __init__(self, output: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder = output / TENSORBOARD_FOLDER
        self._writer = SummaryWriter(folder, purge_step=step + 1 if step else None)

    def stepped(self, _state: RunState) -> None:
        """Nothing is written of every step."""

    def trained(self, state: RunState, point: LossPoint) -> None:
        """Write a point of the training loss, and the speed so far."""
        self._writer.add_scalar("loss/training", point.loss, point.step)
        speed = state.tokens / max(state.training_seconds, 1e-9)
        self._writer.add_scalar("speed/tokens_per_second", speed, point.step)

    def validated(self, _state: RunState, point: LossPoint) -> None:
        """Write a validation loss, for which all before it is flushed."""
        self._writer.add_scalar("loss/validation", point.loss, point.step)
        self._writer.flush()
