"""Failures that a test plants, for calls that come later."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Fault:
    """What goes wrong with one call of a method.

    Attributes:
        method: Such as ``CreateTuningJob`` or ``GenerateContent``.
        kind: ``status`` refuses; ``drop_before`` closes the connection and does no work;
            ``drop_after`` does the work and closes the connection; ``delay`` waits before the work.
        status: HTTP status of a refusal.
        message: Its words.
        retry_after: Its header of that name; empty: none.
        seconds: How long a delay is.
        after: Calls of the method that go well before.
    """

    method: str
    kind: Literal["status", "drop_before", "drop_after", "delay"]
    status: int = 429
    message: str = ""
    retry_after: str = ""
    seconds: float = 0.0
    after: int = 0


class DroppedError(Exception):
    """The connection is to be closed without an answer."""


_lock = threading.Lock()


def next_fault(faults: deque[Fault], method: str) -> Fault | None:
    """Take the first fault of a method; one that lets calls pass is counted down instead."""
    with _lock:
        for fault in faults:
            if fault.method != method:
                continue
            if fault.after:
                fault.after -= 1
                return None
            faults.remove(fault)
            return fault
    return None
