"""What reading one piece of a file gave: a few numbers for each example, and what was left out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from tuneline.data.labels import LabelCollector
    from tuneline.data.problems import LeftOut

SHOWN_A_CODE = 3
"""Rows of each code that messages and the report show."""

FIRST_PROBLEMS = 20

COLUMNS: dict[str, type[np.generic]] = {
    "rows": np.uint32,
    "content_keys": np.uint64,
    "prompt_keys": np.uint64,
    "group_keys": np.uint64,
    "times": np.int64,
    "prompt_chars": np.uint32,
    "answer_chars": np.uint32,
    "prompt_tokens": np.uint32,
    "answer_tokens": np.uint32,
    "turns": np.uint32,
    "kinds": np.uint8,
    "export_bytes": np.uint32,
}
"""Numbers of each example; of groups, times and exported bytes there may be none.

``rows`` are row numbers of the file once the rows before the piece are known; ``content_keys`` and
``prompt_keys`` the first 8 bytes of `Example.digests`, by which examples are equal: among n of them
two different ones share a key with probability n^2 / 2^65, which is 3e-6 for ten million;
``kinds`` what `targets.kinds` says; ``export_bytes`` the size of the line for the target.
"""


@dataclass(slots=True)
class PieceResult:
    """One piece, read.

    Attributes:
        labels: Labels of the examples, or why there are none.
        lines: Physical lines of the piece, by which the rows of the next one are counted.
        read: Rows, blank lines aside.
        columns: `COLUMNS`, one entry for each example; empty arrays where a number is not wanted.
        rejected: Rejected rows by code.
        warned: Rows by code of a rule that they break and are kept all the same.
        masked: Replaced values by code.
        first: The first rows of each code, with row numbers that begin at the piece's first row.
    """

    labels: LabelCollector
    lines: int = 0
    read: int = 0
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    warned: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[LeftOut]] = field(default_factory=dict)

    def note_rejected(self, row: LeftOut) -> None:
        """Count a rejected row, and remember it where it is among the first of its code."""
        self.rejected[row.reason] += 1
        shown = self.first.setdefault(row.reason, [])
        if len(shown) < SHOWN_A_CODE:
            shown.append(row)

    def note_warned(self, code: str, make: Callable[[], LeftOut]) -> None:
        """Count a row that is kept though it breaks a rule; it is made only where it is shown."""
        self.warned[code] += 1
        shown = self.first.setdefault(code, [])
        if len(shown) < SHOWN_A_CODE:
            shown.append(make())
