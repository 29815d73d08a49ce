"""Length distributions: histograms whose bins fit the data, and percentiles."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tuneline.report.histogram import Bin, histogram_chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from tuneline.data.collection import Collection
    from tuneline.data.plan import Plan

PERCENTILES = (5, 25, 50, 75, 95, 99)
_COLUMNS = {
    "prompt_chars": ("Prompts", "characters"),
    "answer_chars": ("Answers", "characters"),
    "prompt_tokens": ("Prompts", "tokens"),
    "answer_tokens": ("Answers", "tokens"),
}
_MOST_EVEN_BINS = 24
_LONG_TAIL = 4
"""Where the longest is so many times as far from the shortest as 95 % are, even bins say little."""

_BINS_A_DECADE = 6


class LengthsView(NamedTuple):
    """The lengths of one side in one unit.

    Attributes:
        side: Whose lengths.
        unit: What is counted.
        chart: The histogram.
        widths: What the bins are.
        numbers: Shortest, `PERCENTILES`, longest.
        mean: Their mean.
        total: Their sum.
    """

    side: str
    unit: str
    chart: Markup
    widths: str
    numbers: list[int]
    mean: float
    total: int


def length_views(collection: Collection, plan: Plan) -> list[LengthsView]:
    """Every distribution of the kept examples, one after the other in memory."""
    views = []
    for column, (side, unit) in _COLUMNS.items():
        lengths = collection.columns[column][plan.kept]
        lengths.sort()
        views.append(_view(side, unit, lengths))
    return views


def _view(side: str, unit: str, ordered: np.ndarray) -> LengthsView:
    bins, widths = binned(ordered)
    total = int(ordered.sum(dtype=np.int64))
    tallest = max(one.count for one in bins)
    return LengthsView(
        side,
        unit,
        histogram_chart(bins, f"Histogram of the {side.lower()} by their length in {unit}"),
        f"{widths} The tallest column has {tallest:,} examples.",
        [int(ordered[0]), *(percentile(ordered, each) for each in PERCENTILES), int(ordered[-1])],
        total / len(ordered),
        total,
    )


def percentile(ordered: np.ndarray, percent: int) -> int:
    """The nearest-rank percentile of sorted numbers."""
    return int(ordered[-(-len(ordered) * percent // 100) - 1])


def binned(ordered: np.ndarray) -> tuple[list[Bin], str]:
    """Count lengths in bins, even ones unless a few long rows would press all others into one.

    Args:
        ordered: The lengths, sorted, at least one.

    Returns:
        The bins without a gap, and a sentence that says how wide they are.
    """
    low, high = int(ordered[0]), int(ordered[-1])
    body = percentile(ordered, 95) - low
    if high - low > _MOST_EVEN_BINS and high - low > _LONG_TAIL * body:
        edges = _widening_edges(low, high)
        widths = (
            "Columns widen to the right, six for each power of ten, so that a few long rows do "
            "not hide the others."
        )
    else:
        width = _round_width((high - low) // _MOST_EVEN_BINS + 1)
        edges = list(range(low // width * width, high + width + 1, width))
        widths = (
            "Every length has its own column." if width == 1 else f"A column is {width:,} wide."
        )
    while edges[-2] > high:
        edges.pop()
    return _count(ordered, edges), widths


def _count(ordered: np.ndarray, edges: Sequence[int]) -> list[Bin]:
    places = np.searchsorted(ordered, np.array(edges, np.uint64)).tolist()
    return [
        Bin(first, after - 1, end - begin)
        for (first, after), (begin, end) in zip(pairwise(edges), pairwise(places), strict=True)
    ]


def _round_width(least: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50 ..."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power >= least:
                return digit * power
        power *= 10


def _widening_edges(low: int, high: int) -> list[int]:
    """Edges of two digits that grow by about a half, from one at ``low`` or below."""
    edges = [0, 1]
    step = 0
    while edges[-1] <= high:
        step += 1
        power, place = divmod(step, _BINS_A_DECADE)
        digits = round(10 ** (1 + place / _BINS_A_DECADE))
        edge = digits * 10**power // 10 if power else round(digits / 10)
        if edge > edges[-1]:
            edges.append(edge)
    first = max(place for place, edge in enumerate(edges) if edge <= low)
    return edges[first:]
