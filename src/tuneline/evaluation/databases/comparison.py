"""Whether two queries gave the same result."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.databases.result import Result, Row, Value

TOLERANCE = 1e-6
"""Relative difference up to which two numbers are equal."""

_MOST_PAIRED = 300
_PIECE = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|--[^\n]*|/\*.*?\*/|[()\[\]]|\border\s+by\b",
    re.IGNORECASE | re.DOTALL,
)


def is_ordered(sql: str) -> bool:
    """Whether a query sorts its whole result: an ORDER BY outside all parentheses.

    Example:
        >>> is_ordered("SELECT a FROM t ORDER BY a"), is_ordered("SELECT sum(a) OVER (ORDER BY b)")
        (True, False)
    """
    depth = 0
    for match in _PIECE.finditer(sql):
        piece = match.group()
        if piece in "([":
            depth += 1
        elif piece in ")]":
            depth -= 1
        elif depth == 0 and piece[0] in "oO":
            return True
    return False


def same_result(result: Result, reference: Result, *, ordered: bool) -> bool:
    """Whether two results hold the same rows.

    As in Spider's test suites, rows count as often as they occur, names of columns do not count,
    and the order of rows counts only where the reference asks for one. As in BIRD, the order of
    columns counts: a row is its cells in their order. NULL equals NULL, and numbers are equal
    within `TOLERANCE`, whole or not.

    Args:
        result: What the prediction gave; both ran.
        reference: What the reference gave.
        ordered: Whether the order of rows counts.
    """
    if len(result.columns) != len(reference.columns) or len(result.rows) != len(reference.rows):
        return False
    if ordered:
        return all(map(_same_row, result.rows, reference.rows))
    # Rows that are equal to the last bit are paired off first: that is all of them, most times.
    left, right = Counter(result.rows), Counter(reference.rows)
    return _same_rows([*(left - right).elements()], [*(right - left).elements()])


def _same_rows(left: Sequence[Row], right: Sequence[Row]) -> bool:
    """Whether rows can be paired within the tolerance, in any order."""
    left_groups, right_groups = _by_other_cells(left), _by_other_cells(right)
    return left_groups.keys() == right_groups.keys() and all(
        _pair_off(rows, right_groups[key]) for key, rows in left_groups.items()
    )


def _by_other_cells(rows: Sequence[Row]) -> dict[Row, list[list[float]]]:
    """Numbers of each row, by all that is not a number in it."""
    groups: dict[Row, list[list[float]]] = defaultdict(list)
    for row in rows:
        numbers: list[float] = []
        groups[tuple(_without_numbers(cell, numbers) for cell in row)].append(numbers)
    return groups


def _without_numbers(cell: Value, numbers: list[float]) -> Value:
    if isinstance(cell, tuple):
        return tuple(_without_numbers(item, numbers) for item in cell)
    if isinstance(cell, int | float):
        numbers.append(cell)
        return 0
    return cell


def _pair_off(left: list[list[float]], right: list[list[float]]) -> bool:
    """Whether lists of numbers can be paired within the tolerance.

    Sorted, they nearly always pair in their order. Where numbers that differ within the tolerance
    have changed places, up to `_MOST_PAIRED` rows are matched in the best way that there is.
    """
    if len(left) != len(right):
        return False
    pairs = zip(sorted(left, key=_sortable), sorted(right, key=_sortable), strict=True)
    if all(_same_numbers(one, other) for one, other in pairs):
        return True
    if len(left[0]) == 1 or len(left) > _MOST_PAIRED:
        return False
    equal = [[_same_numbers(one, other) for other in right] for one in left]
    matching = maximum_bipartite_matching(csr_array(np.array(equal, dtype=np.int8)))
    return bool(np.all(matching >= 0))


def _sortable(numbers: list[float]) -> list[tuple[bool, float]]:
    return [(_is_nan(number), 0.0 if _is_nan(number) else number) for number in numbers]


def _is_nan(number: float) -> bool:
    return isinstance(number, float) and math.isnan(number)  # a whole number may be beyond floats


def _same_numbers(left: Sequence[float], right: Sequence[float]) -> bool:
    return len(left) == len(right) and all(map(_same_number, left, right))


def _same_row(left: Row, right: Row) -> bool:
    return len(left) == len(right) and all(map(_same_value, left, right))


def _same_value(left: Value, right: Value) -> bool:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return _same_row(left, right)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _same_number(left, right)
    return left == right


def _same_number(left: float, right: float) -> bool:
    if left == right or (_is_nan(left) and _is_nan(right)):
        return True
    try:
        return math.isclose(left, right, rel_tol=TOLERANCE)
    except OverflowError:  # a whole number beyond every float
        return False
