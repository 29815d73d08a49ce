"""Waits between two looks or tries."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneline.submission.patience import Patience

_GROWTH = 1.5


class Waits:
    """Waits that grow, until a deadline.

    Args:
        patience: How long the first and the longest are, and the deadline.
    """

    def __init__(self, patience: Patience) -> None:
        self._next_s, self._longest_s = patience.first_wait_s, patience.longest_wait_s
        self._end = time.monotonic() + patience.deadline_hours * 3600

    @property
    def is_over(self) -> bool:
        """Whether the next wait would end after the deadline."""
        return time.monotonic() + self._next_s > self._end

    def wait(self) -> None:
        """Sleep, up to a fifth shorter than planned, so that many clients do not ask at once."""
        time.sleep(self._next_s * random.uniform(0.8, 1))  # noqa: S311 - no secret
        self._next_s = min(self._next_s * _GROWTH, self._longest_s)
