"""What a prediction task is told."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tuneline.prediction.gemini.settings import GeminiSettings

AskedTurns = Literal["last", "every"]
ShotChoice = Literal["random", "balanced", "nearest"]
DecodingChoice = Literal["greedy", "model"]
EngineChoice = Literal["auto", "transformers", "vllm"]


class PredictSettings(BaseModel):
    """How a model is asked.

    Attributes:
        turns: ``last``: the last trained model turn of each example; ``every``: each of its
            trained model turns, after the conversation as it truly went.
        shots: For each number a prompt-design baseline is predicted with that many examples from
            the training split in its prompt; 0 is zero-shot. Not read for a tuned model.
        shot_choice: ``balanced``: at random, the labels taking turns; ``random``; ``nearest``: for
            each row those whose prompts are most similar (cosine of TF-IDF vectors of the words'
            runs of 2 to 4 characters), the most similar one last.
        max_new_tokens: Longest answer; ``None``: a quarter longer than the longest answer of the
            training split. A service has a limit of its own, under ``gemini``.
        batch_size: Prompts answered together, halved where the device's memory does not suffice.
        decoding: ``greedy``, or ``model``: the temperature, top-p, top-k, min-p and repetition
            penalty of the base model's own generation settings, for the tuned model too.
        samples: Further answers to each prompt, drawn at random; for pass@k.
        sample_temperature: Temperature of those draws.
        likelihood: Whether to measure how likely the model finds the right answers (perplexity).
            vLLM and services do not.
        engine: What runs an open model. ``auto``: vLLM where it is installed and a GPU is there.
        media_folder: Folder of the data file, where images have paths of this machine.
        seed: Chooses the shots, and seeds every draw of tokens.
        gemini: How a Gemini model or an endpoint is asked. Its ``samples``, ``sample_temperature``
            and ``seed`` are those above.
        journal: Folder or URI where a service's answers are kept, so that none is paid for twice;
            empty: beside the predictions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: AskedTurns = "last"
    shots: tuple[int, ...] = (0, 4)
    shot_choice: ShotChoice = "balanced"
    max_new_tokens: int | None = Field(default=None, ge=1)
    batch_size: int = Field(default=64, ge=1)
    decoding: DecodingChoice = "greedy"
    samples: int = Field(default=0, ge=0, le=1000)
    sample_temperature: float = Field(default=0.8, gt=0, le=2)
    likelihood: bool = True
    engine: EngineChoice = "auto"
    media_folder: Path | None = None
    seed: int = Field(default=0, ge=0)
    gemini: GeminiSettings = Field(default_factory=GeminiSettings)
    journal: str = ""

    @field_validator("shots")
    @classmethod
    def _counts(cls, shots: tuple[int, ...]) -> tuple[int, ...]:
        if not shots or min(shots) < 0 or len(set(shots)) < len(shots):
            raise ValueError("give different numbers of shots, each at least 0, such as [0, 4]")
        return shots

    @model_validator(mode="after")
    def _said_once(self) -> PredictSettings:
        shared = {"samples", "sample_temperature", "seed"} & self.gemini.model_fields_set
        if shared:
            raise ValueError(
                f"gemini: {', '.join(sorted(shared))}: hold for every model, so they stand beside "
                "gemini and not in it"
            )
        return self
