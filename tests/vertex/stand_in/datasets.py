"""Files of examples: what the service counts in them and what it does not take."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.vertex.stand_in import storage

_MOST_VALIDATION_ROWS = 5000
_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Dataset:
    """A file of examples.

    Attributes:
        rows: Its examples.
        size: Its bytes.
        inputs: Rough tokens of each example that are not the answer.
        outputs: Rough tokens of each example's answers.
        problem: What is wrong with it; empty where nothing is.
    """

    rows: int = 0
    size: int = 0
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    problem: str = ""

    @property
    def tokens(self) -> int:
        """Of one epoch."""
        return sum(self.inputs) + sum(self.outputs)


def load(uri: str, field: str, *, open_model: bool) -> Dataset:
    """Read and judge a file.

    Args:
        uri: Where it is.
        field: What the service calls it: ``training_dataset_uri``.
        open_model: Whether its lines are those of open models.
    """
    if not uri.startswith("gs://") or not uri.endswith(".jsonl"):
        return Dataset(problem=f"{field} should be a GCS object of type JSONL.")
    content = storage.read(uri)
    if content is None:
        return Dataset(problem=f"{field}: the object {uri} does not exist or cannot be read.")
    lines = [line for line in content.split(b"\n") if line.strip()]
    if not lines:
        return Dataset(problem=f"{field}: {uri} has no examples.")
    lengths = []
    for number, line in enumerate(lines, 1):
        try:
            lengths.append(_lengths(json.loads(line), open_model=open_model))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return Dataset(problem=f"Dataset example {number} of {len(lines)} {_said(error)}")
    inputs, outputs = zip(*lengths, strict=True)
    return Dataset(len(lines), len(content), inputs, outputs)


def pair_problem(training: Dataset, validation: Dataset, *, open_model: bool) -> str:
    """What is wrong with a validation file beside its training file; empty where nothing is."""
    if validation.rows > _MOST_VALIDATION_ROWS:
        return f"The validation dataset has more than {_MOST_VALIDATION_ROWS} examples."
    if open_model and 4 * validation.size > training.size:
        return "The validation dataset must be at most 25% of the training dataset's size."
    if not open_model and validation.rows > 1000 and 10 * validation.rows > 3 * training.rows:
        return "The validation dataset must have at most 30% of the training examples."
    return ""


def _said(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
        return "is not valid JSON."
    if isinstance(error, ValueError):
        return str(error)
    return 'has fields of the wrong form in the "contents" field.'


def _lengths(example: Any, *, open_model: bool) -> tuple[int, int]:
    if open_model:
        return _open_lengths(example)
    contents = example.get("contents")
    if not contents:
        raise ValueError('is missing the required "contents" field.')
    if any(turn.get("role") not in ("user", "model") for turn in contents):
        raise ValueError('has a role other than "user" and "model" in the "contents" field.')
    if any(not turn.get("parts") for turn in contents):
        raise ValueError('has empty "parts" in the "contents" field.')
    if contents[-1]["role"] != "model":
        raise ValueError('must end with the role "model" in the "contents" field.')
    system = example.get("systemInstruction") or example.get("system_instruction")
    turns = [*([{**system, "role": "system"}] if system else []), *contents]
    return _by_role([(turn["role"], turn["parts"]) for turn in turns], "model")


def _open_lengths(example: Any) -> tuple[int, int]:
    if {"prompt", "completion"} <= set(example):
        return _tokens(example["prompt"]), _tokens(example["completion"])
    if messages := example.get("messages"):
        if any(turn.get("role") not in ("system", "user", "assistant") for turn in messages):
            raise ValueError('has a role other than "system", "user" and "assistant".')
        return _by_role([(turn["role"], turn["content"]) for turn in messages], "assistant")
    if contents := example.get("contents"):
        if any(turn.get("role") not in ("user", "assistant") for turn in contents):
            raise ValueError('has a role other than "user" and "assistant" in "contents".')
        return _by_role([(turn["role"], turn["parts"]) for turn in contents], "assistant")
    raise ValueError('has none of "messages", "prompt" with "completion", and "contents".')


def _by_role(turns: list[tuple[str, Any]], answering: str) -> tuple[int, int]:
    given = sum(_tokens(content) for role, content in turns if role != answering)
    return given, sum(_tokens(content) for role, content in turns if role == answering)


def _tokens(content: Any) -> int:
    text = content if isinstance(content, str) else json.dumps(content)
    return max(1, len(text) // _CHARACTERS_PER_TOKEN)
