"""SQLite behind its authoriser: nothing but reading this one file."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from tuneline.evaluation.databases.result import Failure, Result
from tuneline.evaluation.databases.values import TooLargeError, fetch

if TYPE_CHECKING:
    from pathlib import Path

_STEPS_BETWEEN_LOOKS = 10_000
_LENGTH = 1_000_000  # bytes of a text, blob, row or query
_PATTERN_LENGTH = 1000  # of LIKE and GLOB
_ALLOWED = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}
_FORBIDDEN_FUNCTIONS = {
    "edit",
    "eval",
    "fts3_tokenizer",
    "load_extension",
    "readfile",
    "sqlite_compileoption_get",
    "writefile",
}
_FAILURE_BY_CODE: dict[int | None, Failure] = {
    sqlite3.SQLITE_AUTH: "forbidden",
    sqlite3.SQLITE_INTERRUPT: "timeout",
    sqlite3.SQLITE_PERM: "forbidden",
    sqlite3.SQLITE_READONLY: "forbidden",
}
_FAILURE_BY_WORDS: dict[str, Failure] = {  # these have no code of their own
    "not authorized": "forbidden",
    "authorization denied": "forbidden",
    "You can only execute one statement at a time": "forbidden",
    "incomplete input": "syntax",
    "unrecognized token": "syntax",
}


class SqliteEngine:
    """One SQLite file, opened for reading.

    Args:
        path: The file.
        timeout_s: Seconds that a query may take.

    Raises:
        sqlite3.Error: It cannot be opened.
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._deadline = float("inf")
        name = f"file:{quote(str(path))}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(name, uri=True, isolation_level=None)
        self._connection.text_factory = _text
        for statement in ("query_only=1", "temp_store=MEMORY", "trusted_schema=OFF"):
            self._connection.execute(f"PRAGMA {statement}")
        for kind, limit in (
            (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
            (sqlite3.SQLITE_LIMIT_LENGTH, _LENGTH),
            (sqlite3.SQLITE_LIMIT_SQL_LENGTH, _LENGTH),
            (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _PATTERN_LENGTH),
        ):
            self._connection.setlimit(kind, limit)
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        self._connection.set_authorizer(_authorise)
        self._connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_LOOKS)

    def run(self, sql: str) -> Result:
        """The result of one query."""
        self._deadline = time.monotonic() + self._timeout_s
        try:
            cursor = self._connection.execute(sql)
            if cursor.description is None:
                return Result.failed("syntax", "there is no query")
            columns = tuple(column[0] for column in cursor.description)
            return Result(columns, fetch(cursor))
        except TooLargeError as error:
            return Result.failed("error", str(error))
        except (MemoryError, OverflowError, sqlite3.Error, sqlite3.Warning) as error:
            return _failed(error)

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline


def _authorise(
    action: int, first: str | None, second: str | None, database: str | None, trigger: str | None
) -> int:
    del first, database, trigger
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FORBIDDEN_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _failed(error: BaseException) -> Result:
    message = str(error) or type(error).__name__
    failure = _FAILURE_BY_CODE.get(getattr(error, "sqlite_errorcode", None))
    for words, meaning in _FAILURE_BY_WORDS.items():
        if message.startswith(words):
            failure = meaning
    if message.endswith("syntax error"):
        failure = "syntax"
    return Result.failed(failure or "error", message)


def _text(content: bytes) -> str:
    return content.decode(errors="replace")
