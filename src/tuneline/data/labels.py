"""Which task a data set is, and the label of each example.

Every piece of a file is read by a collector of its own, anywhere; a table takes the collectors in
the order of reading, so that the result is the same whatever reads what.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tuneline.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tuneline.data.duplicates.keys import Mask, Rows
    from tuneline.data.schema import Task
    from tuneline.data.settings import PrepareSettings

MAX_LABEL_CHARACTERS = 100
"""A longer answer is a text, not a class."""

MIN_ROWS_PER_LABEL = 5
"""Fewer rows for each distinct answer, on average, and the answers are texts, not classes."""

MAX_DETECTED_LABELS = 10_000
"""More distinct answers are not taken for classes unless the user says so; bounds the memory."""

NO_LABEL = -1


@dataclass(slots=True)
class LabelCollector:
    """Numbers the labels of one piece's examples, as long as they can be classes.

    Attributes:
        detect: Whether the answers decide if they are classes; else they are.
        why_not: Why the answers are no classes; empty while they may be.
        numbers: Label by number; empty once the answers are no classes.
        batches: Number of each example's label, in order; `NO_LABEL` where there is none.
    """

    detect: bool
    why_not: str = ""
    numbers: dict[str, int] = field(default_factory=dict)
    batches: list[Rows] = field(default_factory=list)

    @classmethod
    def of(cls, settings: PrepareSettings) -> LabelCollector:
        """A collector for these settings: labels are detected only where nothing says what is."""
        return cls(_detects(settings), _why_never(settings))

    def extend(self, labels: Sequence[str]) -> None:
        """Take the labels, or the answers that may be some, of the next examples."""
        if not self.why_not:
            self._number(dict.fromkeys(labels))
        if self.why_not:
            self.skip(len(labels))
        else:
            codes = map(self.numbers.__getitem__, labels)
            self.batches.append(np.fromiter(codes, np.int32, len(labels)))

    def skip(self, count: int) -> None:
        """Pass over the next examples: nobody needs their answers, which are no classes."""
        self.batches.append(np.full(count, NO_LABEL, np.int32))

    def _number(self, labels: Iterable[str]) -> None:
        for label in labels:
            if label not in self.numbers:
                self.why_not = _why_no_class(label, len(self.numbers)) if self.detect else ""
                if self.why_not:
                    self.numbers.clear()
                    return
                self.numbers[label] = len(self.numbers)


@dataclass(slots=True)
class LabelTable:
    """The labels of all pieces.

    Attributes:
        detect: Whether the answers decide if they are classes; else they are.
        why_not: Why the answers are no classes; empty while they may be.
        names: The labels in alphabetical order, once it is finished.
        codes: Place in ``names`` of each example's label, or `NO_LABEL`, once it is finished.
    """

    detect: bool
    why_not: str = ""
    names: tuple[str, ...] = ()
    codes: Rows = field(default_factory=lambda: np.empty(0, np.int32))
    _numbers: dict[str, int] = field(default_factory=dict)
    _gathered: list[Rows] = field(default_factory=list)

    @classmethod
    def of(cls, settings: PrepareSettings) -> LabelTable:
        """An empty table for these settings."""
        return cls(_detects(settings), _why_never(settings))

    def add(self, piece: LabelCollector) -> None:
        """Take the labels of the next piece in the order of reading."""
        self.why_not = self.why_not or piece.why_not
        numbers = [] if self.why_not else [self._number(label) for label in piece.numbers]
        for batch in piece.batches:
            if self.why_not:
                self._gathered.append(np.full(len(batch), NO_LABEL, np.int32))
            else:
                self._gathered.append(np.array(numbers, np.int32)[batch])
        if self.why_not:
            self._numbers.clear()

    def finish(self) -> None:
        """Number the labels in alphabetical order, whatever the order of reading."""
        codes = [np.empty(0, np.int32), *self._gathered]
        self.codes = np.concatenate(codes)
        self._gathered.clear()
        if self.why_not:
            self.codes[:] = NO_LABEL
            return
        self.names = tuple(sorted(self._numbers))
        places = np.empty(len(self.names), np.int32)
        for place, name in enumerate(self.names):
            places[self._numbers[name]] = place
        self.codes = places[self.codes]
        self._numbers.clear()

    def counts(self, rows: Mask) -> np.ndarray:
        """How often each label occurs.

        Args:
            rows: The rows to count.
        """
        codes = self.codes[rows]
        return np.bincount(codes[codes != NO_LABEL], minlength=len(self.names))

    def decide(self, settings: PrepareSettings, kept: Mask) -> tuple[Task, str]:
        """The task and the reason for it.

        Args:
            settings: What the user said about the task.
            kept: The rows that count.

        Raises:
            DataError: A classification was asked for and there are fewer than two labels.
        """
        if settings.task == "generation":
            return "generation", "task=generation was given"
        counts = self.counts(kept)
        present, rows = np.flatnonzero(counts), int(kept.sum())
        labels = len(present)
        if given := _given(settings):
            if labels < 2:
                shown = ", ".join(self.names[place] for place in present) or "none"
                raise DataError(
                    f"A classification needs at least 2 labels; the rows have {labels}: "
                    f"{shown}. Check the label column or the answers, or give task=generation."
                )
            return "classification", f"{given} was given"
        if self.why_not:
            return "generation", self.why_not
        if labels < 2:
            return "generation", "every row has the same answer"
        if rows < MIN_ROWS_PER_LABEL * labels:
            return (
                "generation",
                f"{labels} distinct answers in {rows} rows are too many to be classes",
            )
        return "classification", f"{labels} distinct short answers in {rows} rows"

    def _number(self, label: str) -> int:
        number = self._numbers.get(label)
        if number is None:
            if self.detect and not self.why_not:
                self.why_not = _why_no_class(label, len(self._numbers))
            number = self._numbers[label] = len(self._numbers)
        return number


def _given(settings: PrepareSettings) -> str:
    """The setting that makes the task a classification, if one does."""
    if settings.label_column:
        return "label_column"
    if settings.task == "classification":
        return "task=classification"
    return "labels" if settings.labels and settings.task == "auto" else ""


def _detects(settings: PrepareSettings) -> bool:
    return settings.task == "auto" and not _given(settings)


def _why_never(settings: PrepareSettings) -> str:
    if settings.task == "generation" and not settings.label_column:
        return "task=generation was given"
    return ""


def _why_no_class(answer: str, known: int) -> str:
    """Why a new answer beside the known ones makes all of them texts; empty: it does not."""
    if not answer:
        return "some answers are function calls, not texts"
    if len(answer) > MAX_LABEL_CHARACTERS or "\n" in answer:
        return f"some answers have more than one line or {MAX_LABEL_CHARACTERS} characters"
    if known >= MAX_DETECTED_LABELS:
        return f"there are more than {MAX_DETECTED_LABELS} distinct answers"
    return ""
