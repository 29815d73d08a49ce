"""What every kind of model that is asked has in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.prediction.answer import Answer
    from tuneline.prediction.prompts import Question
    from tuneline.prediction.store import Engine


@dataclass(frozen=True, slots=True)
class TimedAnswers:
    """Answers in the order of the questions, and the seconds that they took.

    An open model's samples and likelihoods are not counted: nobody asks for them when it serves.
    """

    answers: list[Answer]
    seconds: float


class AnsweringModel(Protocol):
    """A model that answers questions."""

    @property
    def engine(self) -> Engine:
        """What runs the model."""

    @property
    def parameters(self) -> int:
        """The model's parameters; 0 where a service does not say."""

    def prompt(self, question: Question) -> str:
        """The prompt of a question as the model gets it."""

    def answer(self, questions: Sequence[Question], name: str) -> TimedAnswers:
        """Answer every question, in the order given, for the candidate of that name."""
