"""Kept examples on disk between reading them and knowing their split."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tuneline.data.split import SplitName


@contextmanager
def opened_spool(folder: Path) -> Iterator[Spool]:
    """Yield an empty spool; it needs room in ``folder`` for the examples once."""
    with tempfile.TemporaryFile(dir=folder) as file:
        yield Spool(file)


class Spool:
    """Encoded examples in the order in which they were kept.

    Args:
        file: Where the bytes are held; a file without a name leaves nothing behind.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(self, encoded: bytes) -> None:
        """Take the next example, as `schema.encode` gave it, without a label."""
        self._file.write(encoded)
        self._file.write(b"\n")

    def examples(
        self, split: SplitName, splits: Sequence[SplitName], labels: Sequence[str | None]
    ) -> Iterator[bytes]:
        """Yield the examples of one split with their labels.

        Args:
            split: The split to yield.
            splits: Split of each example, in the order of `add`.
            labels: Label of each example; ``None`` where there is none.
        """
        self._file.seek(0)
        for line, place, label in zip(self._file, splits, labels, strict=True):
            if place == split:
                yield line[:-1] if label is None else _labeled(line, label)


def _labeled(line: bytes, label: str) -> bytes:
    return line.removesuffix(b"}\n") + b',"label":' + orjson.dumps(label) + b"}"
