"""Writing beside the work that feeds it, where there is a core for it."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

_AHEAD = 8
"""Calls that may wait, so that few batches are held."""


class Background:
    """Does calls one after another: in a thread, which compressing leaves free, or at once.

    Args:
        threaded: Whether there is a core for the thread.
    """

    def __init__(self, *, threaded: bool) -> None:
        self._pool = ThreadPoolExecutor(1) if threaded else None
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def call(self, function: Callable[..., None], *arguments: object) -> None:
        """Do a call, or have it done soon; raises what an earlier one raised."""
        if self._pool is None:
            function(*arguments)
            return
        self._waiting.append(self._pool.submit(function, *arguments))
        while len(self._waiting) > _AHEAD:
            self._waiting.popleft().result()

    def finish(self) -> None:
        """Wait for all calls; raises what one of them raised."""
        while self._waiting:
            self._waiting.popleft().result()
