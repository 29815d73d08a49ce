"""A process that holds one database and answers queries; ``python -m`` with a JSON argument.

An engine can be deaf to an interrupt: one call of a function can run for minutes, or take all
memory. So the kernel ends this process where a query is over its time by more than the grace, and
bounds its memory. It can write no file either: the size of files that it writes is limited to 0.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import sys
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tuneline.evaluation.databases.frames import receive, send

if TYPE_CHECKING:
    from tuneline.evaluation.databases.result import Result

GRACE_S = 0.5
"""Seconds that an engine has to obey the interrupt."""

_OPENING_S = 60.0
_MEMORY_BYTES = 3 * 1024**3  # DuckDB reserves more than it uses


class _Engine(Protocol):
    def run(self, sql: str) -> Result:
        """The result of one query."""


def main() -> None:
    """Open the database, say whether that worked, and answer until the caller has gone."""
    job = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever an engine prints is no answer
    for kind, limit in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    signal.setitimer(signal.ITIMER_REAL, _OPENING_S)
    try:
        engine = _engine(job["kind"], Path(job["path"]), job["timeout_s"])
    except (sqlite3.Error, ValueError, RuntimeError) as error:
        send(answers, " ".join(str(error).split()))
        return
    signal.setitimer(signal.ITIMER_REAL, 0)
    send(answers, "")
    while True:
        try:
            sql = receive(sys.stdin.buffer)
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, job["timeout_s"] + GRACE_S)
        result = engine.run(sql)
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(answers, astuple(result))


def _engine(kind: str, path: Path, timeout_s: float) -> _Engine:
    if kind == "sqlite":
        from tuneline.evaluation.databases.sqlite_engine import SqliteEngine

        return SqliteEngine(path, timeout_s)
    from tuneline.evaluation.databases.duckdb_engine import DuckdbEngine

    return DuckdbEngine(path, timeout_s)


if __name__ == "__main__":
    main()
