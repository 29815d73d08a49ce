"""The held-out rows with every candidate's answers, read from predictions files and aligned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tuneline.errors import DataError
from tuneline.prediction.store import Candidate, PredictionSet, read_predictions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.data.schema import Task


@dataclass(frozen=True, slots=True)
class Answers:
    """One candidate's answers; lists and columns are in the order of the rows."""

    candidate: Candidate
    texts: list[str]
    table: pa.Table

    def mean(self, column: str) -> float:
        """Mean of a column of numbers; 0 where there are no rows."""
        return float(pc.mean(self.table[column]).as_py() or 0.0)

    def rows_that_finished_by(self, reason: str) -> int:
        """How many answers ended for this reason."""
        return int(pc.sum(pc.equal(self.table["finish_reason"], reason)).as_py() or 0)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out rows and the answers of all candidates, the cheapest candidate first.

    Attributes:
        task: Kind of task.
        labels: Sorted: the label set of the training split and any label that only held-out rows
            have. Empty unless a classification.
        examples_digest: SHA-256 of the examples file.
        base_models: Name and digest of each base model, in the order of the files.
        prompts: The last user turn of each row.
        references: The right answer of each row.
        expected: The label of each row; empty unless a classification.
        answers: Each candidate's.
    """

    task: Task
    labels: tuple[str, ...]
    examples_digest: str
    base_models: tuple[tuple[str, str], ...]
    prompts: list[str]
    references: list[str]
    expected: list[str]
    answers: tuple[Answers, ...]


def read_held_out(paths: Sequence[Path]) -> HeldOut:
    """Read predictions files of the same held-out rows.

    Raises:
        DataError: No file is given, one is not a predictions file, they are of different examples,
            two candidates share a name, or a row of a classification has no label.
    """
    if not paths:
        raise DataError("No predictions file was given. Give what the predict stage wrote.")
    files = [(path, read_predictions(path)) for path in paths]
    _require_same_rows(files)
    _require_own_names(files)
    path, first = files[0]
    rows = first.rows_of(first.info.candidates[0].name)
    expected = _expected(path, first, rows)
    answers = [_answers(file, candidate) for _, file in files for candidate in file.info.candidates]
    return HeldOut(
        task=first.info.task,
        labels=tuple(sorted({*first.info.labels, *expected})),
        examples_digest=first.info.examples_digest,
        base_models=tuple(dict.fromkeys((f.info.base_model, f.info.base_digest) for _, f in files)),
        prompts=rows["prompt"].to_pylist(),
        references=rows["reference"].to_pylist(),
        expected=expected,
        answers=tuple(sorted(answers, key=_cost)),
    )


def _cost(answers: Answers) -> tuple[bool, int, float, str]:
    """Order by cost: prompt design first, by tokens a call; then tuning, by what it changes."""
    candidate = answers.candidate
    return (
        candidate.kind != "baseline",
        candidate.trainable_parameters,
        answers.mean("prompt_tokens"),
        candidate.name,
    )


def _answers(file: PredictionSet, candidate: Candidate) -> Answers:
    table = file.rows_of(candidate.name)
    return Answers(candidate, table["prediction"].to_pylist(), table)


def _expected(path: Path, file: PredictionSet, rows: pa.Table) -> list[str]:
    if file.info.task != "classification":
        return []
    labels: list[str | None] = rows["label"].to_pylist()
    expected = [label for label in labels if label is not None]
    if len(expected) < len(labels):
        row = labels.index(None) + 1
        raise DataError(
            f"{path}: row {row} has no label, but the task is a classification. Give every "
            "held-out row a label, or prepare the data as a generation task."
        )
    return expected


def _require_same_rows(files: Sequence[tuple[Path, PredictionSet]]) -> None:
    first_path, first = files[0]
    for path, file in files[1:]:
        for field in ("examples_digest", "task", "labels"):
            if getattr(file.info, field) != getattr(first.info, field):
                raise DataError(
                    f"{path} and {first_path} are predictions for different examples ({field} "
                    "differs). Predict every candidate on the same held-out file."
                )
        for column in ("example_id", "reference", "label"):
            if not _column(file, column).equals(_column(first, column)):
                raise DataError(
                    f"{path} and {first_path} do not hold the same rows in the same order "
                    f"({column} differs). Predict again."
                )


def _column(file: PredictionSet, name: str) -> pa.ChunkedArray:
    return file.rows_of(file.info.candidates[0].name)[name]


def _require_own_names(files: Sequence[tuple[Path, PredictionSet]]) -> None:
    owners: dict[str, Path] = {}
    for path, file in files:
        for candidate in file.info.candidates:
            if candidate.name in owners:
                raise DataError(
                    f"{path} and {owners[candidate.name]} both hold a candidate named "
                    f"{candidate.name}. Rename one, or give each file once."
                )
            owners[candidate.name] = path
