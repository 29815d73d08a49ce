"""A confusion matrix as an HTML table with shaded cells, which scrolls where it is too wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from tuneline.report.breaks import breakable
from tuneline.report.page import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_HEAD = 40
"""Characters at the head of a row or column."""

_HEAD_END = 16


@dataclass(frozen=True, slots=True)
class _Cell:
    count: int
    share: float
    right: bool


@dataclass(frozen=True, slots=True)
class _Column:
    label: str
    head: Markup


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    head: Markup
    cells: tuple[_Cell, ...]


def confusion_table(
    labels: Sequence[str], columns: Sequence[str], counts: Sequence[Sequence[int]]
) -> Markup:
    """Draw a confusion matrix; a cell's shade is its share of its row.

    Args:
        labels: Expected labels, one for each row.
        columns: Predicted labels, one for each column. The first ``len(labels)`` of them are
            ``labels`` in the same order, so that the diagonal is what is right.
        counts: Rows of counts, ``len(labels)`` by ``len(columns)``.

    Returns:
        A ``<div class="matrix">``; labels are escaped.
    """
    heads = _heads([*labels, *columns])
    rows = [
        _Row(
            label,
            heads[label],
            tuple(
                _Cell(count, count / max(1, sum(row)), column == index)
                for column, count in enumerate(row)
            ),
        )
        for index, (label, row) in enumerate(zip(labels, counts, strict=True))
    ]
    page = render_page(
        "tuneline.report",
        "confusion.html",
        columns=[_Column(label, heads[label]) for label in columns],
        rows=rows,
    )
    return Markup(page)  # noqa: S704  rendered with autoescape on


def _heads(labels: Sequence[str]) -> dict[str, Markup]:
    """What stands at the head of each row and column, by the label."""
    alike: dict[str, list[str]] = {}
    for label in dict.fromkeys(labels):
        alike.setdefault(_both_ends(label), []).append(label)
    return {
        label: breakable(head if len(found) == 1 else _from_difference(label, found))
        for head, found in alike.items()
        for label in found
    }


def _both_ends(label: str) -> str:
    """A label, or its two ends: labels often begin alike and differ at the end."""
    if len(label) <= _LONGEST_HEAD:
        return label
    return f"{label[: _LONGEST_HEAD - _HEAD_END - 1]}…{label[-_HEAD_END:]}"


def _from_difference(label: str, alike: Sequence[str]) -> str:
    """A label's beginning, and what follows where labels begin to differ whose ends are alike."""
    letters = enumerate(zip(*alike, strict=False))
    differs = next((place for place, at in letters if len(set(at)) > 1), min(map(len, alike)))
    rest = label[differs:]
    room = _LONGEST_HEAD - _HEAD_END - 2
    end = "…" if len(rest) > room else ""
    return f"{label[:_HEAD_END]}…{rest[:room]}{end}"
