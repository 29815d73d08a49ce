"""Words and limits that all parts of the page share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tuneline.report.words import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

SHOWN_TEXT = 600
"""Characters of an example that are shown."""


class Bar(NamedTuple):
    """One bar: its name, its number, and its length in per cent."""

    name: str
    number: int
    percent: float


def bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    """Bars as long as their numbers say, the longest from end to end."""
    longest = max((count for _, count in counts), default=1) or 1
    return [Bar(name_of(name), count, round(100 * count / longest, 1)) for name, count in counts]


def number(value: float) -> str:
    """A number as people write it: whole ones without a point."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def share(part: float, whole: float = 1.0) -> str:
    """A share in per cent, which says 0 and 100 only of what is nothing and everything."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{percent:.1f} %".replace(".0 %", " %")
