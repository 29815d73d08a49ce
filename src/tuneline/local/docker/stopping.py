"""A container that is asked to stop while the main thread reads its log."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Literal

from tuneline.errors import MachineError
from tuneline.local.docker.engine import connect, engine_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger("tuneline")

_GRACE_S = 60.0
"""How long a task may take to write its checkpoint, or to cancel what it started elsewhere."""

_FIRST_WORDS_S = 0.5
"""A container's first process hears no signal before it has said which ones it takes."""

_AGAIN_S = 0.2
_LAST_WORDS_S = 5.0

_Word = Literal["stop", "end"]


class Stopping:
    """Passes the wish to stop on to the container at work, from a thread of its own.

    A signal's handler may come in the middle of anything that the main thread does, so that it
    can neither ask the engine nor take a lock: it puts the wish into a queue that allows that.

    Args:
        grace_s: Seconds between SIGTERM and SIGKILL; a second wish ends them.

    Attributes:
        wished: Whether the container at work was asked to stop.
    """

    def __init__(self, grace_s: float = _GRACE_S) -> None:
        self._grace_s = grace_s
        self._wishes: SimpleQueue[_Word] = SimpleQueue()
        self._container = ""
        self._heard_from = 0.0
        self.wished = False

    @property
    def at_work(self) -> bool:
        """Whether there is a container that the wish can be passed on to."""
        return bool(self._container)

    def wish(self) -> None:
        """Ask the container at work to stop; a signal's handler may call it."""
        self.wished = True
        self._wishes.put("stop")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Pass wishes on for the length of the block."""
        thread = threading.Thread(target=self._pass_on, name="tuneline-stopping", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._wishes.put("end")
            thread.join(_LAST_WORDS_S)

    @contextmanager
    def reaching(self, container: str) -> Iterator[None]:
        """Name the container at work, before it is made: no moment is left without."""
        self._heard_from = 0.0
        self._container = container
        try:
            yield
        finally:
            self._container = ""

    def started(self) -> None:
        """Say that the container runs now."""
        self._heard_from = time.monotonic() + _FIRST_WORDS_S

    def _pass_on(self) -> None:
        if self._wishes.get() == "end":
            return
        try:
            self._send("SIGTERM")
            word: _Word
            try:
                word = self._wishes.get(timeout=self._grace_s)
            except Empty:
                word = "stop"
            if word == "stop":
                self._send("SIGKILL")
        except MachineError as error:
            logger.warning("The container at work could not be asked to stop: %s", error)

    def _send(self, signal_name: str) -> None:
        """Send a signal to the container, once it runs and for as long as it is at work."""
        from docker.errors import APIError

        client = connect()
        with engine_errors():
            while container := self._container:
                if not self._heard_from or time.monotonic() < self._heard_from:
                    time.sleep(_AGAIN_S)
                    continue
                try:
                    client.api.kill(container, signal_name)
                except APIError as error:
                    if not error.is_client_error():
                        raise
                    time.sleep(_AGAIN_S)  # it has just ended, and is about to be put away
                else:
                    break
        client.close()
