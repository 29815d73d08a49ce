"""Databases that are opened, asked and closed."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.evaluation.databases.files import TIMEOUT_S, duckdb_file, sqlite_file
from tuneline.errors import DataError
from tuneline.evaluation.databases import database as module
from tuneline.evaluation.databases.database import Database, open_database, opened
from tuneline.evaluation.databases.frames import receive, send
from tuneline.evaluation.databases.values import MAX_ROWS, TooLargeError, fetch, plain

_CITIES = ((1, "Ulm"), (2, "Bonn"), (3, "Kiel"))


@pytest.mark.parametrize("made", [sqlite_file, duckdb_file])
def test_the_first_bytes_tell_the_engine(tmp_path, made):
    with closing(open_database(made(tmp_path), TIMEOUT_S)) as database:
        assert database.kind == made.__name__.removesuffix("_file")
        result = database.run("SELECT id, name AS town FROM city ORDER BY id")
        assert (result.failure, result.columns, result.rows) == (None, ("id", "town"), _CITIES)
        assert database.run("WITH c AS (SELECT 1 AS i) SELECT i FROM c").rows == ((1,),)
        assert database.run("SELEC 1").failure == "syntax"
        assert database.run("").failure == "syntax"
        assert database.run("-- nothing").failure == "syntax"
        unknown = database.run("SELECT name FROM nowhere")
        assert unknown.failure == "error"
        assert "nowhere" in unknown.message


@pytest.mark.parametrize("content", [b"", b"PAR1 and more of it", b"SQLite format 2\0"])
def test_a_file_that_is_no_database_is_refused(tmp_path, content):
    path = tmp_path / "towns.sqlite"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"towns\.sqlite: is neither a SQLite nor a DuckDB"):
        open_database(path, TIMEOUT_S)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.db: cannot be read"):
        open_database(tmp_path / "absent.db", TIMEOUT_S)


@pytest.mark.parametrize("head", [b"SQLite format 3\0", b"\0" * 8 + b"DUCK"])
def test_a_damaged_database_is_refused_with_the_engine_words(tmp_path, head):
    path = tmp_path / "broken.db"
    path.write_bytes(head + b"\xff" * 20_000)
    with pytest.raises(DataError, match=r"broken\.db: cannot be opened as a .* database \(.+\)"):
        open_database(path, TIMEOUT_S)


def test_changes_in_a_log_are_refused(tmp_path):
    path = tmp_path / "live.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (i)")
        connection.commit()
        with pytest.raises(DataError, match=r"live\.db-wal"):
            open_database(path, TIMEOUT_S)
    with closing(open_database(path, TIMEOUT_S)) as database:  # closing moved the log in
        assert database.run("SELECT count(*) FROM t").rows == ((0,),)


def test_a_file_name_with_the_marks_of_uris_is_opened(tmp_path):
    folder = tmp_path / "a?mode=rwc#b %20"
    folder.mkdir()
    with closing(open_database(sqlite_file(folder), TIMEOUT_S)) as database:
        assert database.run("SELECT count(*) FROM city").rows == ((3,),)


def test_a_database_stays_in_its_process(sqlite_database):
    with pytest.raises(TypeError, match="path"):
        pickle.dumps(sqlite_database)


def test_one_database_for_a_path_in_a_process(tmp_path, monkeypatch):
    path = sqlite_file(tmp_path)
    first = opened(path, TIMEOUT_S)
    assert opened(path, TIMEOUT_S) is first
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert opened(path, TIMEOUT_S) is not first
    module._opened.cache_clear()


def test_results_are_remembered_and_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED_CELLS", 10)
    asked = []
    with closing(open_database(sqlite_file(tmp_path), TIMEOUT_S)) as database:
        ask = database._ask

        def counted(sql):
            asked.append(sql)
            return ask(sql)

        monkeypatch.setattr(database, "_ask", counted)
        for sql in ("SELECT 1", "SELECT 1", "SELECT * FROM city", "SELECT 1"):
            assert database.run(sql).failure is None
    assert asked == ["SELECT 1", "SELECT * FROM city", "SELECT 1"]


def test_a_worker_that_dies_is_started_again(tmp_path):
    with closing(open_database(sqlite_file(tmp_path), TIMEOUT_S)) as database:
        worker = database.open()
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        result = database.run("SELECT 1")
        assert result.failure == "error"
        assert "-9" in result.message
        assert database.run("SELECT 2").rows == ((2,),)


def test_a_database_that_nobody_holds_ends_its_worker(tmp_path):
    database = open_database(sqlite_file(tmp_path), TIMEOUT_S)
    worker = database.open()
    del database
    gc.collect()
    assert worker.poll() is not None


def test_a_database_that_went_away_is_an_error_of_the_data(tmp_path):
    path = sqlite_file(tmp_path)
    with closing(Database(path, "sqlite", TIMEOUT_S)) as database:
        path.unlink()
        with pytest.raises(DataError, match="cannot be opened"):
            database.run("SELECT 1")


def test_duckdb_cells_are_plain(duckdb_database):
    result = duckdb_database.run(
        "SELECT 1.50::DECIMAL(9,2), 2::DECIMAL(9,2), DATE '2024-02-29', INTERVAL 1 DAY, true, "
        "{'a': [1, NULL]}, 170141183460469231731687303715884105727::HUGEINT, 'x'::BLOB, NULL, "
        "TIMESTAMP 'infinity', '8f0fbd1a-3f0f-4c1c-9a57-5a9a5f1e9a11'::UUID"
    )
    assert result.failure is None
    assert result.rows[0][:9] == (
        1.5,
        2,
        "2024-02-29",
        86400.0,
        1,
        (("a", (1, None)),),
        2**127 - 1,
        b"x",
        None,
    )
    assert result.rows[0][10] == "8f0fbd1a-3f0f-4c1c-9a57-5a9a5f1e9a11"


def test_text_that_is_not_utf8_is_shown(tmp_path):
    path = tmp_path / "bytes.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t AS SELECT CAST(x'ff41' AS TEXT) AS a")
    with closing(open_database(path, TIMEOUT_S)) as database:
        assert database.run("SELECT a FROM t").rows == (("�A",),)


@pytest.mark.parametrize(
    ("value", "expected"), [(Decimal("NaN"), "nan"), (Decimal("1E+3"), "1000")]
)
def test_decimals_become_numbers(value, expected):
    assert str(plain(value)) == expected


class _Rows:
    """A cursor over the same row again and again."""

    def __init__(self, row: tuple[object, ...], count: int) -> None:
        self._row, self._left = row, count

    def fetchmany(self, size: int, /) -> list[tuple[object, ...]]:
        taken = min(size, self._left)
        self._left -= taken
        return [self._row] * taken


def test_results_have_bounds():
    assert len(fetch(_Rows((1,), MAX_ROWS))) == MAX_ROWS
    with pytest.raises(TooLargeError, match="100,000 rows"):
        fetch(_Rows((1,), MAX_ROWS + 1))
    with pytest.raises(TooLargeError, match="characters"):
        fetch(_Rows(("x" * 1_000_000,), 100))


def test_messages_hold_plain_values_alone(tmp_path):
    path = tmp_path / "message"
    with path.open("wb") as file:
        send(file, ("a", 2**100, None, (1.5, b"x")))
        send(file, Path("x"))
    with path.open("rb") as file:
        assert receive(file) == ("a", 2**100, None, (1.5, b"x"))
        with pytest.raises(pickle.UnpicklingError, match="pathlib"):
            receive(file)
        with pytest.raises(EOFError):
            receive(file)
