"""A user's database: a SQLite or DuckDB file that is only ever read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import weakref
from collections import OrderedDict
from functools import lru_cache
from threading import RLock
from typing import TYPE_CHECKING, Literal, NoReturn

from tuneline.errors import DataError, MachineError
from tuneline.evaluation.databases.frames import receive, send
from tuneline.evaluation.databases.result import Result

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["sqlite", "duckdb"]

MAX_QUERY = 100_000
"""Characters of a query; a longer one fails."""

_REMEMBERED_CELLS = 1_000_000
_SQLITE_MAGIC = b"SQLite format 3\0"
_DUCKDB_MAGIC, _DUCKDB_MAGIC_AT = b"DUCK", 8
_LOG_SUFFIX: dict[Kind, str] = {"sqlite": "-wal", "duckdb": ".wal"}


class Database:
    """An open database. It stays in this process: other processes open the path themselves.

    Queries run in a worker process, one at a time. Results are remembered by the query's text.

    Args:
        path: The file.
        kind: Its engine.
        timeout_s: Seconds that a query may take.
    """

    def __init__(self, path: Path, kind: Kind, timeout_s: float) -> None:
        self.path = path
        self.kind = kind
        self._timeout_s = timeout_s
        self._lock = RLock()
        self._results: OrderedDict[str, Result] = OrderedDict()
        self._cells = 0
        self._worker: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., Database] | None = None

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Database stays in its process. Send its path and open it there.")

    def run(self, sql: str) -> Result:
        """The result of one query, or why there is none; whatever the query, it does not raise.

        Raises:
            DataError: The database can no longer be opened.
            MachineError: The worker process could not be started.
        """
        with self._lock:
            if sql in self._results:
                self._results.move_to_end(sql)
                return self._results[sql]
            result = _refused(sql) or self._ask(sql)
            self._remember(sql, result)
            return result

    def close(self) -> None:
        """End the worker; a later query starts a new one."""
        with self._lock:
            if self._end:
                self._end()
            self._worker = self._end = None

    def open(self) -> subprocess.Popen[bytes]:
        """The worker, started where there is none.

        Raises:
            DataError: The database cannot be opened.
            MachineError: The process could not be started.
        """
        if self._worker:
            return self._worker
        worker = _start(self.path, self.kind, self._timeout_s)
        self._worker, self._end = worker, weakref.finalize(self, _stop, worker)
        assert worker.stdout is not None  # noqa: S101 a pipe
        try:
            problem = receive(worker.stdout)
        except EOFError:
            problem = f"its worker ended with code {worker.wait()}"
        if problem:
            self.close()
            raise DataError(
                f"{self.path}: cannot be opened as a {self.kind} database ({problem}). "
                "Give a whole database file that no other process writes to."
            )
        return worker

    def _ask(self, sql: str) -> Result:
        worker = self.open()
        assert worker.stdin is not None  # noqa: S101 pipes
        assert worker.stdout is not None  # noqa: S101
        try:
            send(worker.stdin, sql)
            return Result(*receive(worker.stdout))
        except (EOFError, BrokenPipeError):
            code = worker.wait()
            self.close()
        if code == -signal.SIGALRM:
            return Result.failed("timeout", f"longer than {self._timeout_s:g} s")
        return Result.failed("error", f"the engine ended with code {code}")

    def _remember(self, sql: str, result: Result) -> None:
        self._results[sql] = result
        self._cells += _cells(result)
        while self._cells > _REMEMBERED_CELLS:
            _, oldest = self._results.popitem(last=False)
            self._cells -= _cells(oldest)


def open_database(path: Path, timeout_s: float) -> Database:
    """Open a SQLite or DuckDB file for reading, told by its first bytes.

    Args:
        path: The file.
        timeout_s: Seconds that a query may take; a deaf engine is ended half a second later.

    Raises:
        DataError: It is neither, cannot be opened, or has changes that wait in a log beside it.
        MachineError: The worker process could not be started.
    """
    kind = kind_of(path)
    log = path.with_name(path.name + _LOG_SUFFIX[kind])
    if log.exists() and log.stat().st_size:
        raise DataError(
            f"{path}: has changes that wait in {log.name}, which a reader does not see. Close the "
            "programs that write to it, or run CHECKPOINT (SQLite: PRAGMA wal_checkpoint)."
        )
    database = Database(path, kind, timeout_s)
    database.open()
    return database


def opened(path: Path, timeout_s: float) -> Database:
    """The database of this process for a path, opened on first use.

    Raises:
        DataError: As `open_database`.
        MachineError: Likewise.
    """
    return _opened(path, timeout_s, os.getpid())  # a forked process shall not share the worker


@lru_cache(maxsize=8)
def _opened(path: Path, timeout_s: float, process: int) -> Database:
    del process
    return open_database(path, timeout_s)


def kind_of(path: Path) -> Kind:
    """Tell a SQLite from a DuckDB file by its first bytes.

    Raises:
        DataError: It is neither, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_SQLITE_MAGIC))
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}). Give the path of a SQLite or DuckDB file."
        ) from error
    if start == _SQLITE_MAGIC:
        return "sqlite"
    if start[_DUCKDB_MAGIC_AT:].startswith(_DUCKDB_MAGIC):
        return "duckdb"
    raise DataError(
        f"{path}: is neither a SQLite nor a DuckDB database. Load the tables into one of them."
    )


def _refused(sql: str) -> Result | None:
    if len(sql) > MAX_QUERY:
        return Result.failed("error", f"the query is longer than {MAX_QUERY:,} characters")
    if "\0" in sql or any("\ud800" <= character <= "\udfff" for character in sql):
        return Result.failed("syntax", "the query holds a character that is no text")
    return None


def _cells(result: Result) -> int:
    return 1 + len(result.rows) * len(result.columns)


def _start(path: Path, kind: Kind, timeout_s: float) -> subprocess.Popen[bytes]:
    job = json.dumps({"path": str(path.resolve()), "kind": kind, "timeout_s": timeout_s})
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "tuneline.evaluation.databases.worker", job],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise MachineError(
            f"{path}: no worker process could be started ({error}). Free memory or processes."
        ) from error


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.communicate()
