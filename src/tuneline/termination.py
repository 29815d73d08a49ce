"""SIGTERM as an exception, so that whoever is at work can clean up."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TERMINATED = 128 + signal.SIGTERM
"""Exit code of a process that SIGTERM ended."""


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
