"""Rows with images: tokens as the model's processor makes them, and batches of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from msgspec.structs import replace

from tuneline.errors import ConfigurationError, DataError
from tuneline.models.chat import IGNORED, TrainingSequence, encode, images_of
from tuneline.training.sequences.batch import padded_batch
from tuneline.training.sequences.store import Shown
from tuneline.training.sequences.text_rows import marked_answers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.data.schema import Example
    from tuneline.models.chat import MarkedText
    from tuneline.models.images import Images
    from tuneline.training.sequences.batch import Batch
    from tuneline.training.sequences.encoding import EncodedRow
    from tuneline.training.sequences.store import StoredSplit


class ImageRows:
    """Encodes rows for a model with images, and puts them into batches with padding.

    Args:
        processor: The model's processor.
        images: Opens images.
    """

    def __init__(self, processor: Any, images: Images) -> None:
        self._processor = processor
        self._images = images

    def encoded(self, examples: Sequence[Example]) -> Iterator[EncodedRow]:
        """The sequences of each example, one for each answer.

        Raises:
            ConfigurationError: The chat template or the processor does not fit.
            DataError: An example holds what the model does not take, or an image cannot be read.
        """
        for example in examples:
            try:
                yield list(self._sequences(example))
            except DataError as error:
                where = f"{example.source}:{example.row}: "
                raise DataError(where + str(error).removeprefix(where)) from error

    def _sequences(self, example: Example) -> Iterator[tuple[TrainingSequence, Shown]]:
        trained = [
            i for i, turn in enumerate(example.turns) if turn.role == "model" and turn.trained
        ]
        texts = marked_answers(self._processor, example, images=True)
        for place, marked in zip(trained, texts, strict=True):
            uris = images_of(replace(example, turns=example.turns[:place]))
            yield self.encode(marked, uris), Shown(marked.text, uris)

    def encode(self, marked: MarkedText, uris: Sequence[str]) -> TrainingSequence:
        """Tokenize a marked text with one answer, its images put in as the processor does.

        An image stands for many tokens, so places in the text are no places among the tokens. The
        answer is behind all images, where both agree counted from the end; this is proven.

        Raises:
            ConfigurationError: The processor changes the text behind the images.
            DataError: An image cannot be read.
        """
        (plain,) = encode(self._processor.tokenizer, [marked])
        ids = self._inputs([Shown(marked.text, list(uris))])["input_ids"][0].tolist()
        first = next(i for i, label in enumerate(plain.labels) if label != IGNORED)
        behind = len(plain.input_ids) - first
        if ids[-behind:] != plain.input_ids[first:]:
            raise ConfigurationError(
                "The processor of this model changes what stands behind an image, so the answer's "
                "tokens cannot be told. Tune on text alone, or with another model."
            )
        return TrainingSequence(ids, [IGNORED] * (len(ids) - behind) + plain.labels[first:])

    def __call__(self, split: StoredSplit, chosen: Sequence[int]) -> Batch:
        """Put the chosen sequences into one batch.

        Raises:
            ConfigurationError: The processor makes other tokens than it made before.
        """
        inputs = self._inputs([split.shown(i) for i in chosen])
        labels = torch.full_like(inputs["input_ids"], IGNORED)
        for row, i in enumerate(chosen):
            tokens = split[i]
            ids = torch.tensor(tokens.ids.tolist())
            if not torch.equal(inputs["input_ids"][row, : len(ids)], ids):
                raise ConfigurationError(
                    "The processor of this model makes other tokens of a row in a batch than of "
                    "the row alone, so its answer cannot be told. Set batch_size to 1."
                )
            trained = torch.tensor(tokens.trained.tolist())
            labels[row, : len(ids)][trained] = ids[trained]
        return padded_batch(inputs, labels)

    def _inputs(self, shown: Sequence[Shown]) -> dict[str, Any]:
        pictures = [[self._images.open(uri) for uri in one.images] for one in shown]
        made = self._processor(
            text=[one.text for one in shown],
            images=pictures if any(pictures) else None,
            padding=True,
            return_tensors="pt",
            add_special_tokens=False,
        )
        return dict(made)
