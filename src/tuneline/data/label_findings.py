"""What is odd about the labels of a classification: misspelt, unbalanced, or in one split only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import OSA

from tuneline.data.checks.finding import Finding
from tuneline.data.checks.rule import Rule
from tuneline.data.labels import NO_LABEL
from tuneline.data.split.names import SPLITS, TRAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.data.duplicates.keys import Rows
    from tuneline.data.split.assign import Splits

RARE = 10
"""A label that is this many times rarer than one spelt almost like it may be a misspelling."""

MAX_IMBALANCE = 20
"""From this ratio of the most to the least frequent label on, accuracy says little."""

MIN_ROWS_OF_LABEL = 5
"""Fewer training rows of a label can hardly be learned, or judged."""

RULES: tuple[Rule, ...] = (
    Rule(
        "label_typo",
        "warn",
        "Two labels are spelt almost the same.",
        "Make them one label if they mean the same.",
    ),
    Rule(
        "unbalanced_labels",
        "warn",
        f"One training label is {MAX_IMBALANCE} times as frequent as another, or has fewer than "
        f"{MIN_ROWS_OF_LABEL} rows.",
        "Add rows of the rare labels, or join labels; judge by macro-F1, not by accuracy.",
    ),
    Rule(
        "single_label",
        "warn",
        "All training rows have the same label.",
        "Add rows of other labels: a model that always says the same needs no tuning.",
    ),
    Rule(
        "unseen_label",
        "warn",
        "Held-out rows have a label that no training row has.",
        "Add training rows of that label, or take the held-out rows out.",
    ),
)

_SHOWN = 5
_ROWS_A_CHUNK = 256
# Letters in which two labels of at least so many characters may differ.
_ONE_EDIT, _TWO_EDITS = 5, 10


class LabelCounts(NamedTuple):
    """How often each label occurs in each split.

    Attributes:
        names: The labels.
        by_split: One row for each split, one column for each label.
    """

    names: Sequence[str]
    by_split: np.ndarray


def label_counts(names: Sequence[str], codes: Rows, splits: Splits) -> LabelCounts:
    """Count labels by split.

    Args:
        names: The labels.
        codes: Place in ``names`` of each row's label, or `NO_LABEL`.
        splits: Split of each row; rows whose number is no split's are not counted.
    """
    rows = (codes != NO_LABEL) & (splits < len(SPLITS))
    cells = splits[rows].astype(np.int64) * len(names) + codes[rows]
    counts = np.bincount(cells, minlength=len(SPLITS) * len(names))
    return LabelCounts(names, counts.reshape(len(SPLITS), len(names)))


def label_findings(counts: LabelCounts) -> list[Finding]:
    """Everything that is odd about the labels of a classification."""
    return [*_typos(counts), *_balance(counts), *_unseen(counts)]


def _typos(counts: LabelCounts) -> Iterator[Finding]:
    rows = counts.by_split.sum(axis=0)
    pairs = sorted({*_same_letters(counts.names), *_few_edits(counts.names, rows)})
    if not pairs:
        return
    shown = ", ".join(
        f"{counts.names[rare]!r} ({rows[rare]} rows) and {counts.names[often]!r} "
        f"({rows[often]} rows)"
        for rare, often in pairs[:_SHOWN]
    )
    more = f", and {len(pairs) - _SHOWN} more pairs" if len(pairs) > _SHOWN else ""
    yield Finding(
        "label_typo",
        "warn",
        f"Some labels are spelt almost the same: {shown}{more}. Make them one label if they mean "
        "the same.",
    )


def _same_letters(names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Labels that differ in case, white space and punctuation only."""
    seen: dict[str, int] = {}
    for place, name in enumerate(names):
        letters = "".join(filter(str.isalnum, name.casefold()))
        # Labels without letters and digits, such as signs, are told apart by what they are.
        first = seen.setdefault(letters or name, place)
        if first != place:
            yield first, place


def _few_edits(names: Sequence[str], rows: np.ndarray) -> Iterator[tuple[int, int]]:
    """Rare labels that are one or two letters away from a frequent one."""
    folded = [name.casefold() for name in names]
    present = rows[rows > 0]
    if not len(present):
        return
    rare = np.flatnonzero((rows > 0) & (rows * RARE <= present.max()))
    often = np.flatnonzero(rows >= RARE * present.min())
    for begin in range(0, len(rare), _ROWS_A_CHUNK):
        chunk = rare[begin : begin + _ROWS_A_CHUNK]
        edits = process.cdist(
            [folded[place] for place in chunk],
            [folded[place] for place in often],
            scorer=OSA.distance,
            score_cutoff=2,
            dtype=np.uint8,
        )
        for row, column in np.argwhere((edits > 0) & (edits <= 2)):
            one, other = int(chunk[row]), int(often[column])
            enough = len(names[other]) >= (_ONE_EDIT if edits[row, column] == 1 else _TWO_EDITS)
            if enough and rows[one] * RARE <= rows[other] and _letters_differ(names, one, other):
                yield one, other


def _letters_differ(names: Sequence[str], one: int, other: int) -> bool:
    """Whether more than digits differ: `level 1` and `level 2` are two labels."""
    left, right = (
        [character for character in names[place].casefold() if not character.isdigit()]
        for place in (one, other)
    )
    return left != right


def _balance(counts: LabelCounts) -> Iterator[Finding]:
    rows = counts.by_split[TRAIN]
    present = np.flatnonzero(rows)
    if len(present) < 2:
        if len(present):
            name = counts.names[present[0]]
            yield Finding(
                "single_label",
                "warn",
                f"All {rows.sum()} training rows have the label {name!r}. Add rows of other "
                "labels: a model that always says the same needs no tuning.",
            )
        return
    most, least = present[rows[present].argmax()], present[rows[present].argmin()]
    few = int((rows[present] < MIN_ROWS_OF_LABEL).sum())
    if rows[most] <= MAX_IMBALANCE * rows[least] and not few:
        return
    if rows[most] <= MAX_IMBALANCE * rows[least]:
        yield Finding(
            "unbalanced_labels",
            "warn",
            f"{few} labels have fewer than {MIN_ROWS_OF_LABEL} training rows, too few to be "
            "learned or judged. Add rows of them, or join labels.",
        )
        return
    said = (
        f"the training rows are {rows[most]} of {counts.names[most]!r} and {rows[least]} of "
        f"{counts.names[least]!r}"
    )
    scarce = f"; {few} labels have fewer than {MIN_ROWS_OF_LABEL}" if few else ""
    yield Finding(
        "unbalanced_labels",
        "warn",
        f"The labels are unbalanced: {said}{scarce}. Add rows of the rare labels, or join labels; "
        "judge by macro-F1, not by accuracy.",
    )


def _unseen(counts: LabelCounts) -> Iterator[Finding]:
    for number, split in enumerate(SPLITS):
        held_out = counts.by_split[number]
        unseen = np.flatnonzero((held_out > 0) & (counts.by_split[TRAIN] == 0))
        if len(unseen):
            shown = ", ".join(repr(counts.names[place]) for place in unseen[:_SHOWN])
            more = ", ..." if len(unseen) > _SHOWN else ""
            yield Finding(
                "unseen_label",
                "warn",
                f"{held_out[unseen].sum()} {split} rows have a label that no training row has: "
                f"{shown}{more}. They are kept, and no model can learn them.",
            )
