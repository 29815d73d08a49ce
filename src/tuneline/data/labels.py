"""Which task a data set is, and the label of each example."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tuneline.errors import DataError

if TYPE_CHECKING:
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
    """Numbers the labels of the examples that are kept, as long as they can be classes.

    Attributes:
        names: Label by number.
        numbers: Number of each kept example's label, in order; `NO_LABEL` where there is none.
        why_not: Why the answers are no classes; empty while they may be.
    """

    detect: bool
    names: dict[str, int] = field(default_factory=dict)
    numbers: array[int] = field(default_factory=lambda: array("i"))
    why_not: str = ""

    @classmethod
    def of(cls, settings: PrepareSettings) -> LabelCollector:
        """A collector for these settings: labels are detected only where nothing says what is."""
        collector = cls(detect=settings.task == "auto" and not settings.label_column)
        if settings.task == "generation" and not settings.label_column:
            collector.why_not = "task=generation was given"
        return collector

    def add(self, label: str) -> None:
        """Take the label, or the answer that may be one, of the next example that is kept."""
        if self.detect and not self.why_not:
            self.why_not = self._why_no_class(label)
        if self.why_not:
            self.numbers.append(NO_LABEL)
        else:
            self.numbers.append(self.names.setdefault(label, len(self.names)))

    def decide(self, settings: PrepareSettings) -> tuple[Task, str]:
        """The task and the reason for it.

        Raises:
            DataError: A classification was asked for and there are fewer than two labels.
        """
        rows, labels = len(self.numbers), len(self.names)
        if settings.task == "generation":
            return "generation", "task=generation was given"
        if settings.label_column or settings.task == "classification":
            if labels < 2:
                raise DataError(
                    f"A classification needs at least 2 labels; the rows have {labels}: "
                    f"{', '.join(self.names) or 'none'}. Check the label column or the answers, or "
                    "give task=generation."
                )
            given = "label_column" if settings.label_column else "task=classification"
            return "classification", f"{given} was given"
        if not self.why_not and labels < 2:
            self.why_not = "every row has the same answer"
        if not self.why_not and rows < MIN_ROWS_PER_LABEL * labels:
            self.why_not = f"{labels} distinct answers in {rows} rows are too many to be classes"
        if self.why_not:
            return "generation", self.why_not
        return "classification", f"{labels} distinct short answers in {rows} rows"

    def _why_no_class(self, answer: str) -> str:
        if len(answer) > MAX_LABEL_CHARACTERS or "\n" in answer:
            return f"some answers have more than one line or {MAX_LABEL_CHARACTERS} characters"
        if len(self.names) >= MAX_DETECTED_LABELS:
            return f"there are more than {MAX_DETECTED_LABELS} distinct answers"
        return ""
