"""A judge that is a Gemini model or an endpoint, asked through the same journal as candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tuneline.data.schema import Part, Turn
from tuneline.prediction.gemini.asker import GeminiAsker
from tuneline.prediction.gemini.names import parse
from tuneline.prediction.gemini.request import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.pairwise.settings import JudgeSettings
    from tuneline.prediction.journal import Journal

REPLY_SCHEMA: dict[str, Any] = {
    "type": "OBJECT",
    "properties": {
        "reason": {"type": "STRING"},
        "winner": {"type": "STRING", "enum": ["A", "B", "tie"]},
    },
    "required": ["reason", "winner"],
    "propertyOrdering": ["reason", "winner"],
}
"""What a reply must be; the reason comes first, so that the choice follows from it."""


class GeminiJudge:
    """Asks the model of the settings.

    Args:
        settings: Which model, and how it is asked.
        journal: Where its replies are kept, and found again.

    Raises:
        ConfigurationError: The name is no model's, or the model is retired.
    """

    def __init__(self, settings: JudgeSettings, journal: Journal) -> None:
        self._asker = GeminiAsker(settings.model, settings.service, journal)
        # Their vendor advises against schemas for tuned models.
        self._schema = None if parse(settings.model).is_endpoint else REPLY_SCHEMA

    def ask(self, prompts: Sequence[str]) -> list[str]:
        """Reply to every prompt; empty where the service withheld the reply.

        Raises:
            ConfigurationError: The service refuses a request or the credentials.
            ServiceError: No reply after all attempts, or not before the deadline.
        """
        requests = [
            Request((Turn("user", (Part(text=prompt),)),), response_schema=self._schema)
            for prompt in prompts
        ]
        return [answer.text for answer in self._asker.answer(requests, "judge")]
