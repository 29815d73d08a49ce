"""The media files of a batch, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuneline.data.batch import files_of as files_of_example

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.data.batch import Batch
    from tuneline.data.schema import File


@dataclass(frozen=True, slots=True)
class Placed:
    """A file, and the example of the batch, turn and part that it stands in."""

    index: int
    turn: int
    part: int
    file: File

    def field(self, batch: Batch) -> str:
        """Where the file stands in its row."""
        return batch.shape.field(batch.examples[self.index], self.turn, self.part)


def files_of(batch: Batch) -> Iterator[Placed]:
    """Every file of a batch in order; a batch of text alone costs next to nothing."""
    for index in batch.beyond_text:
        for turn, part, file in files_of_example(batch.examples[index]):
            yield Placed(index, turn, part, file)
