"""How much of texts a page can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.report.breaks import breakable
from tuneline.report.shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def page_bytes(texts: Iterable[str]) -> int:
    """Size of texts as they stand in a page, escaped, with places to break and as UTF-8."""
    return sum(len(breakable(text).encode()) for text in texts)


def fitting_length(texts: Sequence[str], lengths: Sequence[int], most_bytes: int) -> int:
    """The longest length to which texts can be cut so that all of them fit, or the shortest.

    Args:
        texts: What is to be shown.
        lengths: Characters of a text, from the longest to the shortest.
        most_bytes: Of all texts together, as they stand in the page.
    """
    for length in lengths[:-1]:
        if page_bytes(shown(text, length) for text in texts) <= most_bytes:
            return length
    return lengths[-1]
