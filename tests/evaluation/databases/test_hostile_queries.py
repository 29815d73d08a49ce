"""Queries that would write, leave the database, or never end."""

from __future__ import annotations

import time

import pytest

from tests.evaluation.databases.files import TIMEOUT_S
from tuneline.evaluation.databases.worker import GRACE_S
from tuneline.files import sha256_file

_OTHER = ("syntax", "error", "timeout")
_SLACK_S = 1.5  # a busy machine, and the worker that starts again

_JOIN = "SELECT count(*) FROM " + ", ".join(f"many m{place}" for place in range(26))
_ENDLESS = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT {} FROM r"

_BOTH = {
    "DROP TABLE city": "forbidden",
    "INSERT INTO city VALUES (4, 'Jena', 1, 1)": "forbidden",
    "UPDATE city SET name = 'x'": "forbidden",
    "DELETE FROM city": "forbidden",
    "CREATE TABLE t (i INTEGER)": "forbidden",
    "CREATE TEMP TABLE t (i INTEGER)": "forbidden",
    "ATTACH '{folder}/new.db' AS other": "forbidden",
    "PRAGMA database_list": "forbidden",
    "BEGIN": "forbidden",
    "VACUUM": "forbidden",
    "SELECT 1; DROP TABLE city": "forbidden",
    "SELECT 1; SELECT 2": "forbidden",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000: None,
    "SELECT " + "1," * 100_000 + "1": "error",
    _ENDLESS.format("count(*)"): "timeout",
    _ENDLESS.format("*"): None,
    "SELECT 'a\0b'": "syntax",
    "SELECT '\ud800'": "syntax",
}
_SQLITE = {
    **_BOTH,
    _JOIN: "timeout",
    "SELECT load_extension('x')": "forbidden",
    "SELECT fts3_tokenizer('simple')": "forbidden",
    "SELECT * FROM pragma_table_info('city')": "forbidden",
    "SELECT readfile('/etc/passwd')": "error",
    "SELECT writefile('{folder}/x', 'y')": "error",
    "VACUUM INTO '{folder}/copy.db'": "forbidden",
    "REINDEX": None,
    "SELECT zeroblob(1000000000)": "error",
    "SELECT hex(zeroblob(900000))": "error",
    # Deaf to interrupts: one call of a function runs for about a minute.
    "SELECT replace(printf('%.*c', 900000, 'a'), printf('%.*c', 450000, 'a') || 'b', 'c')": (
        "timeout"
    ),
}
_DUCKDB = {
    **_BOTH,
    _JOIN: None,  # out of memory or of time, whichever is first
    "SELECT * FROM read_csv('/etc/passwd')": "forbidden",
    "SELECT * FROM read_text('/etc/passwd')": "forbidden",
    "SELECT * FROM '/etc/passwd'": "error",
    "SELECT * FROM glob('/*')": "forbidden",
    "COPY city TO '{folder}/out.csv'": "forbidden",
    "INSTALL httpfs": "forbidden",
    "LOAD httpfs": "forbidden",
    "EXPORT DATABASE '{folder}/exported'": "forbidden",
    "SET threads = 64": "forbidden",
    "SET enable_external_access = true": "forbidden",
    "CHECKPOINT": "forbidden",
    "CALL pragma_version()": "forbidden",
    "EXPLAIN ANALYZE SELECT 1": "forbidden",
    "PREPARE q AS SELECT 1": "forbidden",
    "SELECT nextval('counter')": "forbidden",
    "SELECT * FROM query('DROP TABLE city')": None,
    "SELECT * FROM _CONFIGURATION": "error",  # a variable of ours
    "SELECT length(repeat('x', 10000000000))": "error",
    "SELECT list_sum(range(1000000000))": "error",
    "SELECT levenshtein(repeat('a', 1000000), repeat('b', 1000000))": "timeout",  # deaf, too
}


def _require_stopped(database, sql, failure):
    folder = database.path.parent
    before, files = sha256_file(database.path), sorted(folder.iterdir())
    started = time.monotonic()
    result = database.run(sql.replace("{folder}", str(folder)))
    assert time.monotonic() - started < TIMEOUT_S + GRACE_S + _SLACK_S
    assert result.rows == ()
    assert result.message
    assert result.failure == failure or (failure is None and result.failure in _OTHER)
    assert sha256_file(database.path) == before
    assert sorted(folder.iterdir()) == files
    assert database.run("SELECT count(*) FROM city").rows == ((3,),)


@pytest.mark.parametrize(("sql", "failure"), _SQLITE.items())
def test_sqlite_stops(sqlite_database, sql, failure):
    _require_stopped(sqlite_database, sql, failure)


@pytest.mark.parametrize(("sql", "failure"), _DUCKDB.items())
def test_duckdb_stops(duckdb_database, sql, failure):
    _require_stopped(duckdb_database, sql, failure)
