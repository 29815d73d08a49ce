"""What judging by a model is told."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from tuneline.prediction.gemini.settings import GeminiSettings

DEFAULT_CRITERIA = (
    "The better answer does what the request asks, is right, and leaves out nothing that matters. "
    "Where a reference answer is shown, it is right; an answer may say the same in other words. "
    "Of two answers that are as right, the clearer one is better. A longer answer is not better "
    "for its length."
)


class JudgeSettings(BaseModel):
    """How answers are judged by a model.

    Attributes:
        model: A Gemini model or an endpoint; empty: no judge is asked. It should be none of the
            candidates, since models prefer their own answers.
        criteria: What makes an answer better, in plain words.
        rows: Most rows that are judged, chosen by the seed; 0: all. Each is two requests for every
            pair of candidates.
        seed: Chooses the rows.
        journal: Folder or URI where its replies are kept, so that none is paid for twice; empty:
            beside the verdict.
        service: How the judge is asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = ""
    criteria: str = Field(default=DEFAULT_CRITERIA, min_length=1)
    rows: int = Field(default=200, ge=0)
    seed: int = 0
    journal: str = ""
    service: GeminiSettings = GeminiSettings()
