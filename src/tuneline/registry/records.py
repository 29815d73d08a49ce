"""What registration reads of result.json and verdict.json, and nothing more of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from tuneline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

Digest = Annotated[str, Field(pattern=r"^[\w:.-]+$")]


class BaseModelRecord(BaseModel):
    """The model that tuning started from; ``revision`` is its commit where a hub gave it."""

    reference: str
    digest: Digest
    revision: str = ""


class SplitRecord(BaseModel):
    """A split that went into the tuning run."""

    digest: Digest
    rows: int


class ResultRecord(BaseModel):
    """The facts of result.json that a registry entry carries.

    ``model_digest`` is the SHA-256 over the files of ``model_folder``; a service that tunes shows
    no folder, and digests the names that it gave instead.
    """

    tuneline_version: str
    run_digest: Digest
    method: str
    model_folder: str = ""
    model_digest: Digest
    base_model: BaseModelRecord
    settings: dict[str, Any]
    data: dict[str, SplitRecord]
    trainable_parameters: int
    total_parameters: int
    seconds: float


class MetricRecord(BaseModel):
    """A metric's value and, where it has one, the ends of its 95 % interval."""

    value: float
    low: float | None = None
    high: float | None = None


class CandidateRecord(BaseModel):
    """One candidate of the evaluation; ``kind`` is ``baseline`` or the method that made it.

    ``model_digest`` is that of the model that answered; empty where a verdict does not say.
    """

    name: str
    kind: str
    model_digest: str = ""
    metrics: dict[str, MetricRecord]


class VerdictRecord(BaseModel):
    """The facts of verdict.json that a registry entry carries.

    ``best_baseline`` is the name of a candidate, or empty where none was evaluated.
    """

    passed: bool
    winner: str
    best_baseline: str
    headline: str
    reasons: list[str]
    primary_metric: str
    candidates: list[CandidateRecord]


Record = TypeVar("Record", bound=BaseModel)


def read_record(kind: type[Record], text: str, file: Path) -> Record:
    """Read the fields of ``kind`` from the JSON text of ``file``; further fields are left alone.

    Raises:
        DataError: No JSON, or fields are missing or of another type; names all of them.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        problems = "; ".join(
            ": ".join(filter(None, [".".join(map(str, problem["loc"])), problem["msg"]]))
            for problem in error.errors()
        )
        raise DataError(f"{file}: {problems}. Make it again with this release.") from error
