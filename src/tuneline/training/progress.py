"""Progress of a run: a bar on a terminal, a log line elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from tuneline.training.result import LossPoint
    from tuneline.training.state import RunState

logger = logging.getLogger("tuneline")

_SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Shows steps, losses and speed as they come.

    Args:
        state: Where the run stands.
    """

    def __init__(self, state: RunState) -> None:
        self._bar: tqdm[Any] = tqdm(
            total=state.steps,
            initial=state.step,
            desc="tune",
            unit="step",
            disable=not sys.stderr.isatty(),
        )
        self._last_line_s = 0.0
        self._newest: dict[str, str] = {}

    def stepped(self, state: RunState) -> None:
        """Move the bar by one step."""
        self._bar.update()
        if state.finished:
            self._bar.close()

    def trained(self, state: RunState, point: LossPoint) -> None:
        """Show a training loss; in a log, not more often than a person reads."""
        due = time.monotonic() - self._last_line_s > _SECONDS_BETWEEN_LINES
        self._show("loss", state, point, in_log=due)

    def validated(self, state: RunState, point: LossPoint) -> None:
        """Show a validation loss."""
        self._show("validation loss", state, point, in_log=True)

    def _show(self, name: str, state: RunState, point: LossPoint, *, in_log: bool) -> None:
        self._newest[name] = f"{name} {point.loss:.4f}"
        losses = ", ".join(self._newest.values())
        if not self._bar.disable:
            self._bar.set_postfix_str(losses)
        elif in_log:
            self._last_line_s = time.monotonic()
            speed = state.tokens / max(state.training_seconds, 1e-9)
            logger.info(
                "tune: step %d of %d, %s, %.0f tokens/s", state.step, state.steps, losses, speed
            )
