"""Many slow calls at once, never more than a bound, until a deadline.

The threads are daemons: a call that hangs does not keep the process alive after the deadline.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from tuneline.errors import TunelineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

_Outcome = tuple[Item, "Future[Result]"]


class DeadlineError(Exception):
    """The deadline passed before every item was done."""


def each(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    concurrency: int,
    deadline_s: float,
) -> Iterator[tuple[Item, Result | TunelineError]]:
    """Call ``function`` with every item; items are taken only as calls end.

    Args:
        function: May run in several threads at once.
        items: What to call it with.
        concurrency: Calls at one time at most.
        deadline_s: Seconds for all of them.

    Yields:
        Each item as its call ends, with the result or the project's own error that it raised.

    Raises:
        DeadlineError: The deadline passed.
    """
    end = time.monotonic() + deadline_s
    given: SimpleQueue[Item | None] = SimpleQueue()
    done: SimpleQueue[_Outcome[Item, Result]] = SimpleQueue()
    left = iter(items)
    running = 0
    with _threads(function, given, done) as start_thread:
        while True:
            while running < concurrency and (item := next(left, None)) is not None:
                given.put(item)
                running += 1
                start_thread(running)
            if not running:
                return
            try:
                item, outcome = done.get(timeout=max(end - time.monotonic(), 0))
            except Empty:
                raise DeadlineError from None
            running -= 1
            yield item, _result(outcome)


def _result(outcome: Future[Any]) -> Any:
    try:
        return outcome.result()
    except TunelineError as error:
        return error


@contextmanager
def _threads(
    function: Callable[[Item], Result],
    given: SimpleQueue[Item | None],
    done: SimpleQueue[_Outcome[Item, Result]],
) -> Iterator[Callable[[int], None]]:
    """Yield what starts one more thread if there are fewer than wanted; all end with the block."""
    threads: list[threading.Thread] = []

    def start_thread(wanted: int) -> None:
        if len(threads) < wanted:
            thread = threading.Thread(target=_work, args=(function, given, done), daemon=True)
            threads.append(thread)
            thread.start()

    try:
        yield start_thread
    finally:
        for _ in threads:
            given.put(None)


def _work(
    function: Callable[[Item], Result],
    given: SimpleQueue[Item | None],
    done: SimpleQueue[_Outcome[Item, Result]],
) -> None:
    while (item := given.get()) is not None:
        outcome: Future[Result] = Future()
        try:
            outcome.set_result(function(item))
        except BaseException as error:  # noqa: BLE001 - raised again where the results are read
            outcome.set_exception(error)
        done.put((item, outcome))
