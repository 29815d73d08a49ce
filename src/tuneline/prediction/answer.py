"""What a model said to one prompt: the form that every kind of model's answers take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length", "prompt_too_long", "blocked"]
"""Why an answer ended: by itself, at the longest length, never begun, or withheld by a service."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said to one prompt, and why it ended.

    Attributes:
        text: The greedy answer; empty where there is none.
        prompt_tokens: Tokens of the prompt, as the model's tokenizer or the service counts them.
        output_tokens: Tokens of the answer without the end of the turn; those of a thinking model's
            thoughts are counted, since they are paid for.
        finish_reason: Why the answer ended.
        samples: Further answers to the same prompt, drawn at a temperature above 0.
        reference_nll: Sum of the reference answer's negative log-likelihoods in nats, where the
            model gives its logits.
        reference_tokens: Tokens that ``reference_nll`` is the sum over.
    """

    text: str
    prompt_tokens: int
    output_tokens: int
    finish_reason: FinishReason
    samples: tuple[str, ...] = ()
    reference_nll: float | None = None
    reference_tokens: int | None = None
