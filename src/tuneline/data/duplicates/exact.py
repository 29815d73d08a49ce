"""Equal examples, and what a row may not share with a held-out file.

Rows are in the order of reading: test files, then validation files, then the others. The first of
equal rows stays, so that a held-out file keeps what it shares with the training data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tuneline.data.checks.rule import Rule
from tuneline.data.duplicates.keys import NO_ROW, first_rows, matching_rows

if TYPE_CHECKING:
    from tuneline.data.duplicates.keys import Keys, Mask, Rows
    from tuneline.data.sources.source import Purpose

DATA, VALIDATION, TEST = 0, 1, 2
"""Number of each purpose that a source can have."""

PURPOSES: tuple[Purpose, ...] = ("data", "validation", "test")
"""Purposes by their number."""

_LEAVE = "Leave it out of one of the two files."

RULES: tuple[Rule, ...] = (
    Rule(
        "duplicate",
        "error",
        "The example is in the data already.",
        "Nothing: one of them stays.",
        fixed=True,
    ),
    *(
        Rule(f"{what}_in_{name}", "error", f"{words} the {name} file.", _LEAVE, fixed=True)
        for what, words in (
            ("also", "The example is also in"),
            ("prompt", "The prompt is also in"),
            ("group", "The group is also in"),
        )
        for name in ("test", "validation")
    ),
)

KEPT = 0
REASONS: tuple[str, ...] = ("", *(rule.code for rule in RULES))
"""Reason by its number; `KEPT` is no reason."""


class Clashes(NamedTuple):
    """Which rows cannot stay beside the others.

    Attributes:
        reasons: Number of each row's reason in `REASONS`; `KEPT` for those that stay.
        partners: A row that stays and that the row clashes with; `NO_ROW` for rows that stay.
    """

    reasons: np.ndarray[tuple[int], np.dtype[np.uint8]]
    partners: Rows


def find_clashes(
    content_keys: Keys,
    prompt_keys: Keys | None,
    group_keys: Keys | None,
    purposes: np.ndarray[tuple[int], np.dtype[np.uint8]],
    candidates: Mask | None = None,
) -> Clashes:
    """Duplicates, and rows that share an example, prompt or group with a held-out file.

    A validation row may share nothing with a test file, and a row of the data nothing with either.

    Args:
        content_keys: Key of the whole content, in the order of reading.
        prompt_keys: Key of everything before the answer; not needed without held-out files.
        group_keys: Key of the group, where there are groups.
        purposes: `DATA`, `VALIDATION` or `TEST` for each row.
        candidates: The rows that may stay; all without it. The others get no reason.
    """
    count = len(content_keys)
    clashes = Clashes(np.zeros(count, np.uint8), np.full(count, NO_ROW, np.int32))
    given = {"prompt": prompt_keys, "group": group_keys}
    shared = {what: keys for what, keys in given.items() if keys is not None}
    held_out: list[tuple[int, Rows]] = []
    for purpose in (TEST, VALIDATION, DATA):
        chosen = purposes == purpose if candidates is None else (purposes == purpose) & candidates
        rows = np.flatnonzero(chosen).astype(np.int32)
        if len(rows) and held_out:
            for what, keys in {"also": content_keys, **shared}.items():
                _mark_shared(clashes, rows, held_out, what, keys)
        rows = rows[clashes.reasons[rows] == KEPT]
        firsts = first_rows(content_keys[rows])
        again = firsts != np.arange(len(rows), dtype=np.int32)
        clashes.reasons[rows[again]] = REASONS.index("duplicate")
        clashes.partners[rows[again]] = rows[firsts[again]]
        held_out.append((purpose, rows[~again]))
    return clashes


def _mark_shared(
    clashes: Clashes, rows: Rows, held_out: list[tuple[int, Rows]], what: str, keys: Keys
) -> None:
    """Mark the rows whose key a held-out file has; reasons that were found before stay."""
    for purpose, others in held_out:
        open_rows = rows[clashes.reasons[rows] == KEPT]
        found = matching_rows(keys[open_rows], keys[others], others)
        hits = found != NO_ROW
        reason = REASONS.index(f"{what}_in_{PURPOSES[purpose]}")
        clashes.reasons[open_rows[hits]] = reason
        clashes.partners[open_rows[hits]] = found[hits]
