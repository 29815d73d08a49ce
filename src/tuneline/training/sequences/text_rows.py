"""Rows of text: rendered one by one, tokenized together."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from tuneline.models.chat import encode, marked_texts, to_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.data.schema import Example
    from tuneline.models.chat import MarkedText
    from tuneline.training.sequences.encoding import EncodedRow


class TextRows:
    """Encodes rows for a model that takes text alone.

    Args:
        tokenizer: The model's tokenizer.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def encoded(self, examples: Sequence[Example]) -> Iterator[EncodedRow]:
        """The sequences of each example.

        Raises:
            ConfigurationError: The chat template does not fit.
            DataError: An example holds more than text.
        """
        texts = [marked_answers(self._tokenizer, example) for example in examples]
        sequences = iter(encode(self._tokenizer, [text for own in texts for text in own]))
        for own in texts:
            yield [(sequence, None) for sequence in islice(sequences, len(own))]


def marked_answers(speaker: Any, example: Example, *, images: bool = False) -> list[MarkedText]:
    """An example as the model reads it, its trained answers marked.

    Args:
        speaker: The model's tokenizer, or its processor.
        example: What to render.
        images: Whether the speaker takes images; each answer has a text of its own then.
    """
    messages = to_messages(example, images=images)
    first = len(messages) - len(example.turns)  # behind the system instruction, if there is one
    untrained = {first + i for i, turn in enumerate(example.turns) if not turn.trained}
    return marked_texts(speaker, messages, untrained, together=not images)
