"""Token sequences of a split in flat files that are mapped into memory, not read.

Every process of a machine maps the same files and touches the pages of its own rows alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

    import numpy.typing as npt

    from tuneline.models.chat import TrainingSequence

    Ints = npt.NDArray[np.int64]
    Flags = npt.NDArray[np.bool_]
    Ids = npt.NDArray[np.uint32]

_FACTS = "facts.json"
_NAMED = 5
_FILES = {
    "ids": np.uint32,
    "trained": np.bool_,
    "lengths": np.int64,
    "examples": np.int64,
    "shown": np.uint8,
    "shown_lengths": np.int64,
}
"""One value for each token (two files), for each sequence (two), and for models with images the
bytes of a `Shown` in JSON and their number for each sequence."""


class Left(msgspec.Struct):
    """Examples that were left out for one reason: how many, and the first of them, described."""

    count: int = 0
    named: list[str] = msgspec.field(default_factory=list)

    def add(self, described: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.named) < _NAMED:
            self.named.append(described)

    def __add__(self, other: Left) -> Left:
        return Left(self.count + other.count, (self.named + other.named)[:_NAMED])


class SplitFacts(msgspec.Struct):
    """What was read, and what of it is not here: too long, or with nothing to learn.

    ``images`` counts those of the examples that are here, ``without_images`` the answers
    with none before them.
    """

    examples: int = 0
    images: int = 0
    without_images: int = 0
    too_long: Left = msgspec.field(default_factory=Left)
    untrained: Left = msgspec.field(default_factory=Left)

    def __add__(self, other: SplitFacts) -> SplitFacts:
        return SplitFacts(
            self.examples + other.examples,
            self.images + other.images,
            self.without_images + other.without_images,
            self.too_long + other.too_long,
            self.untrained + other.untrained,
        )


class Shown(msgspec.Struct):
    """What a model with images is given for a sequence: the rendered chat and its images' URIs."""

    text: str
    images: list[str]


class Tokens(NamedTuple):
    """One sequence: token ids, and whether the loss falls on each of them."""

    ids: Ids
    trained: Flags


class StoreWriter:
    """Writes sequences into a folder, one behind another.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> Self:
        self._files = {name: (self._folder / name).open("wb") for name in _FILES}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()

    def add(self, sequences: Iterable[tuple[int, TrainingSequence, Shown | None]]) -> None:
        """Append sequences, each with the place of its example and what is shown of it."""
        for example, sequence, shown in sequences:
            described = msgspec.json.encode(shown) if shown else b""
            self._put("shown", np.frombuffer(described, dtype=np.uint8))
            self._put("shown_lengths", np.array([len(described)], dtype=np.int64))
            ids = np.array(sequence.input_ids, dtype=np.uint32)
            trained = np.array(sequence.labels) >= 0  # the others are IGNORED, below zero
            trained[:1] = False  # nothing comes before the first token
            self._put("ids", ids)
            self._put("trained", trained)
            self._put("lengths", np.array([len(ids)], dtype=np.int64))
            self._put("examples", np.array([example], dtype=np.int64))

    def finish(self, facts: SplitFacts) -> None:
        """Write what was counted."""
        (self._folder / _FACTS).write_bytes(msgspec.json.encode(facts))

    def _put(self, name: str, values: npt.NDArray[np.generic]) -> None:
        self._files[name].write(values.astype(_FILES[name], copy=False).tobytes())


@dataclass(frozen=True)
class StoredSplit:
    """A split as the trainer takes it, in one or more folders that follow one another."""

    folders: tuple[Path, ...]
    facts: SplitFacts

    @classmethod
    def open(cls, folders: Sequence[Path]) -> StoredSplit:
        """Open what `StoreWriter` wrote."""
        facts = (
            msgspec.json.decode((folder / _FACTS).read_bytes(), type=SplitFacts)
            for folder in folders
        )
        return cls(tuple(folders), sum(facts, SplitFacts()))

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, place: int) -> Tokens:
        """The sequence at a place; the arrays lie in the files."""
        piece = int(np.searchsorted(self._first_places, place, side="right")) - 1
        end = int(self._ends[place])
        start = end - int(self.lengths[place])
        base = self._first_tokens[piece]
        ids, trained = self._mapped[piece]
        return Tokens(ids[start - base : end - base], trained[start - base : end - base])

    def shown(self, place: int) -> Shown:
        """What a model with images is given for the sequence at a place."""
        end = int(self._shown_ends[place])
        start = end - int(self._shown_lengths[place])
        return msgspec.json.decode(self._shown[start:end].tobytes(), type=Shown)

    @cached_property
    def lengths(self) -> Ints:
        """Tokens of each sequence."""
        lengths: Ints = self._joined("lengths")
        return lengths

    @cached_property
    def example_places(self) -> Ints:
        """Place in the split of each sequence's example."""
        places: Ints = self._joined("examples")
        return places

    @cached_property
    def trained_counts(self) -> Ints:
        """Tokens of each sequence that the loss falls on."""
        counts = [
            np.add.reduceat(trained, starts, dtype=np.int64)
            for (_, trained), starts in zip(self._mapped, self._starts, strict=True)
            if len(starts)
        ]
        return np.concatenate(counts) if counts else np.zeros(0, np.int64)

    @property
    def tokens(self) -> int:
        """All tokens, prompts included."""
        return int(self.lengths.sum())

    @property
    def trained_tokens(self) -> int:
        """Tokens that the loss falls on."""
        return int(self.trained_counts.sum())

    @cached_property
    def _shown(self) -> Any:
        return self._joined("shown")

    @cached_property
    def _shown_lengths(self) -> Any:
        return self._joined("shown_lengths")

    @cached_property
    def _shown_ends(self) -> Ints:
        return np.cumsum(self._shown_lengths)

    @cached_property
    def _mapped(self) -> list[tuple[Ids, Flags]]:
        return [(_map(folder, "ids"), _map(folder, "trained")) for folder in self.folders]

    @cached_property
    def _ends(self) -> Ints:
        return np.cumsum(self.lengths)

    @cached_property
    def _sequences_of(self) -> list[int]:
        return [len(_map(folder, "lengths")) for folder in self.folders]

    @cached_property
    def _first_places(self) -> Ints:
        return np.cumsum([0, *self._sequences_of[:-1]])

    @cached_property
    def _first_tokens(self) -> list[int]:
        return list(accumulate((len(ids) for ids, _ in self._mapped[:-1]), initial=0))

    @cached_property
    def _starts(self) -> list[Ints]:
        """For each folder, where its sequences start in it."""
        lengths = np.split(self.lengths, self._first_places[1:])
        return [np.cumsum(part) - part for part in lengths]

    def _joined(self, name: str) -> Any:
        return np.concatenate([np.asarray(_map(folder, name)) for folder in self.folders])


def _map(folder: Path, name: str) -> Any:
    path, kind = folder / name, _FILES[name]
    if not path.stat().st_size:  # an empty file cannot be mapped
        return np.zeros(0, kind)
    return np.memmap(path, dtype=kind, mode="r")
