"""Independent units: single rows, or groups of rows that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.statistics.tables import Table


@dataclass(frozen=True, slots=True)
class Units:
    """What is resampled and swapped as a whole.

    Rows of one document, user or conversation are alike. Treated as independent they would make
    every interval too narrow and every test reject too often, so the group is the unit (cluster
    bootstrap: Davison and Hinkley 1997).

    Attributes:
        codes: Unit of each row, from 0 to ``count`` - 1 in order of appearance.
        count: Number of units.
    """

    codes: npt.NDArray[np.intp]
    count: int

    @classmethod
    def of(cls, groups: Sequence[str | None] | None, rows: int) -> Units:
        """Units of ``rows`` rows.

        Args:
            groups: Group of each row; rows without one (None or empty) stand for themselves. None
                where no row has one.
            rows: Number of rows.

        Raises:
            DataError: There is not one group for each row.
        """
        if groups is None:
            return cls(np.arange(rows), rows)
        if len(groups) != rows:
            raise DataError(
                f"There are {len(groups)} groups for {rows} rows. Give one for each row; an empty "
                "one for a row that stands for itself."
            )
        places: dict[str | int, int] = {}
        codes = [places.setdefault(group or row, len(places)) for row, group in enumerate(groups)]
        return cls(np.array(codes, dtype=np.intp), len(places))

    @property
    def clustered(self) -> bool:
        """Whether any unit has several rows."""
        return self.count < len(self.codes)

    def sums(self, table: Table) -> Table:
        """Sum a table of shape (rows, columns) over each unit; the table itself where unclustered.

        Returns:
            Shape (units, columns), sparse where ``table`` is.
        """
        rows = len(self.codes)
        if not self.clustered:
            return table
        ones = np.ones(rows)
        members = csr_array((ones, (self.codes, np.arange(rows))), shape=(self.count, rows))
        if isinstance(table, csr_array):
            return csr_array(members @ table)
        return np.asarray(members @ table)
