"""What can be tuned, where and how; vendor pages of September 2026."""

from __future__ import annotations

from dataclasses import dataclass

_FULL, _PEFT = "TUNING_MODE_FULL", "TUNING_MODE_PEFT_ADAPTER"
OPEN_LOCATIONS = (
    "global",
    "us-central1",
    "europe-west4",
    "us-west1",
    "us-east5",
    "asia-southeast1",
    "asia-southeast2",
)
SERVED_FROM = {"us-central1": "us", "europe-west4": "eu"}
"""Where a tuned Gemini 3.x answers, by where it was tuned."""


@dataclass(frozen=True, slots=True)
class Gemini:
    """A Gemini model.

    Attributes:
        adapter_sizes: That it takes.
        third: Whether it is of the 3.x line, which has its own places and no encryption keys.
    """

    adapter_sizes: tuple[int, ...]
    third: bool


@dataclass(frozen=True, slots=True)
class Open:
    """An open model, by what tuning of it may change."""

    modes: tuple[str, ...]
    adapter_sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32)


GEMINI = {
    "gemini-3.5-flash": Gemini((1, 2, 4, 8, 16), third=True),
    "gemini-3.1-flash-lite": Gemini((1, 2, 4, 8, 16), third=True),
    "gemini-2.5-flash": Gemini((1, 2, 4, 8, 16), third=False),
    "gemini-2.5-flash-lite": Gemini((1, 2, 4, 8, 16), third=False),
    "gemini-2.5-pro": Gemini((1, 2, 4, 8), third=False),
}
OPEN = {
    "google/gemma4@gemma-4-e2b-it": Open((_PEFT,)),
    "google/gemma4@gemma-4-e4b-it": Open((_PEFT,)),
    "google/gemma4@gemma-4-26b-a4b-it": Open((_PEFT,)),
    "google/gemma4@gemma-4-31b-it": Open((_PEFT,)),
    "google/gemma3@gemma-3-1b-it": Open((_FULL,)),
    "google/gemma3@gemma-3-4b-it": Open((_FULL,)),
    "google/gemma3@gemma-3-12b-it": Open((_FULL,)),
    "google/gemma3@gemma-3-27b-it": Open((_FULL, _PEFT)),
    "google/medgemma@medgemma-1.5-4b-it": Open((_FULL,)),
    "qwen/qwen3-6@qwen3.6-27b": Open((_PEFT,)),
    "qwen/qwen3-6@qwen3.6-35b-a3b": Open((_PEFT,)),
    "qwen/qwen3-5@qwen3.5-9b": Open((_FULL,)),
    "qwen/qwen3@qwen3-4b": Open((_FULL,)),
    "qwen/qwen3@qwen3-8b": Open((_FULL,)),
    "qwen/qwen3@qwen3-14b": Open((_FULL,)),
    "qwen/qwen3@qwen3-32b": Open((_FULL, _PEFT)),
    "meta/llama3_1@llama-3.1-8b": Open((_FULL, _PEFT)),
    "meta/llama3_1@llama-3.1-8b-instruct": Open((_FULL, _PEFT)),
    "meta/llama3-2@llama-3.2-1b-instruct": Open((_FULL,)),
    "meta/llama3-2@llama-3.2-3b-instruct": Open((_FULL,)),
    "meta/llama3-3@llama-3.3-70b-instruct": Open((_FULL, _PEFT)),
    "meta/llama4@llama-4-scout-17b-16e-instruct": Open((_PEFT,)),
    "zai-org/glm-4.7-flash@glm-4.7-flash": Open((_PEFT,)),
}


def gemini_of(base_model: str) -> Gemini | None:
    """The Gemini model of a base model's name; None where it is none that can be tuned."""
    return GEMINI.get(base_model.removeprefix("publishers/google/models/"))


def is_open(base_model: str) -> bool:
    """Whether a base model's name is meant as an open model's, right or wrong."""
    return "/" in base_model and not base_model.startswith("publishers/google/models/gemini")
