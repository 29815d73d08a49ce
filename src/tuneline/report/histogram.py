"""A histogram as columns of HTML, whose words keep their size however narrow the page is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from tuneline.report.page import render_page

if TYPE_CHECKING:
    from collections.abc import Sequence

_TICKS = 5
_MANY_BINS = 30
"""With more of them, the numbers at two powers of ten in a row may touch on a phone."""

_LAST_TICK = 0.85
"""A number that begins further right would stand beyond the end of the axis."""


@dataclass(frozen=True, slots=True)
class Bin:
    """How many values lie between two whole numbers, both of them included."""

    first: int
    last: int
    count: int


class _Column(NamedTuple):
    title: str
    height: float


class _Tick(NamedTuple):
    left: float
    text: str


def histogram_chart(bins: Sequence[Bin], description: str) -> Markup:
    """Draw a column for each bin, as high as its count, over an axis with some of the values.

    Args:
        bins: From left to right, at least one; columns are equally wide whatever the bins are.
        description: What a screen reader says.

    Returns:
        A ``<div class="histogram">``.
    """
    highest = max(one.count for one in bins) or 1
    page = render_page(
        "tuneline.report",
        "histogram.html",
        description=description,
        columns=[
            _Column(f"{_between(one)}: {one.count:,}", round(100 * one.count / highest, 2))
            for one in bins
        ],
        ticks=[
            _Tick(round(100 * place / len(bins), 2), f"{bins[place].first:,}")
            for place in _tick_places(bins)
            if place / len(bins) <= _LAST_TICK
        ],
    )
    return Markup(page)  # noqa: S704  rendered with autoescape on


def _tick_places(bins: Sequence[Bin]) -> Sequence[int]:
    """Where the axis has a number: at powers of ten where the bins widen, else at even steps."""
    powers = [place for place, one in enumerate(bins) if _is_power_of_ten(one.first)]
    widens = bins[-1].last - bins[-1].first > bins[0].last - bins[0].first
    if widens and len(powers) > 1:
        return powers if len(bins) <= _MANY_BINS else powers[::2]
    return range(0, len(bins), -(-len(bins) // _TICKS))


def _is_power_of_ten(value: int) -> bool:
    return str(value).rstrip("0") == "1"


def _between(one: Bin) -> str:
    return f"{one.first:,}" if one.first == one.last else f"{one.first:,} to {one.last:,}"
