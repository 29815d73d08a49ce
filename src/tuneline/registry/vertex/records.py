"""What an evaluation in the Model Registry reads of verdict.json and metrics.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from tuneline.errors import DataError
from tuneline.registry.records import CandidateRecord, VerdictRecord, read_record

if TYPE_CHECKING:
    from pathlib import Path


class SliceRecord(BaseModel):
    """A part of the held-out rows, with the candidate's score by the primary metric."""

    slice: str
    value: str
    rows: int
    candidate: str
    candidate_value: float


class EvaluatedRecord(VerdictRecord):
    """The verdict, with the kind of task that was evaluated."""

    task: str
    rows: int


class LabelRecord(BaseModel):
    """Scores of one label or entity type; a score is null where nothing defines it."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None


class ConfusionRecord(BaseModel):
    """Expected (rows) against predicted labels; the last category is for answers that are none."""

    categories: list[str]
    matrix: list[list[int]]


class ScoredRecord(CandidateRecord):
    """A candidate with its tables."""

    labels: list[LabelRecord]
    confusion: ConfusionRecord | None


class ScoresRecord(BaseModel):
    """The facts of metrics.json that an evaluation carries."""

    examples_digest: str
    candidates: list[ScoredRecord]
    slices: list[SliceRecord]


def read_scores(path: Path, winner: CandidateRecord) -> tuple[ScoresRecord, ScoredRecord]:
    """Read metrics.json, and find the registered candidate in it.

    Raises:
        DataError: It cannot be read or is of another evaluation.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from error
    scores = read_record(ScoresRecord, text, path)
    for candidate in scores.candidates:
        if candidate.name == winner.name and candidate.metrics == winner.metrics:
            return scores, candidate
    raise DataError(
        f"{path}: candidates: none is {winner.name!r} with the metrics of the verdict. Give the "
        "metrics of the same evaluation."
    )
