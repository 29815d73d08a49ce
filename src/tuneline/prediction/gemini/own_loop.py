"""Runs asynchronous work for callers that are not, and ends it quickly when they are ended."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

Result = TypeVar("Result")

_TERMINATED = 128 + signal.SIGTERM


def run_in_own_loop(work: Callable[[], Awaitable[Result]]) -> Result:
    """Run work to its end in a loop of its own, in a thread of its own.

    So it also runs where the caller has a loop, as notebooks do. Ctrl-C and SIGTERM cancel the work
    and are raised here: as ``KeyboardInterrupt``, and as ``SystemExit`` with code 143, so that the
    caller's own clean-up runs.
    """
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Result]]] = Future()

    async def main() -> Result:
        task = asyncio.current_task()
        started.set_result((asyncio.get_running_loop(), task))  # type: ignore[arg-type]
        return await work()

    with ThreadPoolExecutor(1, "asking") as pool, _termination_raised():
        running = pool.submit(lambda: asyncio.run(main()))
        try:
            return running.result()
        except BaseException:
            if not running.done():
                loop, task = started.result()
                loop.call_soon_threadsafe(task.cancel)
            raise


@contextmanager
def _termination_raised() -> Iterator[None]:
    """Turn SIGTERM into an exception; only the main thread can, and only it is told."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
