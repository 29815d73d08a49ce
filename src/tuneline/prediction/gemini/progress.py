"""How far asking has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any, Self

from tqdm import tqdm

if TYPE_CHECKING:
    from types import TracebackType

logger = logging.getLogger("tuneline")

_LINE_EVERY_S = 30.0


class Progress:
    """Counts answers.

    Args:
        name: What is asked for, for the messages.
        total: How many there will be.
        done: How many there are already.
    """

    def __init__(self, name: str, total: int, done: int) -> None:
        on_terminal = sys.stderr.isatty()
        self._name = name
        self._bar: tqdm[Any] = tqdm(
            total=total, initial=done, desc=f"predict {name}", disable=not on_terminal
        )
        self._silent = on_terminal
        self._total = total
        self._done = done
        self._said_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def add(self) -> None:
        """Count one more answer."""
        self._done += 1
        self._bar.update()
        now = time.monotonic()
        if not self._silent and now - self._said_at >= _LINE_EVERY_S:
            self._said_at = now
            logger.info("predict: %s: %d of %d answered", self._name, self._done, self._total)
