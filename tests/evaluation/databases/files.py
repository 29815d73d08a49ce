"""Small databases for tests."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb

TIMEOUT_S = 0.5

_STATEMENTS = [
    "CREATE TABLE city (id INTEGER, name TEXT, people INTEGER, area DOUBLE)",
    """INSERT INTO city VALUES
    (1, 'Ulm', 126000, 118.7), (2, 'Bonn', 331000, 141.1), (3, 'Kiel', 247000, NULL)""",
    """CREATE TABLE many AS WITH RECURSIVE n(i) AS
    (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999) SELECT i FROM n""",
]


def sqlite_file(folder: Path) -> Path:
    """A SQLite database with a table of cities and one of a thousand rows."""
    path = folder / "towns.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in _STATEMENTS:
            connection.execute(statement)
    return path


def duckdb_file(folder: Path) -> Path:
    """The same for DuckDB; a suffix says nothing."""
    path = folder / "towns.data"
    with closing(duckdb.connect(str(path))) as connection:
        for statement in _STATEMENTS:
            connection.execute(statement)
        connection.execute("CREATE SEQUENCE counter")
    return path
