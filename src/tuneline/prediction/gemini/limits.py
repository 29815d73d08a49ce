"""Rate limits: how many requests and tokens may start in a minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class TokenBucket:
    """An allowance that fills steadily; who takes more than is there waits until it is paid back.

    What is taken is booked at once, so waiting takers stand in line. In any minute at most
    ``per_minute`` and one saved amount (``burst``) start.

    Args:
        per_minute: How much comes in a minute; 0: there is no limit.
        burst: Most that is saved while nobody takes.
        clock: Seconds that never go back.
    """

    def __init__(
        self, per_minute: float, *, burst: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._clock = clock
        self._level = burst
        self._filled_at = clock()

    def take(self, amount: float) -> float:
        """Book an amount; a negative one gives back.

        Returns:
            Seconds to wait before it may be used.
        """
        if not self._per_second:
            return 0.0
        now = self._clock()
        came = (now - self._filled_at) * self._per_second
        self._filled_at = now
        full = min(self._burst, self._level + came)
        self._level = min(self._burst, full - amount)
        return max(0.0, -self._level / self._per_second)


class RateLimit:
    """The limits of one service.

    Args:
        requests_per_minute: Most requests; 0: no limit.
        tokens_per_minute: Most tokens of prompts and answers; 0: no limit.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        requests_per_minute: int,
        tokens_per_minute: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._requests = TokenBucket(requests_per_minute, burst=1.0, clock=clock)
        self._tokens = TokenBucket(tokens_per_minute, clock=clock)

    def start(self, tokens: int) -> float:
        """Book a request with that many tokens; return the seconds to wait before it is sent."""
        return max(self._requests.take(1.0), self._tokens.take(tokens))

    def settle(self, estimated: int, counted: int) -> None:
        """Set an estimate right by what the service counted, for those that come after."""
        self._tokens.take(counted - estimated)
