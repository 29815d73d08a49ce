"""An open model that is asked about images: its processor makes the prompts, a batch at a time."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Literal

import torch

from tuneline.errors import ConfigurationError, DataError
from tuneline.models.chat import images_of, render, stop_token_ids, to_messages
from tuneline.models.images import Images
from tuneline.models.loading import load_processor, longest_sequence
from tuneline.prediction.answering import TimedAnswers
from tuneline.prediction.batches import Batches
from tuneline.prediction.decoding import GREEDY
from tuneline.prediction.generate import Tokens
from tuneline.prediction.open_model import load_for_answers, longest_answer
from tuneline.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.prediction.answer import Answer
    from tuneline.prediction.prompts import Question
    from tuneline.prediction.settings import PredictSettings

logger = logging.getLogger("tuneline")


class ImageModel:
    """An open model with its processor, loaded.

    It answers greedily; further samples and likelihoods are for models of text.

    Args:
        folder: Folder of the weights and the processor.
        train: Canonical Parquet of the training split, which the answers' length comes from.
        settings: How to ask.

    Raises:
        ConfigurationError: The model takes no images, or the settings ask for what is not there.
        DataError: The training split is empty.
    """

    engine: Literal["transformers"] = "transformers"

    def __init__(self, folder: Path, train: Path, settings: PredictSettings) -> None:
        processor = load_processor(folder)
        if processor is None:
            raise ConfigurationError(
                f"base_model: {folder} takes no images, and the examples hold some. Give a model "
                "with a processor of images, or remove the rows."
            )
        if settings.samples or settings.engine == "vllm":
            raise ConfigurationError(
                "prediction: further samples and engine 'vllm' are for rows of text alone; these "
                "hold images. Leave samples and engine out."
            )
        processor.tokenizer.padding_side = "left"
        self._processor = processor
        self._images = Images(settings.media_folder)
        self._model = load_for_answers(folder)
        self.parameters = self._model.num_parameters()
        self._batches = Batches(settings.batch_size)
        new = settings.max_new_tokens or longest_answer(processor.tokenizer, train, settings)
        stop = stop_token_ids(processor, self._model.generation_config)
        room = longest_sequence(self._model.config) - new
        self._tokens = Tokens(processor.tokenizer, stop, room)
        self._model.generation_config = GREEDY.for_transformers(
            max_new_tokens=new, stop=stop, padding=processor.tokenizer.pad_token_id
        )

    def prompt(self, question: Question) -> str:
        """The prompt of a question as the model sees it, each image by its placeholder."""
        chat = to_messages(question.solved, images=True)
        return render(self._processor, chat[:-1], generation_prompt=True)

    def answer(self, questions: Sequence[Question], name: str) -> TimedAnswers:
        """Answer every question, in the order given.

        Args:
            questions: What to ask.
            name: Candidate's name, for the progress.

        Raises:
            DataError: A question holds what the model does not take, or an image cannot be read.
            MachineError: A single prompt does not fit into the device's memory.
        """
        started = time.monotonic()
        found: dict[int, Answer] = {}
        with Progress(f"predict: {name}", len(questions), "answers") as progress:
            order = list(range(len(questions)))
            pieces = [
                order[i : i + self._batches.size] for i in range(0, len(order), self._batches.size)
            ]
            for place, answer in self._batches.run(
                pieces, lambda batch: self._batch([questions[i] for i in batch])
            ):
                found[place] = answer
                progress.add()
        seconds = time.monotonic() - started
        logger.info("predict: %s answered %d rows in %.1f s", name, len(found), seconds)
        return TimedAnswers([found[i] for i in order], seconds)

    def _batch(self, questions: Sequence[Question]) -> list[Answer]:
        pictures = [self._opened(question) for question in questions]
        made = self._processor(
            text=[self.prompt(question) for question in questions],
            images=pictures if any(pictures) else None,
            padding=True,
            return_tensors="pt",
            add_special_tokens=False,
        ).to(self._model.device)
        with torch.inference_mode():
            written = self._model.generate(**made)
        width = made["input_ids"].shape[1]
        return [
            self._tokens.answer(ids[mask.bool()].tolist(), row[width:].tolist())
            for ids, mask, row in zip(
                made["input_ids"], made["attention_mask"], written, strict=True
            )
        ]

    def _opened(self, question: Question) -> list[Any]:
        example = question.solved
        try:
            return [self._images.open(uri) for uri in images_of(example)]
        except DataError as error:
            raise DataError(f"{example.source}:{example.row}: {error}") from error
