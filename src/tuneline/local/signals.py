"""Signals to a run, passed on to the task at work, which knows how to end well."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tuneline.stop import signals_heard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from tuneline.local.tasks import Tasks
    from tuneline.stop import StopRequest


@contextmanager
def passed_on(stop: StopRequest, tasks: Tasks) -> Iterator[None]:
    """Note a signal that asks to stop and pass it on, while kfp's runner waits for its task.

    The task writes its checkpoint, or cancels what it started elsewhere, and fails; that ends the
    run. Where no task is at work, the signal ends the run at once. Only the main thread can do so.

    Args:
        stop: Where the signal is noted.
        tasks: What knows the task at work.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, _frame: FrameType | None) -> None:
        stop.signal = number
        if not tasks.pass_on(number):
            raise KeyboardInterrupt

    before = {number: signal.signal(number, note) for number in signals_heard()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
