"""Signals that ask a run to stop: it ends at the next step, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""What container engines, spot machines, Ctrl-C, lost terminals and Slurm send."""

_OF_TERMINALS = (signal.SIGINT, signal.SIGHUP)


def signals_heard() -> list[signal.Signals]:
    """The signals that ask to stop.

    Those that a terminal sends stay ignored where they are: under nohup, and in the background of
    a script.
    """
    ignored = {number for number in _OF_TERMINALS if signal.getsignal(number) is signal.SIG_IGN}
    return [number for number in _ASKING if number not in ignored]


class StopRequest:
    """Whether a signal asked to stop, and which; 0: none."""

    def __init__(self) -> None:
        self.signal = 0

    def __bool__(self) -> bool:
        return self.signal > 0


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Note the first signal that asks to stop; a second Ctrl-C interrupts at once.

    Outside of the block such a signal ends the process as ever: every file is whole or absent, so
    nothing is lost but the time since the last checkpoint. In a thread that is not the main one
    signals cannot be noted, and end the process.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, _frame: FrameType | None) -> None:
        if request and number == signal.SIGINT:
            raise KeyboardInterrupt
        request.signal = number

    before = {number: signal.signal(number, note) for number in signals_heard()}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
