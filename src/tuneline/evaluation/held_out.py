"""The held-out rows that all candidates answered, opened and checked but not yet read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tuneline.errors import DataError
from tuneline.prediction.store import (
    PREDICTIONS_SCHEMA,
    ROWS_A_PIECE,
    Candidate,
    PredictionFile,
    read_predictions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from tuneline.data.schema import Task


@dataclass(frozen=True, slots=True)
class Answers:
    """One candidate's answers, in the file that holds them."""

    candidate: Candidate
    file: PredictionFile


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Held-out rows and who answered them; small, since texts stay on disk.

    Attributes:
        task: Kind of task of the data.
        labels: Sorted: the label set of the training split and any label that only held-out rows
            have. Empty unless a classification.
        examples_digest: SHA-256 of the examples file.
        base_models: Name and digest of each base model, in the order of the files.
        rows: How many.
        row_labels: The label of each row; empty unless a classification.
        groups: The group of each row, its example where it has none: rows that share one are not
            independent.
        named_groups: The group of each row; None where it has none.
        prompt_lengths: Characters of the user's turn, shape (rows,).
        answers: Each candidate's, in the order of the files.
    """

    task: Task
    labels: tuple[str, ...]
    examples_digest: str
    base_models: tuple[tuple[str, str], ...]
    rows: int
    row_labels: list[str]
    groups: list[str]
    named_groups: list[str | None]
    prompt_lengths: npt.NDArray[np.int64]
    answers: tuple[Answers, ...]

    def file_of(self, candidate: str) -> PredictionFile:
        """The file that holds a candidate's answers."""
        return next(a.file for a in self.answers if a.candidate.name == candidate)

    def samples(self) -> int:
        """Further answers that every answered row of every candidate has.

        Raises:
            DataError: Rows or candidates differ in that.
        """
        counts: dict[str, set[int]] = {}
        for answers in self.answers:
            name = answers.candidate.name
            for index in range(answers.file.pieces):
                piece = answers.file.piece(name, index, ["samples", "finish_reason"])
                asked = pc.is_in(piece["finish_reason"], pa.array(["stop", "length"]))
                lengths = pc.list_value_length(piece["samples"].filter(asked))
                counts.setdefault(name, set()).update(pc.unique(lengths).to_pylist())
        found = set().union(*counts.values())
        if len(found) > 1:
            told = "; ".join(
                f"{name}: {' or '.join(map(str, sorted(own)))}" for name, own in counts.items()
            )
            raise DataError(
                f"The candidates have different numbers of samples ({told}). Predict all of them "
                "with the same setting of samples."
            )
        return max(found, default=0)

    def rows_of(
        self,
        candidate: str,
        places: Sequence[int],
        columns: Sequence[str] = PREDICTIONS_SCHEMA.names,
    ) -> pa.Table:
        """Some rows of a candidate.

        Args:
            candidate: Its name.
            places: Places of the rows, counted from 0, rising.
            columns: What is read of them.
        """
        file = self.file_of(candidate)
        pieces = [PREDICTIONS_SCHEMA.empty_table().select(list(columns))]
        for index in sorted({place // ROWS_A_PIECE for place in places}):
            start = index * ROWS_A_PIECE
            inside = [place - start for place in places if start <= place < start + ROWS_A_PIECE]
            pieces.append(file.piece(candidate, index, columns).take(inside))
        return pa.concat_tables(pieces)


def open_held_out(paths: Sequence[Path]) -> HeldOut:
    """Open predictions files of the same held-out rows.

    Raises:
        DataError: No file is given, one is not a predictions file, they are of different rows,
            two candidates share a name, or a row of a classification has no label.
    """
    if not paths:
        raise DataError("No predictions file was given. Give what the predict stage wrote.")
    twice = next((path for place, path in enumerate(paths) if path in paths[:place]), None)
    if twice is not None:
        raise DataError(f"{twice} is given twice. Give each predictions file once.")
    files = [read_predictions(path) for path in paths]
    _require_same_rows(files)
    _require_own_names(files)
    first = files[0]
    facts = _facts(first)
    labels = _row_labels(first, facts)
    groups = facts["group"].to_pylist()
    return HeldOut(
        task=first.info.task,
        labels=tuple(sorted({*first.info.labels, *labels})),
        examples_digest=first.info.examples_digest,
        base_models=tuple(dict.fromkeys((f.info.base_model, f.info.base_digest) for f in files)),
        rows=first.rows,
        row_labels=labels,
        groups=pc.coalesce(facts["group"], facts["example_id"]).to_pylist(),
        named_groups=groups,
        prompt_lengths=facts["prompt_length"].to_numpy(),
        answers=tuple(Answers(c, file) for file in files for c in file.info.candidates),
    )


def _facts(file: PredictionFile) -> pa.Table:
    """What is known of each row beside its texts, from the first candidate's rows."""
    name = file.info.candidates[0].name
    columns = ["example_id", "group", "label", "prompt"]
    pieces = [_without_text(file.piece(name, index, columns)) for index in range(file.pieces)]
    empty = pa.schema(
        [("example_id", "string"), ("group", "string"), ("label", "string")]
    ).empty_table()
    lengths = empty.append_column("prompt_length", pa.array([], pa.int64()))
    return pa.concat_tables([lengths, *pieces])


def _without_text(piece: pa.Table) -> pa.Table:
    lengths = pc.cast(pc.utf8_length(piece["prompt"]), pa.int64())
    return piece.drop_columns("prompt").append_column("prompt_length", lengths)


def _row_labels(file: PredictionFile, facts: pa.Table) -> list[str]:
    if file.info.task != "classification":
        return []
    labels: list[str | None] = facts["label"].to_pylist()
    expected = [label for label in labels if label is not None]
    if len(expected) < len(labels):
        row = labels.index(None) + 1
        raise DataError(
            f"{file.path}: row {row} has no label, but the task is a classification. Give every "
            "held-out row a label, or prepare the data as a generation task."
        )
    return expected


def _require_same_rows(files: Sequence[PredictionFile]) -> None:
    first = files[0]
    for file in files[1:]:
        for field in ("examples_digest", "task", "labels"):
            if getattr(file.info, field) != getattr(first.info, field):
                raise DataError(
                    f"{file.path} and {first.path} are predictions for different examples ({field} "
                    "differs). Predict every candidate on the same held-out file."
                )
        if file.info.train_digest != first.info.train_digest:
            raise DataError(
                f"{file.path} and {first.path} were made with different training splits. Tune and "
                "predict every candidate with one."
            )
        if (file.rows, file.rows_digest) != (first.rows, first.rows_digest):
            raise DataError(
                f"{file.path} and {first.path} do not hold the same rows in the same order. "
                "Predict again, every candidate with the same setting of turns."
            )


def _require_own_names(files: Sequence[PredictionFile]) -> None:
    owners: dict[str, Path] = {}
    for file in files:
        for candidate in file.info.candidates:
            if candidate.name in owners:
                raise DataError(
                    f"{file.path} and {owners[candidate.name]} both hold a candidate named "
                    f"{candidate.name}. Predict one again with another --name."
                )
            owners[candidate.name] = file.path
