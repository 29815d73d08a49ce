"""The settings that a user left out, each by a rule with a source.

`docs/tuning.md` says the same for users.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tuneline.training.settings import Method, Preset, TrainingSettings


@dataclass(frozen=True, slots=True)
class PresetValues:
    """What a preset aims at.

    Attributes:
        epochs: Passes over data of common size.
        lora_rank: Smallest rank.
        early_stopping_patience: Validations without a better loss.
        least_examples: Examples that a run should see, so that few rows are passed more often.
        most_examples: Examples after which more passes over many rows stop to pay.
    """

    epochs: float
    lora_rank: int
    early_stopping_patience: int
    least_examples: int
    most_examples: int


PRESETS: dict[Preset, PresetValues] = {
    "quick": PresetValues(3, 8, 1, 500, 25_000),
    "balanced": PresetValues(6, 16, 2, 1_000, 50_000),
    "quality": PresetValues(12, 32, 3, 2_000, 100_000),
}
"""Early stopping makes the epochs an upper bound."""

_MOST_EPOCHS = 25.0
_LARGEST_RANK = 256
_BATCH_SHARE = 0.002
_SMALLEST_BATCH, _LARGEST_BATCH = 8, 64
_BITS_A_PARAMETER = 2
_BITS_A_TOKEN = 1

_LARGE = 1_000_000_000
_LEARNING_RATE_AT_LARGE: dict[Method, float] = {"full": 2e-5, "pet": 2e-4}
_LEARNING_RATE_FALL: dict[Method, float] = {"full": 0.6, "pet": 0.5}
_LEARNING_RATE_CEILING: dict[Method, float] = {"full": 2e-3, "pet": 5e-3}


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the rules read.

    Attributes:
        method: ``pet`` or ``full``.
        preset: The preset's name.
        parameters: Parameters of the base model.
        examples: Examples of the training split.
        trained_tokens: Tokens of it that the loss falls on, in one epoch.
        parameters_a_rank: Parameters of an adapter of rank 1; 0 for ``full``.
    """

    method: Method
    preset: Preset
    parameters: int
    examples: int
    trained_tokens: int
    parameters_a_rank: int = 0


def resolved(settings: TrainingSettings, facts: RunFacts) -> TrainingSettings:
    """Fill every setting that was left out."""
    preset = PRESETS[facts.preset]
    derived: dict[str, Any] = {
        "batch_size": batch_size(facts.examples),
        "epochs": epochs(preset, facts.examples),
        "learning_rate": learning_rate(facts.method, facts.parameters),
        "early_stopping_patience": preset.early_stopping_patience,
    }
    if facts.method == "pet":
        rank = settings.lora_rank or lora_rank(preset, facts)
        derived.update(lora_rank=rank, lora_alpha=2.0 * rank)
    given = settings.model_dump(include=set(derived))
    missing = {name: value for name, value in derived.items() if given[name] is None}
    return settings.model_copy(update=missing)


def epochs(preset: PresetValues, examples: int) -> float:
    """More passes over few examples, fewer over many.

    The rule of OpenAI's cookbook ("Data preparation and analysis for chat model fine-tuning"):
    a number of epochs, but no fewer than 100 and no more than 25,000 examples in all, and 1 to 25
    epochs. Its least number of examples is raised here, since 100 are 12 steps of 8; the larger
    presets raise both.
    """
    if preset.epochs * examples < preset.least_examples:
        return min(_MOST_EPOCHS, float(math.ceil(preset.least_examples / examples)))
    if preset.epochs * examples > preset.most_examples:
        return max(1.0, float(preset.most_examples // examples))
    return preset.epochs


def batch_size(examples: int) -> int:
    """A five-hundredth of the examples, as a power of two from 8 to 64.

    OpenAI's fine-tuning service takes about 0.2 % of the examples ("Fine-tuning" guide). LoRA
    loses more by large batches than full tuning does ("LoRA Without Regret", Thinking Machines
    2025), and on a few hundred examples 8 learned more than 16 (benchmarks/RESULTS.md).
    """
    share = max(examples * _BATCH_SHARE, 1)
    return min(max(1 << round(math.log2(share)), _SMALLEST_BATCH), _LARGEST_BATCH)


def learning_rate(method: Method, parameters: int) -> float:
    """A power law of the model's size, up to a ceiling.

    It goes through the values in common use at one billion parameters: 2e-4 for LoRA (QLoRA, arXiv
    2305.14314, table 9) and a tenth of it for full tuning ("LoRA Without Regret", Thinking
    Machines 2025). Smaller models take larger steps; the ceiling was measured on the embedded one.
    """
    scale = (_LARGE / max(parameters, 1)) ** _LEARNING_RATE_FALL[method]
    rate = min(_LEARNING_RATE_AT_LARGE[method] * scale, _LEARNING_RATE_CEILING[method])
    return float(f"{rate:.2g}")


def lora_rank(preset: PresetValues, facts: RunFacts) -> int:
    """The preset's rank, or the smallest power of two whose adapter can hold the data.

    A model stores about 2 bits a parameter (Allen-Zhu and Li, arXiv 2404.05405), and text has about
    1 bit a token to learn ("LoRA Without Regret", Thinking Machines 2025): an adapter with fewer
    parameters than half the trained tokens falls behind full tuning.
    """
    needed = facts.trained_tokens * _BITS_A_TOKEN / _BITS_A_PARAMETER / facts.parameters_a_rank
    enough = 1 << math.ceil(math.log2(max(needed, 1)))
    return min(max(preset.lora_rank, enough), max(_LARGEST_RANK, preset.lora_rank))
