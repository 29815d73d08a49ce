"""What reading the sources found out: counts, and a few numbers for each example."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.duplicates.exact import PURPOSES
from tuneline.data.reading.concealing import concealed
from tuneline.data.reading.result import FIRST_PROBLEMS, SHOWN_A_CODE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.data.checks.boilerplate import Boilerplate
    from tuneline.data.columns import Columns
    from tuneline.data.labels import LabelTable
    from tuneline.data.problems import LeftOut
    from tuneline.data.reading.result import PieceResult
    from tuneline.data.rows.formats import Format
    from tuneline.data.shapes.detection import Shape
    from tuneline.data.sources.source import Source


@dataclass(slots=True)
class SourceTally:
    """What was read of one source; the rows that are neither rejected nor duplicates were kept."""

    source: Source
    format: Format
    shape: Shape
    boilerplate: Boilerplate
    read: int = 0
    rejected: int = 0


@dataclass
class Collection:
    """Everything that reading found out, without the examples themselves.

    An example's number is its place in the order of reading: held-out files first, so that theirs
    are the rows that stay.

    Attributes:
        labels: Label of each example, as far as there are labels.
        tallies: Counts by source, in the order of reading.
        columns: Numbers of each example.
        sources: Place of each example's source in ``tallies``.
        starts: Number of each piece's first example, and at the end the number of all examples.
        first_rows: Rows of the file before each piece.
        rejected: Rejected rows by code.
        warned: Kept rows by code of a rule that they break.
        masked: Replaced values by code.
        first: The first rows of each code.
    """

    labels: LabelTable
    columns: Columns
    tallies: list[SourceTally] = field(default_factory=list)
    sources: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint16))
    starts: list[int] = field(default_factory=lambda: [0])
    first_rows: list[int] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    warned: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[LeftOut]] = field(default_factory=dict)
    _piece_sources: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return self.starts[-1]

    @property
    def pieces(self) -> int:
        """How many pieces were read."""
        return len(self.first_rows)

    @property
    def read(self) -> int:
        """Rows read of all sources."""
        return sum(tally.read for tally in self.tallies)

    @property
    def purposes(self) -> np.ndarray:
        """Number of each example's purpose in `PURPOSES`."""
        numbers = [PURPOSES.index(tally.source.purpose) for tally in self.tallies]
        found: np.ndarray = np.array(numbers, np.uint8)[self.sources]
        return found

    def add(self, piece: PieceResult, source: int, first_row: int) -> None:
        """Take the next piece.

        Args:
            piece: What reading it gave.
            source: Place of its source in ``tallies``.
            first_row: Rows of the file before it.
        """
        tally = self.tallies[source]
        tally.read += piece.read
        tally.rejected += piece.rejected.total()
        piece.columns["rows"] += np.uint32(first_row)
        self.columns.add(piece.columns)
        self.labels.add(piece.labels)
        self.starts.append(self.starts[-1] + len(piece.columns["rows"]))
        self.first_rows.append(first_row)
        self._piece_sources.append(source)
        for counter in ("rejected", "warned", "masked"):
            getattr(self, counter).update(getattr(piece, counter))
        for row in (row for rows in piece.first.values() for row in rows):
            self.show(replace(row, row=row.row + first_row))

    def show(self, row: LeftOut) -> None:
        """Remember a row where it is among the first of its code."""
        shown = self.first.setdefault(row.reason, [])
        if len(shown) < SHOWN_A_CODE:
            shown.append(row)

    def finish(self) -> None:
        """Close what is gathered."""
        self.columns.close()
        counts = np.diff(self.starts)
        kind = np.min_scalar_type(len(self.tallies))
        self.sources = np.repeat(np.array(self._piece_sources, kind), counts)
        self.labels.finish()
        self.first = {code: concealed(rows) for code, rows in self.first.items()}

    def rejections(self) -> list[tuple[str, int]]:
        """Rejected rows by code, the most frequent first."""
        return sorted(self.rejected.items(), key=lambda item: (-item[1], item[0]))

    def first_problems(self) -> Sequence[LeftOut]:
        """The first rejected rows of each code, in the order of reading."""
        order = {tally.source.name: place for place, tally in enumerate(self.tallies)}
        rows = [row for code in self.rejected for row in self.first.get(code, ())]
        rows = [row for row in rows if row.kind == "rejected"]
        return sorted(rows, key=lambda row: (order[row.source], row.row))[:FIRST_PROBLEMS]

    @cached_property
    def rows(self) -> np.ndarray:
        """Row of each example in its file."""
        return self.columns["rows"]

    def places(self, numbers: np.ndarray) -> list[str]:
        """Where examples were read, as ``file:row``."""
        names = [tally.source.name for tally in self.tallies]
        sources, rows = self.sources[numbers].tolist(), self.rows[numbers].tolist()
        return [f"{names[source]}:{row}" for source, row in zip(sources, rows, strict=True)]
