"""What a model would make of some data, before any tuning: tokens, and rows that do not fit."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from tuneline.data.prepare import PreparedPaths, prepare
from tuneline.errors import ConfigurationError
from tuneline.models.images import Images
from tuneline.models.loading import context_length, load_processor, load_tokenizer
from tuneline.models.source import resolve_base_model
from tuneline.training.distributed.ranks import Ranks
from tuneline.training.sequences.encoding import encode_split
from tuneline.training.sequences.text_rows import TextRows
from tuneline.training.sequences.with_images import ImageRows
from tuneline.training.settings import TrainingSettings

if TYPE_CHECKING:
    from tuneline.data.settings import PrepareSettings
    from tuneline.training.sequences.encoding import RowEncoder


class TokenPreview(BaseModel):
    """Token counts by the model's own tokenizer and chat template.

    Attributes:
        model: The model's name.
        context_tokens: Longest sequence that the model was made for.
        longest_tokens: Longest example of all splits.
        tokens_per_epoch: Tokens of the training split, prompts included.
        trained_tokens_per_epoch: Those of them that the loss falls on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    context_tokens: int
    longest_tokens: int
    tokens_per_epoch: int
    trained_tokens_per_epoch: int


def preview(settings: PrepareSettings, model: str) -> TokenPreview:
    """Prepare the data in a temporary folder and tokenize all of it.

    Args:
        settings: What to read and how.
        model: Name of an open base model, see `resolve_base_model`.

    Raises:
        ConfigurationError: The model cannot be found, or is a Gemini model.
        DataError: The data cannot be used, or rows are too long for the model (they are named).
        ServiceError: The model's store or hub does not answer.
    """
    if model.startswith("gemini"):
        raise ConfigurationError(
            f"--for {model}: the limits and prices of Gemini models are not part of this release; "
            "name an open model."
        )
    base = resolve_base_model(model)
    encoder = _encoder(base.path, settings)
    limit = context_length(base.path)
    with tempfile.TemporaryDirectory() as folder:
        paths = PreparedPaths.in_folder(Path(folder))
        prepare(settings, paths)
        splits = [
            encode_split(
                path, encoder, TrainingSettings(), limit, Path(folder) / path.stem, Ranks()
            )
            for path in (paths.train, paths.validation, paths.test)
        ]
        longest = max(int(split.lengths.max()) for split in splits)
        train = splits[0]
        counted = train.tokens, train.trained_tokens
    return TokenPreview(
        model=model,
        context_tokens=limit,
        longest_tokens=longest,
        tokens_per_epoch=counted[0],
        trained_tokens_per_epoch=counted[1],
    )


def _encoder(model: Path, settings: PrepareSettings) -> RowEncoder:
    processor = load_processor(model)
    if processor is None:
        return TextRows(load_tokenizer(model))
    data = Path(settings.data)
    return ImageRows(processor, Images(data.parent if data.is_file() else None))
