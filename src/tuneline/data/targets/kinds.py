"""What each example holds, in one byte, so that a data set can be judged without its rows."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.batch import files_of
from tuneline.data.checks.beyond_text import with_media_resolution
from tuneline.data.media.mime_types import modality

if TYPE_CHECKING:
    from tuneline.data.batch import Batch
    from tuneline.data.schema import Example

    Kinds = np.ndarray[tuple[int], np.dtype[np.uint8]]

RESOLUTIONS = ("", "MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH")
"""Media resolutions in the order of their numbers in the byte; the first is none."""

_RESOLUTION_SHIFT = 5


class Kind(IntFlag):
    """Bits of the byte; the two above them are the media resolution."""

    IMAGE = 1
    AUDIO = 2
    VIDEO = 4
    DOCUMENT = 8
    FUNCTIONS = 16


MEDIA = Kind.IMAGE | Kind.AUDIO | Kind.VIDEO | Kind.DOCUMENT

_OF_MODALITY = {
    "image": Kind.IMAGE,
    "audio": Kind.AUDIO,
    "video": Kind.VIDEO,
    "document": Kind.DOCUMENT,
}


def has_functions(example: Example) -> bool:
    """Whether any turn holds a function call or response."""
    return any(
        part.function_call is not None or part.function_response is not None
        for turn in example.turns
        for part in turn.parts
    )


def kinds_of(batch: Batch) -> Kinds:
    """One byte an example: the `Kind` bits of what it holds, and its media resolution."""
    kinds = np.zeros(len(batch.examples), np.uint8)
    for index in batch.beyond_text:
        kinds[index] = _kind(batch.examples[index])
    for index in with_media_resolution(batch.examples):
        given = batch.examples[index].media_resolution
        if given in RESOLUTIONS:
            kinds[index] |= RESOLUTIONS.index(given) << _RESOLUTION_SHIFT
    return kinds


def resolutions_in(kinds: Kinds) -> set[str]:
    """The media resolutions that the examples name; an empty text stands for none named."""
    return {RESOLUTIONS[number] for number in np.unique(kinds >> _RESOLUTION_SHIFT).tolist()}


def _kind(example: Example) -> int:
    found = int(Kind.FUNCTIONS) if example.tools or has_functions(example) else 0
    for _, _, file in files_of(example):
        found |= _OF_MODALITY.get(modality(file.mime_type) or "", 0)
    return found
