"""The proof, after the fact, that nothing is in two splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tuneline.data.duplicates.keys import NO_ROW, first_rows
from tuneline.data.split.names import SPLITS
from tuneline.errors import TunelineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.data.split.assign import Splits


def prove_disjoint(splits: Splits, keys: Mapping[str, np.ndarray]) -> None:
    """Compare every kept row's split with that of the first row which has the same key.

    Args:
        splits: Split of each kept row.
        keys: Key of each kept row by what it stands for, such as ``prompt`` or ``group``; in
            signed numbers, `NO_ROW` stands for none.

    Raises:
        TunelineError: One of them is in two splits, which is a bug.
    """
    for name, own in keys.items():
        has_one = own != NO_ROW if own.dtype.kind == "i" else np.ones(len(own), np.bool_)
        found = splits[has_one]
        expected = found[first_rows(own[has_one])]
        parted = np.flatnonzero(found != expected)
        if len(parted):
            raise TunelineError(
                f"Internal error: one {name} is in both {SPLITS[expected[parted[0]]]} and "
                f"{SPLITS[found[parted[0]]]}. Nothing was written; please report this."
            )
