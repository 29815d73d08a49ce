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
_SHOWN = {"loss": "loss", "eval_loss": "validation loss"}


class Progress(TrainerCallback):  # type: ignore[misc]
    """Reports steps and losses as they come, and stops a run whose loss is no number."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None
        self._last_line_s = 0.0
        self._newest: dict[str, str] = {}

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
        new = {key: name for key, name in _SHOWN.items() if key in logs}
        for key, name in new.items():
            if not math.isfinite(logs[key]):
                raise MachineError(
                    f"The {name} is no number at step {state.global_step}. Lower learning_rate "
                    f"(it was {args.learning_rate:g}) and run again."
                )
            self._newest[key] = f"{name} {logs[key]:.4f}"
        losses_so_far = ", ".join(self._newest.values())
        due = time.monotonic() - self._last_line_s > _SECONDS_BETWEEN_LINES
        if self._bar is not None:
            self._bar.set_postfix_str(losses_so_far)
        elif "eval_loss" in new or (new and due):
            self._last_line_s = time.monotonic()
            logger.info(
                "tune: step %d of %d, %s", state.global_step, state.max_steps, losses_so_far
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
