"""When two results are the same."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.evaluation.databases.comparison import TOLERANCE, is_ordered, same_result
from tuneline.evaluation.databases.result import Result, Row

_CELLS = st.one_of(
    st.none(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
)
_TABLES = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.tuples(*[_CELLS] * width), min_size=1, max_size=8)
)


def _result(*rows: Row) -> Result:
    width = len(rows[0]) if rows else 1
    return Result(tuple(f"c{place}" for place in range(width)), rows)


@given(_TABLES, st.randoms(use_true_random=False))
def test_a_shuffled_result_is_the_same_unless_order_counts(rows, chance: random.Random):
    mixed = chance.sample(rows, len(rows))
    assert same_result(_result(*mixed), _result(*rows), ordered=False)
    assert same_result(_result(*rows), _result(*rows), ordered=True)


@given(_TABLES, st.data())
def test_another_text_in_one_cell_is_another_result(rows, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    changed = [*rows]
    changed[place] = ("nowhere else", *rows[place][1:])
    for ordered in (False, True):
        assert not same_result(_result(*changed), _result(*rows), ordered=ordered)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))),
    st.randoms(use_true_random=False),
)
def test_noise_within_the_tolerance_does_not_count(rows, chance: random.Random):
    noisy = [
        (text, *(number * (1 + chance.uniform(-0.4, 0.4) * TOLERANCE) for number in numbers))
        for text, *numbers in rows
    ]
    mixed = chance.sample(noisy, len(noisy))
    assert same_result(_result(*mixed), _result(*rows), ordered=False)
    assert same_result(_result(*noisy), _result(*rows), ordered=True)


def test_numbers_that_changed_places_within_the_tolerance_are_paired():
    near = 1.0 + 0.3 * TOLERANCE
    assert same_result(
        _result((1.0, 5.0), (near, 2.0)), _result((near, 5.0), (1.0, 2.0)), ordered=False
    )
    assert not same_result(
        _result((1.0, 5.0), (near, 2.0)), _result((near, 5.0), (1.0, 5.0)), ordered=False
    )


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True),
        (True, 1, True),
        (0.1 + 0.2, 0.3, True),
        (1.0, 1.0 + 3e-6, False),
        (0, 1e-9, False),
        (None, None, True),
        (None, 0, False),
        (None, "", False),
        ("1", 1, False),
        ("a", "A", False),
        (b"a", "a", False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (10**400, 10**400, True),
        (10**400, 1.5, False),
        ((1, (2.0, None)), (1.0, (2, None)), True),
        ((1, 2), (1, 3), False),
        ((1, 2), (1,), False),
    ],
)
def test_cells(left, right, same):
    for ordered in (False, True):
        assert same_result(_result((left,)), _result((right,)), ordered=ordered) is same
        assert same_result(_result((right,)), _result((left,)), ordered=ordered) is same


def test_rows_count_as_often_as_they_occur():
    once, twice = _result((1,), (2,), (2,)), _result((1,), (1,), (2,))
    assert not same_result(once, twice, ordered=False)
    assert not same_result(_result((1,)), _result((1,), (1,)), ordered=False)


def test_the_order_of_columns_counts_and_their_names_do_not():
    left, right = Result(("a", "b"), ((1, 2),)), Result(("x", "y"), ((1, 2),))
    assert same_result(left, right, ordered=False)
    assert not same_result(Result(("b", "a"), ((2, 1),)), right, ordered=False)


def test_empty_results_are_the_same_where_their_columns_are_as_many():
    assert same_result(Result(("a",)), Result(("b",)), ordered=False)
    assert not same_result(Result(("a",)), Result(("a", "b")), ordered=False)


def test_order_counts_where_asked():
    assert not same_result(_result((1,), (2,)), _result((2,), (1,)), ordered=True)
    assert same_result(_result((1,), (2,)), _result((2,), (1,)), ordered=False)


@pytest.mark.parametrize(
    ("sql", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order\n by a limit 3", True),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", True),
        ("WITH c AS (SELECT a FROM t ORDER BY a) SELECT a FROM c", False),
        ("SELECT rank() OVER (ORDER BY a) FROM t", False),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT ' order by ' FROM t", False),
        ("SELECT 'it''s ( order by' FROM t ORDER BY a", True),
        ('SELECT "a ) order by" FROM t', False),
        ("SELECT a FROM t -- order by a", False),
        ("SELECT a /* ( */ FROM t ORDER BY a", True),
        ("SELECT [x order by] FROM t", False),
        ("SELECT border by FROM t", False),
    ],
)
def test_a_sorted_query_is_told_by_its_outer_clause(sql, ordered):
    assert is_ordered(sql) is ordered
