"""Signals to a run, passed on to the task at work, which knows how to end well."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from tuneline.stop import StopRequest, signals_heard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextmanager
def passed_on() -> Iterator[StopRequest]:
    """Note a signal that asks to stop and pass it on, while kfp's runner waits for its task.

    The task writes its checkpoint, or cancels what it started elsewhere, and fails; that ends the
    run. Where no task is at work, the signal ends the run at once. Only the main thread can do so.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, _frame: FrameType | None) -> None:
        stop.signal = number
        tasks = psutil.Process().children()
        if not tasks:
            raise KeyboardInterrupt
        # A terminal sends Ctrl-C to all processes by itself, and twice would mean at once.
        if number == signal.SIGINT and sys.stdin.isatty():
            return
        for task in tasks:
            task.send_signal(signal.SIGTERM)

    before = {number: signal.signal(number, note) for number in signals_heard()}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
