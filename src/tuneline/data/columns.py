"""Numbers of every example on disk, a column a file: only what is looked at is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tuneline.data.reading.result import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Columns:
    """The columns of `COLUMNS`, gathered piece by piece.

    Args:
        folder: Where the files are; it must last as long as columns are read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}

    def add(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Append the numbers of the next examples."""
        for name, array in arrays.items():
            if name not in self._files:
                self._files[name] = self._path(name).open("wb")
            self._files[name].write(array.tobytes())

    def close(self) -> None:
        """Finish writing."""
        for file in self._files.values():
            file.close()

    def __getitem__(self, name: str) -> np.ndarray:
        """One column, read anew; empty where it was not wanted."""
        path = self._path(name)
        kind = COLUMNS[name]
        return np.fromfile(path, kind) if path.exists() else np.empty(0, kind)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.column"
