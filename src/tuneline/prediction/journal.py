"""What was answered already, so that no answer of a paid service is ever paid for twice.

A journal is a folder or a prefix in a store. Every run adds files of its own and changes none of
the others', so several processes may share one; each sees what was there when it opened it.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import orjson

from tuneline.prediction.journal_places import JournalFolder, JournalStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

logger = logging.getLogger("tuneline")


class _Place(Protocol):
    """Where the lines are kept."""

    def files(self) -> Iterable[tuple[str, bytes]]:
        """Name and content of every file that is there."""

    def write(self, line: bytes) -> None:
        """Keep a line, which ends with a line feed."""

    def flush(self) -> None:
        """Bring to safety what is not there yet."""


class Journal:
    """Answers by the key of their request; append-only, safe against a kill at any moment.

    In a folder every answer is on the disk before `add` returns, so a kill loses none. In a store
    (``gs://``, ``s3://``, any URI of fsspec) answers are gathered into small objects: a kill loses
    at most the ``flush_every`` answers, or those of the ``flush_after_s`` seconds, that were
    gathered last; they are then asked for again.

    A line that is cut off or does not match its own checksum is counted, logged and not believed.

    Args:
        place: Folder, or URI of a prefix; made where it is missing.
        flush_every: Most answers that a store waits for; not read for a folder.
        flush_after_s: Longest time in seconds that an answer waits, likewise.

    Raises:
        ConfigurationError: The URI's filesystem is not known or not installed.
        MachineError: The folder cannot be read or written.
        ServiceError: The store cannot be read.
    """

    def __init__(
        self, place: str | Path, *, flush_every: int = 50, flush_after_s: float = 30.0
    ) -> None:
        self.place = str(place)
        uri = self.place.removeprefix("file://")
        self._place: _Place = (
            JournalStore(uri, flush_every=flush_every, flush_after_s=flush_after_s)
            if "://" in uri
            else JournalFolder(Path(uri).expanduser())
        )
        self._lock = threading.Lock()
        self._answers: dict[str, dict[str, Any]] = {}
        self._read()

    def __len__(self) -> int:
        return len(self._answers)

    def __contains__(self, key: str) -> bool:
        return key in self._answers

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._answers[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()

    def add(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer: what can be written as JSON. The first one of a key stays.

        Raises:
            MachineError: The folder cannot be written.
            ServiceError: The store cannot be written; the answers are kept for the next flush.
        """
        with self._lock:
            if key in self._answers:
                return
            self._answers[key] = answer
            line = {"key": key, "answer": answer, "check": _check(key, answer)}
            self._place.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Bring every answer to safety; call it at the end.

        Raises:
            ServiceError: The store cannot be written.
        """
        with self._lock:
            self._place.flush()

    def _read(self) -> None:
        cut_off = corrupt = 0
        for name, content in self._place.files():
            *lines, rest = content.split(b"\n")
            cut_off += bool(rest)
            wrong = sum(not self._believe(line) for line in lines)
            corrupt += wrong
            if wrong:
                logger.warning(
                    "journal: %s: %d corrupt lines are not believed; what they answered is asked "
                    "for again",
                    name,
                    wrong,
                )
        if cut_off:
            logger.warning(
                "journal: %s: %d answers were cut off while they were written; they are asked for "
                "again",
                self.place,
                cut_off,
            )
        if self._answers:
            logger.info("journal: %s: %d answers are there", self.place, len(self._answers))

    def _believe(self, line: bytes) -> bool:
        """Take what a line says; False where it is not what was written."""
        try:
            said = orjson.loads(line)
            key, answer = said["key"], said["answer"]
            if said["check"] != _check(key, answer):
                return False
        except (ValueError, TypeError, KeyError):
            return False
        self._answers.setdefault(key, answer)
        return True


def request_key(request: Mapping[str, Any]) -> str:
    """SHA-256 of a request, 64 hexadecimal digits; the order of its keys does not count.

    Args:
        request: Everything that the answer depends on, as far as it can be written as JSON: the
            model, the endpoint, the contents, the generation settings and the sample's number.
    """
    content = orjson.dumps(request, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()


def _check(key: str, answer: dict[str, Any]) -> str:
    return request_key({"key": key, "answer": answer})[:16]
