"""Metrics of database queries."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.databases.files import duckdb_file, sqlite_file
from tuneline.errors import DataError
from tuneline.evaluation.metrics.metric import MeanMetric
from tuneline.evaluation.metrics.queries import (
    AstMatch,
    ExecutionAccuracy,
    ValidQuery,
    looks_like_query,
    query_of,
)
from tuneline.evaluation.rows import Rows

_TIMEOUT_S = 1.0

_PAIRS = [  # prediction, reference, same result
    ("SELECT name FROM city WHERE people > 200000", "SELECT name FROM city WHERE id > 1", 1),
    ("```sql\nSELECT name AS n FROM city;\n```", "SELECT name FROM city ORDER BY id;", 1),
    ("SELECT name FROM city ORDER BY id DESC", "SELECT name FROM city", 1),
    ("SELECT name FROM city ORDER BY id DESC", "SELECT name FROM city ORDER BY id", 0),
    ("SELECT DISTINCT 1 FROM city", "SELECT 1 FROM city", 0),
    ("SELECT name, id FROM city", "SELECT id, name FROM city", 0),
    ("SELECT sum(area) FROM city", "SELECT 118.7 + 141.1", 1),
    ("SELECT count(*) FROM city", "SELECT 3.0", 1),
    ("SELECT NULL", "SELECT area FROM city WHERE id = 3", 1),
    ("SELECT name FROM town", "SELECT name FROM city", 0),
    ("DROP TABLE city", "SELECT name FROM city", 0),
    ("I do not know.", "SELECT name FROM city", 0),
    ("", "SELECT name FROM city", 0),
    ("SELECT 1 WHERE 1 = 0", "SELECT 2 WHERE 1 = 0", 1),
]


@pytest.mark.parametrize("made", [sqlite_file, duckdb_file])
def test_execution_accuracy_compares_results(tmp_path, made):
    metric = pickle.loads(pickle.dumps(ExecutionAccuracy(made(tmp_path), _TIMEOUT_S)))
    rows = Rows.of([pair[1] for pair in _PAIRS], [pair[0] for pair in _PAIRS])
    assert metric.measure(rows)[:, 0].tolist() == [pair[2] for pair in _PAIRS]
    assert metric.value(metric.measure(rows).sum(axis=0)) == pytest.approx(7 / 14)
    valid = ValidQuery(metric.path, _TIMEOUT_S)
    assert list(valid.scores(rows)) == [
        float("town" not in p and p[:2] in ("SE", "``")) for p, *_ in _PAIRS
    ]
    # A metric that has been used can go to another process.
    assert pickle.loads(pickle.dumps(metric)).scores(rows) == metric.scores(rows)


_REMARKS = [  # prediction, reference, why it is wrong
    ("SELECT name FROM city", "SELECT name FROM city", ""),
    ("SELECT name FROM city WHERE id = 1", "SELECT name FROM city", "1 row, expected 3"),
    ("SELECT name, id FROM city", "SELECT name FROM city", "2 columns, expected 1"),
    ("SELECT id FROM city", "SELECT name FROM city", "other values"),
    (
        "SELECT id FROM city ORDER BY id DESC",
        "SELECT id FROM city ORDER BY id",
        "the same rows in another order",
    ),
    ("I do not know.", "SELECT name FROM city", "syntax error: "),
    ("DROP TABLE city", "SELECT name FROM city", "not allowed: "),
    ("SELECT name FROM town", "SELECT name FROM city", "error: "),
    ("SELECT " + "x" * 400 + " FROM city", "SELECT name FROM city", "error: "),
]


@pytest.mark.parametrize("made", [sqlite_file, duckdb_file])
def test_the_remark_says_why_a_query_is_wrong(tmp_path, made):
    metric = ExecutionAccuracy(made(tmp_path), _TIMEOUT_S)
    for prediction, reference, expected in _REMARKS:
        remark = metric.remark("Which?", reference, prediction)
        assert remark.startswith(expected)
        assert expected.endswith(": ") or remark == expected
        assert len(remark) <= 200
        right = metric.scores(Rows.of([reference], [prediction])) == [1.0]
        assert right == (not remark)


def test_a_reference_that_does_not_run_is_an_error_of_the_data(tmp_path):
    metric = ExecutionAccuracy(sqlite_file(tmp_path), _TIMEOUT_S)
    with pytest.raises(DataError, match=r"towns\.db: the reference query 'SELECT x FROM city' .*x"):
        metric.scores(Rows.of(["SELECT x FROM city"], ["SELECT 1"]))
    endless = (
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r"
    )
    with pytest.raises(DataError, match="timeout"):
        metric.scores(Rows.of([endless], ["SELECT 1"]))


def test_a_missing_database_is_named():
    with pytest.raises(DataError, match=r"absent\.db"):
        ValidQuery(Path("absent.db"), _TIMEOUT_S).scores(Rows.of(["SELECT 1"], ["SELECT 1"]))


@pytest.mark.parametrize(
    ("prediction", "reference", "same"),
    [
        ("select A from T", "SELECT a FROM t;", True),
        ('SELECT "a" FROM `t` -- why', "SELECT a FROM t", True),
        ("SELECT a FROM t WHERE a <> 1", "SELECT a FROM t WHERE a != 1", True),
        ("SELECT a, b FROM t", "SELECT b, a FROM t", False),
        ("SELECT 'A'", "SELECT 'a'", False),
        ("SELECT a FROM t", "SELECT a FROM t LIMIT 1", False),
        ("SELECT 1; SELECT 2", "SELECT 1", False),
        ("SELECT FROM WHERE", "SELECT FROM WHERE", False),
        ("", "", False),
        ("SELECT " + "(" * 20_000, "SELECT 1", False),
        ("SELECT " + "1 + " * 30_000 + "1", "SELECT 1", False),
        ("SELECT 'a\nb", "SELECT 1", False),
    ],
)
def test_ast_match_compares_trees(prediction, reference, same):
    metric = pickle.loads(pickle.dumps(AstMatch("sqlite")))
    assert metric.scores(Rows.of([reference], [prediction])) == [float(same)]


def test_the_dialect_says_whether_case_counts():
    rows = Rows.of(["SELECT a FROM d.t"], ["SELECT a FROM d.T"])
    assert AstMatch("duckdb").scores(rows) == [1.0]
    assert AstMatch("bigquery").scores(rows) == [0.0]  # tables there have a case
    quoted = Rows.of(['SELECT "a" FROM t'] * 2, ["SELECT a FROM t", "SELECT A FROM t"])
    assert AstMatch("postgres").scores(quoted) == [1.0, 1.0]
    assert AstMatch("snowflake").scores(quoted) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("SELECT 1", "SELECT 1"),
        ("  SELECT 1 ;\n; ", "SELECT 1"),
        ("Sure:\n```sql\nSELECT 1;\n```\nor\n```sql\nSELECT 2\n```", "SELECT 1"),
        ("```\nSELECT 1\n```", "SELECT 1"),
        ("```SQLite\nSELECT 1", "SELECT 1"),
        ("```SELECT 1```", "SELECT 1"),
        ("```sql SELECT 1```", "SELECT 1"),
        ("```sqlx```", "sqlx"),
        ("", ""),
    ],
)
def test_the_query_is_taken_from_the_answer(text, query):
    assert query_of(text) == query


@given(st.text(alphabet="SELECT 1;`sql\n", max_size=40))
def test_taking_the_query_twice_changes_nothing_without_fences(text):
    taken = query_of(text)
    assert "```" in taken or query_of(taken) == taken
    assert taken == taken.strip()
    assert not taken.endswith(";")


@pytest.mark.parametrize(
    ("text", "is_query"),
    [
        ("SELECT a FROM t", True),
        ("```sql\nselect count(*) from t;\n```", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x", True),
        ("(SELECT 1)", True),
        ("SELECT 1 UNION SELECT 2", True),
        ("SELECT", False),
        ("Select the best option", False),
        ("With love, Anna", False),
        ("DROP TABLE t", False),
        ("SELECT 1; SELECT 2", False),
        ("The query is SELECT 1", False),
        ("selection", False),
        ("", False),
    ],
)
def test_queries_are_told_from_prose(text, is_query):
    assert looks_like_query(text) is is_query


def test_every_metric_is_right_or_wrong():
    metrics: list[MeanMetric] = [
        ExecutionAccuracy(Path("a"), 1.0),
        ValidQuery(Path("a"), 1.0),
        AstMatch(""),
    ]
    assert [metric.name for metric in metrics] == ["execution_accuracy", "valid_query", "ast_match"]
    assert all(metric.right_or_wrong for metric in metrics)
