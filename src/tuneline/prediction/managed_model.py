"""A Gemini model, or the endpoint of a tuned one, asked the same questions as an open model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson

from tuneline.prediction.answering import TimedAnswers
from tuneline.prediction.gemini.asker import GeminiAsker
from tuneline.prediction.gemini.request import Request
from tuneline.prediction.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.prediction.prompts import Question
    from tuneline.prediction.settings import PredictSettings
    from tuneline.prediction.store import Engine

_SEEDS = 2**31


class ManagedModel:
    """A model behind a service.

    Args:
        model: Name of a Gemini model or of an endpoint.
        settings: How to ask.
        output: Predictions file; the journal is beside it unless the settings name a place.
        tuned_from: For an endpoint, the model that was tuned, where known.

    Raises:
        ConfigurationError: The name is no model's, or the journal's place cannot be opened.
        MachineError: The journal cannot be read.
        ServiceError: The journal's store cannot be read.
    """

    engine: Engine = "gemini"
    parameters = 0

    def __init__(
        self, model: str, settings: PredictSettings, output: Path, tuned_from: str = ""
    ) -> None:
        shared = {
            "samples": settings.samples,
            "sample_temperature": settings.sample_temperature,
            "seed": settings.seed % _SEEDS,
        }
        if settings.max_new_tokens:
            shared["max_output_tokens"] = settings.max_new_tokens
        place = settings.journal or output.with_name(f"{output.name}.journal")
        self._asker = GeminiAsker(
            model,
            settings.gemini.model_copy(update=shared),
            Journal(place),
            tuned_from=tuned_from,
        )

    def prompt(self, question: Question) -> str:
        """The prompt of a question as the service gets it."""
        body = _request(question).body({})
        return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()

    def answer(self, questions: Sequence[Question], name: str) -> TimedAnswers:
        """Answer every question, in the order given; those of the journal take no time.

        Raises:
            ConfigurationError: The service refuses a request or the credentials.
            ServiceError: The service does not answer.
            MachineError: The journal cannot be written.
        """
        started = time.monotonic()
        answers = self._asker.answer([_request(question) for question in questions], name)
        return TimedAnswers(answers, time.monotonic() - started)


def _request(question: Question) -> Request:
    asked = question.asked
    return Request.of(
        asked.example, asked.turn, shots=question.shots, instruction=question.instruction
    )
