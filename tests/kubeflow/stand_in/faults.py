"""Failures that a test plants, for calls that come later."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Fault:
    """What goes wrong with one call of a method.

    Attributes:
        method: Such as ``CreateRun``; ``*``: any.
        kind: ``status`` refuses; ``drop_before`` closes the connection and does no work;
            ``drop_after`` does the work and closes the connection; ``late`` closes it and does the
            work later; ``slow`` waits before the work; ``broken`` does the work and cuts the JSON
            off; ``page`` answers with a page of HTML and does no work.
        status: HTTP status of a refusal.
        message: Its words.
        seconds: How much later, or how long it waits.
        after: Calls of the method that go well before.
    """

    method: str
    kind: Literal["status", "drop_before", "drop_after", "late", "slow", "broken", "page"]
    status: int = 503
    message: str = ""
    seconds: float = 0.0
    after: int = 0


_lock = threading.Lock()


def next_fault(faults: list[Fault], method: str) -> Fault | None:
    """Take the first fault of a method; one that lets calls pass is counted down instead."""
    with _lock:
        for fault in faults:
            if fault.method not in (method, "*"):
                continue
            if fault.after:
                fault.after -= 1
                return None
            faults.remove(fault)
            return fault
    return None
