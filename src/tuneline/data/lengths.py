"""How long prompts and answers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Sequence


class Lengths(BaseModel):
    """Distribution of a number of characters; all 0 where there is no example.

    ``median`` and ``p95`` are nearest-rank percentiles.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: int = 0
    mean: float = 0.0
    median: int = 0
    p95: int = 0
    max: int = 0

    @classmethod
    def of(cls, lengths: Sequence[int]) -> Lengths:
        """Summarise lengths in characters."""
        if not lengths:
            return cls()
        ordered = sorted(lengths)
        count = len(ordered)
        return cls(
            min=ordered[0],
            mean=round(sum(ordered) / count, 2),
            median=ordered[(count + 1) // 2 - 1],
            p95=ordered[-(-count * 95 // 100) - 1],
            max=ordered[-1],
        )


def histogram(lengths: Sequence[int], bins: int) -> list[tuple[int, int, int]]:
    """Count lengths in bins of equal width: (first, last, count), both ends within the bin."""
    if not lengths:
        return []
    low, high = min(lengths), max(lengths)
    width = -(-(high - low + 1) // bins)
    counts = [0] * (-(-(high - low + 1) // width))
    for length in lengths:
        counts[(length - low) // width] += 1
    return [
        (low + place * width, low + (place + 1) * width - 1, count)
        for place, count in enumerate(counts)
    ]
