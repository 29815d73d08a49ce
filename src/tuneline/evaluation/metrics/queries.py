"""Metrics of database queries: by what they return, whether they run, and by what they say."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

from tuneline.errors import DataError
from tuneline.evaluation.databases.comparison import is_ordered, same_result
from tuneline.evaluation.databases.database import MAX_QUERY, opened
from tuneline.evaluation.metrics.metric import MeanMetric

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.evaluation.databases.database import Database
    from tuneline.evaluation.databases.result import Failure, Result
    from tuneline.evaluation.rows import Rows

_FENCED = re.compile(
    r"```(?:(?:sql|sqlite|duckdb|postgresql|postgres|mysql)(?=\s))?(.*?)(?:```|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_QUERY_START = re.compile(r"\(*\s*(?:select|with)\b", re.IGNORECASE)
_SHOWN_CHARACTERS = 300
_REMARK_CHARACTERS = 200
_REMEMBERED_TREES = 4096

_FAILED: dict[Failure, str] = {
    "syntax": "syntax error",
    "forbidden": "not allowed",
    "timeout": "timeout",
    "error": "error",
}


class _OfDatabase(MeanMetric):
    """What a database says of queries.

    Args:
        path: A SQLite or DuckDB file.
        timeout_s: Seconds that a query may take.
    """

    right_or_wrong = True

    def __init__(self, path: Path, timeout_s: float) -> None:
        self.path = path
        self.timeout_s = timeout_s


class ExecutionAccuracy(_OfDatabase):
    """Share of queries whose result is the reference's; see `same_result` for what that means."""

    name = "execution_accuracy"
    title = "execution accuracy"
    source = "the database's engine; rows compared as Spider's test suites do"

    def scores(self, rows: Rows) -> list[float]:
        """1 where the results are the same.

        Raises:
            DataError: The database cannot be opened, or a reference does not run.
        """
        database = opened(self.path, self.timeout_s)
        return [
            float(self._is_right(database, query_of(prediction), query_of(reference)))
            for prediction, reference in zip(rows.predictions, rows.references, strict=True)
        ]

    def _is_right(self, database: Database, prediction: str, reference: str) -> bool:
        expected = _reference_result(database, reference)
        result = database.run(prediction)
        if result.failure:
            return False
        return same_result(result, expected, ordered=is_ordered(reference))

    def remark(self, prompt: str, reference: str, prediction: str) -> str:
        """Why the prediction's result is not the reference's; empty where it is.

        Raises:
            DataError: The database cannot be opened, or the reference does not run.
        """
        del prompt
        database = opened(self.path, self.timeout_s)
        query = query_of(reference)
        expected, result = _reference_result(database, query), database.run(query_of(prediction))
        return _difference(result, expected, ordered=is_ordered(query))[:_REMARK_CHARACTERS]


class ValidQuery(_OfDatabase):
    """Share of predictions that the database runs."""

    name = "valid_query"
    title = "queries that run"
    source = "the database's engine"

    def scores(self, rows: Rows) -> list[float]:
        """1 where the prediction runs.

        Raises:
            DataError: The database cannot be opened.
        """
        database = opened(self.path, self.timeout_s)
        return [float(not database.run(query_of(text)).failure) for text in rows.predictions]


class AstMatch(MeanMetric):
    """Share of queries with the reference's syntax tree.

    White space, comments, redundant quotes and, where the dialect ignores it, the case of names do
    not count. A query that does not parse matches nothing.

    Args:
        dialect: What sqlglot calls it: ``sqlite``, ``duckdb``, ``bigquery``; empty for its own.
    """

    name = "ast_match"
    title = "same syntax tree"
    source = f"sqlglot {version('sqlglot')}"
    right_or_wrong = True

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect

    def scores(self, rows: Rows) -> list[float]:
        """1 where both parse to one tree."""
        return [
            float(self._matches(query_of(prediction), query_of(reference)))
            for prediction, reference in zip(rows.predictions, rows.references, strict=True)
        ]

    def _matches(self, prediction: str, reference: str) -> bool:
        tree = _tree(prediction, self.dialect)
        return tree is not None and tree == _tree(reference, self.dialect)


def query_of(text: str) -> str:
    r"""The query in an answer: the first code block where there is one, without its semicolon.

    Example:
        >>> query_of("Here it is: ```sql\nSELECT 1;\n``` It counts.")
        'SELECT 1'
    """
    fenced = _FENCED.search(text)
    query = fenced.group(1) if fenced else text
    return query.strip().rstrip("; \t\r\n")


def looks_like_query(text: str) -> bool:
    """Whether a text is one SELECT query, to tell the kind of a task by its answers."""
    query = query_of(text)
    if not _QUERY_START.match(query):
        return False
    tree = _tree(query, "")
    return isinstance(tree, exp.Query) and bool(tree.selects)


def _reference_result(database: Database, reference: str) -> Result:
    expected = database.run(reference)
    if expected.failure:
        shown = reference[:_SHOWN_CHARACTERS]
        raise DataError(
            f"{database.path}: the reference query {shown!r} does not run "
            f"({expected.failure}: {expected.message}). Correct the row, give the database that "
            "it is for, or allow more time."
        )
    return expected


def _difference(result: Result, expected: Result, *, ordered: bool) -> str:
    """How one result differs from another, for people; empty where it does not."""
    if result.failure:
        return f"{_FAILED[result.failure]}: {result.message}"
    if len(result.columns) != len(expected.columns):
        return _counts(len(result.columns), len(expected.columns), "column")
    if len(result.rows) != len(expected.rows):
        return _counts(len(result.rows), len(expected.rows), "row")
    if same_result(result, expected, ordered=ordered):
        return ""
    if ordered and same_result(result, expected, ordered=False):
        return "the same rows in another order"
    return "other values"


def _counts(found: int, expected: int, what: str) -> str:
    return f"{found:,} {what}{'' if found == 1 else 's'}, expected {expected:,}"


@lru_cache(maxsize=_REMEMBERED_TREES)
def _tree(query: str, dialect: str) -> exp.Expr | None:
    """The syntax tree of one query; None where it is not one."""
    if len(query) > MAX_QUERY:
        return None
    try:
        trees = sqlglot.parse(query, read=dialect)
        if len(trees) != 1 or trees[0] is None:
            return None
        tree = normalize_identifiers(trees[0], dialect=dialect)
        for identifier in tree.find_all(exp.Identifier):
            identifier.set("quoted", None)
    except (SqlglotError, RecursionError):
        return None
    return tree
