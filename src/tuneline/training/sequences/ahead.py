"""Makes what the next steps need while this one runs."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Made = TypeVar("Made")


class Ahead(Generic[Made]):
    """Makes one thing for each step, some of them before they are asked for.

    Args:
        make: Makes what a step needs; may be called in other threads.
        ahead: Steps that are made before they are asked for; 0: none, and no thread.
        steps: Steps in all.
    """

    def __init__(self, make: Callable[[int], Made], ahead: int, steps: int) -> None:
        self._make = make
        self._ahead = ahead
        self._steps = steps
        self._making: dict[int, Future[Made]] = {}
        self._threads = (
            ThreadPoolExecutor(max_workers=ahead, thread_name_prefix="batches") if ahead else None
        )

    def get(self, step: int) -> Made:
        """What a step needs."""
        if self._threads is None:
            return self._make(step)
        for later in range(step, min(step + self._ahead + 1, self._steps)):
            if later not in self._making:
                self._making[later] = self._threads.submit(self._make, later)
        return self._making.pop(step).result()

    def forget(self) -> None:
        """Throw away what was made: it would be made otherwise now."""
        for made in self._making.values():
            made.cancel()
        self._making.clear()
