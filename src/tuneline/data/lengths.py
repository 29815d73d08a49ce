"""How long prompts and answers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Sequence


class Lengths(BaseModel):
    """Distribution of a number of characters or tokens; all 0 where there is no example.

    ``median`` and ``p95`` are nearest-rank percentiles.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: int = 0
    mean: float = 0.0
    median: int = 0
    p95: int = 0
    max: int = 0

    @classmethod
    def of(cls, lengths: np.ndarray | Sequence[int]) -> Lengths:
        """Summarise lengths."""
        ordered = np.sort(lengths)
        count = len(ordered)
        if not count:
            return cls()
        return cls(
            min=int(ordered[0]),
            mean=round(float(ordered.sum(dtype=np.int64)) / count, 2),
            median=int(ordered[(count + 1) // 2 - 1]),
            p95=int(ordered[-(-count * 95 // 100) - 1]),
            max=int(ordered[-1]),
        )
