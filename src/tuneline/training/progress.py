"""Progress of a run: a bar on a terminal, a log line elsewhere, and the losses for the curves."""

from __future__ import annotations

import logging
import math
import sys
import time
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback

from tuneline.errors import MachineError
from tuneline.training.result import LossPoint

logger = logging.getLogger("tuneline")

_SECONDS_BETWEEN_LINES = 5.0


class Progress(TrainerCallback):  # type: ignore[misc]
    """Reports steps and losses as they come, and stops a run whose loss is no number."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._last_line_s = 0.0
        self._loss = math.nan

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        """Start the bar, at the step that a resumed run continues from."""
        if sys.stderr.isatty():
            self._bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc="tune", unit="step"
            )
        elif state.global_step:
            logger.info("tune: resumed at step %d of %d", state.global_step, state.max_steps)

    def on_log(
        self, args: Any, state: Any, _control: Any, logs: dict[str, float], **_: Any
    ) -> None:
        """Show the newest losses."""
        if "loss" in logs:
            self._loss = logs["loss"]
        if not math.isfinite(logs.get("loss", 0.0)) or not math.isfinite(logs.get("eval_loss", 0)):
            raise MachineError(
                f"The loss is no number at step {state.global_step}. Lower learning_rate "
                f"(it was {args.learning_rate:g}) and run again."
            )
        validation = f", validation loss {logs['eval_loss']:.4f}" if "eval_loss" in logs else ""
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {self._loss:.4f}{validation}")
        elif validation or time.monotonic() - self._last_line_s > _SECONDS_BETWEEN_LINES:
            self._last_line_s = time.monotonic()
            logger.info(
                "tune: step %d of %d, loss %.4f%s",
                state.global_step,
                state.max_steps,
                self._loss,
                validation,
            )

    def on_step_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Move the bar by one step."""
        if self._bar is not None:
            self._bar.update()

    def on_train_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()


def losses(history: list[dict[str, float]], key: str) -> list[LossPoint]:
    """Take one loss (``loss`` or ``eval_loss``) out of the trainer's log history."""
    return [
        LossPoint(step=int(entry["step"]), epoch=float(entry["epoch"]), loss=float(entry[key]))
        for entry in history
        if key in entry
    ]
