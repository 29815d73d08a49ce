"""What a prediction task is told."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator


class PredictSettings(BaseModel):
    """How a model is asked.

    Attributes:
        shots: For each number a prompt-design baseline is predicted with that many examples from
            the training split in its prompt; 0 is zero-shot. Not read for a tuned model.
        max_new_tokens: Longest answer; ``None``: a quarter longer than the longest answer of the
            training split.
        batch_size: Prompts answered together.
        seed: Chooses the shots.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shots: tuple[int, ...] = (0, 4)
    max_new_tokens: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=64, ge=1)
    seed: int = 0

    @field_validator("shots")
    @classmethod
    def _counts(cls, shots: tuple[int, ...]) -> tuple[int, ...]:
        if not shots or min(shots) < 0 or len(set(shots)) < len(shots):
            raise ValueError("give different numbers of shots, each at least 0, such as [0, 4]")
        return shots
