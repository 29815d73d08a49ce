"""Ends a run that nobody follows any more, so that it holds no devices for nothing.

Who starts a run elsewhere and follows it may be killed before it can end the run. So it renews a
lease while it follows: a file whose content is another at every look. A run that is told of such
a file, and does not see it change for long, stops as on SIGTERM.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tuneline.errors import MachineError
from tuneline.files import write_text
from tuneline.stop import TERMINATED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger("tuneline")

FOLLOWED = "TUNELINE_FOLLOWED"
"""Environment variable: the file that whoever follows the run renews; none: the run just goes on.

Beside it, with the suffix ``.left``, is the content at which a run gave up. Where a cluster
starts the run again and the content is still that one, nobody came back.
"""

LONGEST_S = 3600.0
"""Longest time without renewal. Whoever follows rides out failures of the cluster for up to 10
minutes at each of its calls, and a task that failed is started again after that."""

_RETURN_S = 120.0
"""The same for a run that was left before; a network's file system shows changes with a delay."""

_LOOK_S = 30.0
_GRACE_S = 300.0
"""Longest wait for a process that was asked to stop. The first program of a container is not ended
by a signal that it sends itself and does not listen to, as while it waits for other nodes."""


class Renewal:
    """Renews a lease; each content is another, whoever else renews the same one.

    Args:
        path: The file, which the run sees too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._whose = uuid.uuid4().hex
        self._count = 0
        self._problem = ""

    def renew(self) -> None:
        """Write the next number; where that fails, it is told, and the run may end of it."""
        self._count += 1
        try:
            write_text(self._path, f"{self._count} {self._whose}\n")
        except MachineError as error:
            if str(error) != self._problem:
                logger.warning("tune: %s Nodes that see no renewal for long stop.", error)
            self._problem = str(error)
        else:
            self._problem = ""


@contextmanager
def while_followed(
    environment: Mapping[str, str],
    *,
    longest_s: float = LONGEST_S,
    return_s: float = _RETURN_S,
    look_s: float = _LOOK_S,
    grace_s: float = _GRACE_S,
) -> Iterator[None]:
    """Within the block, send SIGTERM to this process where nobody follows it any more.

    One process of a machine does it: further ones that torchrun started do not.

    Args:
        environment: Environment variables; without `FOLLOWED` nothing is done.
        longest_s: Seconds without renewal after which the process is to stop.
        return_s: The same where an earlier run stopped at the content that is still there.
        look_s: Seconds between two looks.
        grace_s: Seconds after SIGTERM after which the process ends all the same.
    """
    path = environment.get(FOLLOWED, "")
    if not path or environment.get("LOCAL_RANK", "0") != "0":
        yield
        return
    over = threading.Event()
    lease = _Lease(Path(path), longest_s, return_s)
    thread = threading.Thread(
        target=_watch, args=(lease, over, look_s, grace_s), name="lease", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()


class _Lease:
    """What is seen of a lease, by this machine's monotonic clock.

    Args:
        path: The file that is renewed.
        longest_s: Seconds without renewal after which it is stale.
        return_s: The same where it was stale for an earlier run.
    """

    def __init__(self, path: Path, longest_s: float, return_s: float) -> None:
        self.path = path
        self.allowed_s = longest_s
        self._longest_s = longest_s
        self._left = path.with_name(f"{path.name}.left")
        self._seen = _content(path)
        self._changed = time.monotonic()
        if self._left.is_file() and _content(self._left) == self._seen:
            self.allowed_s = min(return_s, longest_s)

    def is_stale(self) -> bool:
        """Look at the file; whether it has not changed for too long."""
        now, content = time.monotonic(), _content(self.path)
        if content not in ("", self._seen):
            self._seen, self._changed, self.allowed_s = content, now, self._longest_s
        return now - self._changed > self.allowed_s

    def leave(self) -> None:
        """Tell the next run of this place at which content this one gave up."""
        try:
            write_text(self._left, self._seen)
        except MachineError as error:
            logger.warning("tune: %s", error)


def _watch(lease: _Lease, over: threading.Event, look_s: float, grace_s: float) -> None:
    while not lease.is_stale():
        if over.wait(look_s):
            return
    logger.warning(
        "tune: nobody follows this run: %s has not changed for %.0f minutes. Stopping as on "
        "SIGTERM; the same run goes on from its newest checkpoint.",
        lease.path,
        lease.allowed_s / 60,
    )
    lease.leave()
    os.kill(os.getpid(), signal.SIGTERM)
    if not over.wait(grace_s):
        logger.warning("tune: not stopped %.0f s after SIGTERM: ending at once", grace_s)
        os._exit(TERMINATED)


def _content(path: Path) -> str:
    """What the file holds; empty where it cannot be read, which is no renewal."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
