"""From a split's Parquet file to token sequences whose labels mark the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline.data.schema import read_examples
from tuneline.errors import DataError
from tuneline.models.chat import TrainingSequence, to_messages, training_sequences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tuneline.training.settings import TrainingSettings

_NAMED_ROWS = 5


@dataclass(frozen=True, slots=True)
class EncodedSplit:
    """A split as the trainer takes it.

    ``examples`` were read, ``too_long`` of them left out by the setting ``on_too_long: drop``.
    """

    sequences: list[TrainingSequence]
    examples: int
    too_long: int

    @property
    def tokens(self) -> int:
        """All tokens, prompts included."""
        return sum(len(sequence.input_ids) for sequence in self.sequences)

    @property
    def trained_tokens(self) -> int:
        """Tokens that the loss falls on."""
        return sum(sequence.trained_tokens for sequence in self.sequences)


def encode_split(
    path: Path, tokenizer: Any, settings: TrainingSettings, longest: int
) -> EncodedSplit:
    """Encode every example of a split.

    Args:
        path: Canonical Parquet file.
        tokenizer: The base model's tokenizer.
        settings: Says what happens to examples over the limit.
        longest: The limit, in tokens.

    Raises:
        DataError: The split is empty, or holds examples over the limit (all counted, the first
            named) and ``on_too_long`` is ``error``, or none is left.
    """
    kept: list[TrainingSequence] = []
    too_long: list[str] = []
    examples = 0
    for where, sequences in _encoded(path, tokenizer):
        examples += 1
        length = max(len(sequence.input_ids) for sequence in sequences)
        if length > longest:
            too_long.append(f"{where}: {length} tokens")
        else:
            kept.extend(sequences)
    if not examples:
        raise DataError(f"{path}: this split holds no examples. Prepare more data.")
    if too_long and (settings.on_too_long == "error" or not kept):
        named = "\n  ".join(too_long[:_NAMED_ROWS])
        raise DataError(
            f"{len(too_long)} of {examples} examples are longer than {longest} tokens:\n  {named}\n"
            "Raise max_length where the model allows it, shorten them, or set on_too_long: drop."
        )
    return EncodedSplit(kept, examples, len(too_long))


def _encoded(path: Path, tokenizer: Any) -> Iterator[tuple[str, list[TrainingSequence]]]:
    for example in read_examples(path):
        messages = to_messages(example)
        first = len(messages) - len(example.turns)  # behind the system instruction, if there is one
        untrained = {first + i for i, turn in enumerate(example.turns) if not turn.trained}
        sequences = training_sequences(tokenizer, messages, untrained)
        yield f"{example.source}:{example.row}", sequences
