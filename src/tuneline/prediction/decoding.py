"""How the next token is chosen, in words that every engine understands."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson
from transformers import GenerationConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEFAULT_TOP_K = 50  # what transformers takes for a model that samples and names no top_k


@dataclass(frozen=True, slots=True)
class Decoding:
    """A way of choosing the next token from a model's logits.

    Attributes:
        temperature: What the logits are divided by; 0 takes the most likely token.
        top_p: Least share of the probability that the kept tokens must have together.
        top_k: Most tokens that are kept; 0 keeps all.
        min_p: Least probability of a kept token, as a share of the most likely token's.
        repetition_penalty: Above 1, tokens that were read or written become less likely.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    @classmethod
    def of_model(cls, config: GenerationConfig) -> Decoding:
        """What a model's own generation settings ask for."""
        penalty = _given(config.repetition_penalty, 1.0)
        if not config.do_sample:
            return cls(repetition_penalty=penalty)
        return cls(
            temperature=_given(config.temperature, 1.0),
            top_p=_given(config.top_p, 1.0),
            top_k=int(_given(config.top_k, _DEFAULT_TOP_K)),
            min_p=_given(config.min_p, 0.0),
            repetition_penalty=penalty,
        )

    @property
    def shares_prefixes(self) -> bool:
        """Whether padding behind a shared beginning changes nothing: a penalty would count it."""
        return self.repetition_penalty == 1.0

    def for_transformers(
        self, *, max_new_tokens: int, stop: list[int], padding: int
    ) -> GenerationConfig:
        """The same as a generation configuration with every field that matters set."""
        chosen = asdict(self)
        if self.temperature == 0:
            chosen = {"repetition_penalty": self.repetition_penalty}
        return GenerationConfig(
            **{**chosen, "min_p": chosen.get("min_p") or None},
            do_sample=self.temperature > 0,
            max_new_tokens=max_new_tokens,
            eos_token_id=stop,
            pad_token_id=padding,
        )

    def for_vllm(self) -> dict[str, Any]:
        """The same as arguments of vLLM's ``SamplingParams``, which has the same names."""
        return asdict(self)


GREEDY = Decoding()
"""The most likely token at every place."""


@dataclass(frozen=True, slots=True)
class AnswerPlan:
    """How answers are written, whatever engine writes them.

    Attributes:
        max_new_tokens: Longest answer.
        batch_size: Prompts that are answered together.
        decoding: How the answer's tokens are chosen.
        samples: Further answers to each prompt, drawn at random.
        sample_temperature: Temperature of those draws.
        seed: Seeds every draw.
    """

    max_new_tokens: int
    batch_size: int = 64
    decoding: Decoding = GREEDY
    samples: int = 0
    sample_temperature: float = 0.8
    seed: int = 0

    @property
    def sampling(self) -> Decoding:
        """How the tokens of the further answers are chosen."""
        return Decoding(temperature=self.sample_temperature)


def seed_of(seed: int, prompts: Sequence[Sequence[int]]) -> int:
    """Seed of a draw: of the user's seed and what is asked, so that a rerun draws the same."""
    digest = hashlib.blake2b(orjson.dumps([seed, prompts]), digest_size=7)
    return int.from_bytes(digest.digest(), "big")


def _given(value: float | None, default: float) -> float:
    return default if value is None else float(value)
