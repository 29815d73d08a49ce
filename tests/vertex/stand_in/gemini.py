"""Answers of publisher models and of tuned endpoints: the other stand-in, with a second voice."""

from __future__ import annotations

from collections.abc import Callable

from tests.prediction.gemini.stand_in import Asked, Reply, StandIn
from tests.vertex.stand_in.base_models import GEMINI


class Gemini(StandIn):
    """The stand-in for ``:generateContent``, which knows the endpoints of tuned models.

    Attributes:
        tuned_answer: Makes the replies of tuned endpoints; None: ``answer`` makes them too.
        tuned: Those endpoints: ``endpoints/ID``.
    """

    def __init__(self) -> None:
        self.tuned_answer: Callable[[Asked], Reply] | None = None
        self.tuned: set[str] = set()
        super().__init__()
        self.models |= {f"publishers/google/models/{name}" for name in GEMINI}

    @property
    def answer(self) -> Callable[[Asked], Reply]:
        """Makes the reply to a request, by what is asked."""
        plain, tuned = self._plain, self.tuned_answer
        return lambda asked: (tuned if tuned and asked.model in self.tuned else plain)(asked)

    @answer.setter
    def answer(self, made: Callable[[Asked], Reply]) -> None:
        self._plain = made
