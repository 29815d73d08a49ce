"""How a model is told to think as little as it can.

Models differ, and the services refuse what a model does not know: this is data with a day and a
source, and the settings override it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuneline.prediction.gemini.settings import GeminiSettings


@dataclass(frozen=True, slots=True)
class LeastThinking:
    """What the models whose id starts with ``family`` take as their least thinking."""

    family: str
    config: dict[str, int | str]


AS_OF = dt.date(2026, 11, 23)
"""The day that the table was read."""

SOURCE = "https://ai.google.dev/gemini-api/docs/generate-content/thinking"
"""The page to confirm it on; the order of the families counts."""

LEAST_THINKING: tuple[LeastThinking, ...] = (
    LeastThinking("gemini-2.0-", {}),  # does not think, and refuses to be told
    LeastThinking("gemini-2.5-pro", {"thinkingBudget": 128}),
    LeastThinking("gemini-2.5-", {"thinkingBudget": 0}),
    LeastThinking("gemini-3.1-flash-lite", {"thinkingLevel": "MINIMAL"}),
    # Some take less, others refuse less: users were refused MINIMAL by 3.7 and 3.8 Flash.
    LeastThinking("gemini-3", {"thinkingLevel": "LOW"}),
)
"""First match counts."""


def thinking_config(model_id: str, settings: GeminiSettings) -> dict[str, int | str] | None:
    """The request's ``thinkingConfig``.

    Args:
        model_id: Id of the publisher's model that answers, or that a tuned one was tuned from;
            empty where it is not known.
        settings: What the user says comes first.

    Returns:
        Empty where nothing needs to be said; None where nothing is known of the model, so that it
        thinks as it likes.
    """
    if settings.thinking_budget is not None:
        return {"thinkingBudget": settings.thinking_budget}
    if settings.thinking_level is not None:
        return {"thinkingLevel": settings.thinking_level.upper()}
    return next(
        (row.config for row in LEAST_THINKING if model_id.startswith(row.family)),
        None,
    )
