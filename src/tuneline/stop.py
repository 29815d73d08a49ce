"""Signals that ask work to stop: it ends at the next point where it can end well."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""What container engines, spot machines, Ctrl-C, lost terminals and Slurm send."""

TERMINATED = 128 + signal.SIGTERM
"""Exit code of a process that SIGTERM ended."""

_SLICE_S = 0.1
_OF_TERMINALS = (signal.SIGINT, signal.SIGHUP)


def signals_heard() -> list[signal.Signals]:
    """The signals that ask to stop.

    Those that a terminal sends stay ignored where they are: under nohup, and in the background of
    a script.
    """
    ignored = {number for number in _OF_TERMINALS if signal.getsignal(number) is signal.SIG_IGN}
    return [number for number in _ASKING if number not in ignored]


class StopRequest:
    """Whether a signal asked to stop, and which; 0: none.

    Attributes:
        signal: Its number.
        interruptible: Whether a second Ctrl-C interrupts at once.
    """

    def __init__(self) -> None:
        self.signal = 0
        self.interruptible = True

    def __bool__(self) -> bool:
        return self.signal > 0

    def sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until the signal comes."""
        end = time.monotonic() + seconds
        while not self and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _SLICE_S))


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Note the first signal that asks to stop; a second Ctrl-C interrupts at once.

    Outside of the block such a signal ends the process as ever: every file is whole or absent, so
    nothing is lost but the work since the last one. In a thread that is not the main one
    signals cannot be noted, and end the process.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, _frame: FrameType | None) -> None:
        if request and request.interruptible and number == signal.SIGINT:
            raise KeyboardInterrupt
        request.signal = number

    before = {number: signal.signal(number, note) for number in signals_heard()}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def termination_raised() -> Iterator[None]:
    """Turn SIGTERM into `SystemExit`; only the main thread can, and only it is told."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
