"""Runs asynchronous work for callers that are not, and ends it quickly when they are ended."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from tuneline.stop import termination_raised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Result = TypeVar("Result")


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

    with ThreadPoolExecutor(1, "asking") as pool, termination_raised():
        running = pool.submit(lambda: asyncio.run(main()))
        try:
            return running.result()
        except BaseException:
            if not running.done():
                loop, task = started.result()
                loop.call_soon_threadsafe(task.cancel)
            raise
