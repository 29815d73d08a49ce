"""Signatures on disk, of which only a band or a few rows are in memory at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.duplicates.minhash import PERMUTATIONS, cut

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.data.duplicates.keys import Keys, Rows

_KEY_BYTES = 8


class SignatureFiles:
    """The files of `minhash.save_signatures`, seen as one: rows are numbered through.

    Args:
        paths: The files in the order of reading.
        threshold: The one that the signatures were made with.
    """

    def __init__(self, paths: Sequence[Path], threshold: float) -> None:
        self.bands = cut(threshold).bands
        self._paths = list(paths)
        size = self.bands * _KEY_BYTES + PERMUTATIONS
        self._counts = [path.stat().st_size // size for path in self._paths]
        self._starts = np.cumsum([0, *self._counts])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def band(self, number: int) -> Keys:
        """Every row's key of one band."""
        keys = np.empty(len(self), np.uint64)
        for path, count, start in zip(self._paths, self._counts, self._starts, strict=False):
            keys[start : start + count] = np.fromfile(
                path, "<u8", count, offset=number * count * _KEY_BYTES
            )
        return keys

    def slots(self, rows: Rows) -> np.ndarray:
        """The slots of some rows, in any order.

        Files are mapped one at a time, so that what was read of them does not stay in memory.
        """
        found = np.empty((len(rows), PERMUTATIONS), np.uint8)
        order = np.argsort(rows)
        edges = np.searchsorted(rows[order], self._starts)
        for file in np.flatnonzero(np.diff(edges)):
            chosen = order[edges[file] : edges[file + 1]]
            count = self._counts[file]
            mapped = np.memmap(
                self._paths[file],
                np.uint8,
                "r",
                offset=self.bands * count * _KEY_BYTES,
                shape=(count, PERMUTATIONS),
            )
            found[chosen] = mapped[rows[chosen] - self._starts[file]]
        return found
