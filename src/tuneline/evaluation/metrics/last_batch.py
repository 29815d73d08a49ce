"""What several metrics make of the same batch of rows, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.evaluation.rows import Rows

Made = TypeVar("Made")


class LastBatch(Generic[Made]):
    """Remembers what was made of the last batch, so that memory stays that of one batch.

    A batch is known by identity: metrics share the work where they are given the same ``Rows``.

    Args:
        make: Makes it from the rows.
    """

    def __init__(self, make: Callable[[Rows], Made]) -> None:
        self._make = make
        self._last: tuple[Rows, Made] | None = None

    def of(self, rows: Rows) -> Made:
        """What ``make`` returns for these rows."""
        last = self._last  # read once: another thread may replace it
        if last is None or last[0] is not rows:
            last = self._last = (rows, self._make(rows))
        return last[1]
