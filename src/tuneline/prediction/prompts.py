"""Prompt design: the baselines that tuning must beat.

A baseline may use what a person would write: an instruction that names the possible answers, and
some solved examples. The examples come from the training split alone.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING

from tuneline.errors import ConfigurationError
from tuneline.models.chat import Message, to_messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.data.schema import Example, ExamplesInfo


def baseline_name(shots: int) -> str:
    """Name of the baseline with that many shots: ``zero-shot``, ``4-shot``."""
    return f"{shots}-shot" if shots else "zero-shot"


def instruction(info: ExamplesInfo) -> str:
    """The instruction that a baseline puts before the user's own; empty without a label set."""
    if info.task != "classification":
        return ""
    return "Answer with exactly one of: " + ", ".join(info.labels) + "."


def choose_shots(train: Sequence[Example], count: int, seed: int) -> list[Example]:
    """Choose examples for the prompt: at random, the labels taking turns where there are labels.

    The choice depends on the seed and the examples' contents, not on their order.

    Raises:
        ConfigurationError: The training split holds fewer examples.
    """
    if count > len(train):
        raise ConfigurationError(
            f"shots: {count} wanted, but the training split holds {len(train)} examples."
        )
    generator = random.Random(seed)  # noqa: S311 - a choice of examples, not a secret
    pool = sorted(train, key=lambda example: example.example_id)
    generator.shuffle(pool)
    by_label: dict[str | None, list[Example]] = defaultdict(list)
    for example in pool:
        by_label[example.label].append(example)
    chosen: list[Example] = []
    queues = list(by_label.values())
    while len(chosen) < count:
        queues = [queue for queue in queues if queue]
        chosen.extend(queue.pop() for queue in queues[: count - len(chosen)])
    generator.shuffle(chosen)
    return chosen


def prompt_messages(example: Example) -> list[Message]:
    """The chat up to the answer that is asked for, as tuning saw it."""
    return to_messages(example)[:-1]


def baseline_messages(example: Example, shots: Sequence[Example], instruct: str) -> list[Message]:
    """The same chat with the instruction and the shots before it."""
    asked = prompt_messages(example)
    own_system = asked.pop(0)["content"] if asked[0]["role"] == "system" else ""
    system = "\n".join(text for text in (own_system, instruct) if text)
    solved = [
        message for shot in shots for message in to_messages(shot) if message["role"] != "system"
    ]
    head = [{"role": "system", "content": system}] if system else []
    return [*head, *solved, *asked]
