"""A confusion matrix as an HTML table with shaded cells, which scrolls where it is too wide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from tuneline.report.page import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class _Cell:
    count: int
    share: float
    right: bool


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
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
    rows = [
        _Row(
            label,
            tuple(
                _Cell(count, count / max(1, sum(row)), column == index)
                for column, count in enumerate(row)
            ),
        )
        for index, (label, row) in enumerate(zip(labels, counts, strict=True))
    ]
    page = render_page("tuneline.report", "confusion.html", columns=columns, rows=rows)
    return Markup(page)  # noqa: S704  rendered with autoescape on
