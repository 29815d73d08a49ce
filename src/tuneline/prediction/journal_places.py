"""Where a journal's lines are kept: a folder of this machine, or objects in a store."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError, ServiceError
from tuneline.files import machine_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger("tuneline")

_SUFFIX = ".jsonl"


def _new_name() -> str:
    """A file's name that no other process takes, in the order of time."""
    return f"{time.time_ns():020d}-{socket.gethostname()}-{secrets.token_hex(4)}{_SUFFIX}"


class JournalFolder:
    """One file for each process; a line is on the disk before `write` returns.

    Raises:
        MachineError: The folder cannot be made, read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: int | None = None
        with machine_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def __del__(self) -> None:
        self._close()

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of every file that is there."""
        with machine_errors(self._folder):
            for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
                yield str(path), path.read_bytes()

    def write(self, line: bytes) -> None:
        """Keep a line."""
        with machine_errors(self._folder):
            file = self._open() if self._file is None else self._file
            try:
                left = memoryview(line)
                while left:
                    left = left[os.write(file, left) :]
                os.fsync(file)
            except OSError:
                # Behind half a line the next one could not be read.
                self._close()
                raise

    def flush(self) -> None:
        """Nothing is left to do: every line was flushed."""

    def _open(self) -> int:
        path = self._folder / _new_name()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o666)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # else the file's name could be lost with the machine's power
        finally:
            os.close(folder)
        return self._file

    def _close(self) -> None:
        file, self._file = getattr(self, "_file", None), None
        if file is not None:
            os.close(file)


class JournalStore:
    """Small objects of many lines each, written when enough lines or enough seconds came together.

    Args:
        uri: Prefix in a store.
        flush_every: Most lines that wait.
        flush_after_s: Longest time that a line waits, in seconds.

    Raises:
        ConfigurationError: The URI's filesystem is not known or not installed.
        ServiceError: The store cannot be read or written.
    """

    def __init__(self, uri: str, *, flush_every: int, flush_after_s: float) -> None:
        self._uri = uri.rstrip("/")
        self._filesystem, self._root = _filesystem(self._uri)
        self._flush_every = flush_every
        self._flush_after_s = flush_after_s
        self._lock = threading.RLock()
        self._waiting: list[bytes] = []
        self._timer: threading.Timer | None = None

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of every object that is there."""
        try:
            self._filesystem.invalidate_cache()
            paths = [path for path in self._filesystem.find(self._root) if path.endswith(_SUFFIX)]
            contents: dict[str, bytes] = self._filesystem.cat(paths) if paths else {}
        except FileNotFoundError:
            return
        except Exception as error:  # every filesystem raises its own types
            raise ServiceError(f"{self._uri}: the journal cannot be read ({error}).") from error
        yield from sorted(contents.items())

    def write(self, line: bytes) -> None:
        """Keep a line, in memory at first."""
        with self._lock:
            self._waiting.append(line)
            if len(self._waiting) >= self._flush_every:
                self.flush()
            elif self._timer is None:
                self._timer = threading.Timer(self._flush_after_s, self._flush_in_time)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write the lines that wait as one object; where that fails they go on waiting."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not self._waiting:
                return
            path = f"{self._root}/{_new_name()}"
            try:
                self._filesystem.pipe_file(path, b"".join(self._waiting))
            except Exception as error:  # every filesystem raises its own types
                raise ServiceError(
                    f"{self._uri}: {len(self._waiting)} answers cannot be written to the journal "
                    f"({error}). Check the URI and your rights."
                ) from error
            self._waiting.clear()

    def _flush_in_time(self) -> None:
        try:
            self.flush()
        except ServiceError as error:
            # Nobody waits for this thread; the next flush of the run raises it where it is heard.
            logger.warning("journal: %s", error)


def _filesystem(uri: str) -> tuple[Any, str]:
    import fsspec

    try:
        filesystem, root = fsspec.core.url_to_fs(uri)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(
            f"journal: {uri}: its filesystem cannot be opened ({error}). Give a folder, or install "
            "the extra for this kind of URI, such as tuneline[gcs]."
        ) from error
    return filesystem, root
