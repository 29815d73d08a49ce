"""Predictions on disk: what each candidate answered on the same held-out rows.

One Parquet file for each predict task, one row for each candidate and example, the candidates one
after the other and the examples of each in the same order. What the candidates are stands in the
schema metadata, so that a file explains itself.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tuneline.errors import DataError
from tuneline.files import new_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tuneline.data.schema import Task

SCHEMA_VERSION = 1
"""Version of the predictions schema; it rises when a reader of the old one would misread."""

_METADATA_KEY = b"tuneline"

PREDICTIONS_SCHEMA = pa.schema(
    [
        ("candidate", pa.string()),
        ("example_id", pa.string()),
        ("prompt", pa.string()),
        ("reference", pa.string()),
        ("prediction", pa.string()),
        ("label", pa.string()),
        ("prompt_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("finish_reason", pa.string()),
    ]
)
"""Arrow schema of a predictions file."""

CandidateKind = Literal["baseline", "pet", "full"]
FinishReason = Literal["stop", "length", "prompt_too_long"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to answer: a prompt design on the base model, or a tuned model.

    Attributes:
        name: Unique among what is compared, such as ``zero-shot``, ``4-shot``, ``pet``, ``full``.
        kind: ``baseline`` for prompt design, otherwise the tuning method.
        shots: Examples that stand in the prompt.
        trainable_parameters: Parameters that tuning changed; 0 for a baseline.
        total_parameters: Parameters of the model that answers.
        training_seconds: Time that tuning took; 0 for a baseline.
        prediction_seconds: Time that all answers took together.
        model_digest: SHA-256 of the model that answered.
        prompt_example: The first prompt as the model saw it, special tokens included.
    """

    name: str
    kind: CandidateKind
    shots: int
    trainable_parameters: int
    total_parameters: int
    training_seconds: float
    prediction_seconds: float
    model_digest: str
    prompt_example: str


@dataclass(frozen=True, slots=True)
class PredictionInfo:
    """What a predictions file says of itself.

    Attributes:
        task: Kind of task of the examples.
        labels: Sorted label set of the training split; empty unless a classification.
        examples_digest: SHA-256 of the examples file that was answered.
        base_model: Name of the base model.
        base_digest: SHA-256 of the base model.
        candidates: Who answered, in the order of the rows.
    """

    task: Task
    labels: tuple[str, ...]
    examples_digest: str
    base_model: str
    base_digest: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One candidate's answer to one example.

    Attributes:
        candidate: Name of the candidate.
        example_id: The example's content hash.
        prompt: Text of the last user turn, for people to read.
        reference: The right answer.
        prediction: The answer that the candidate gave.
        label: The example's class; None unless a classification.
        prompt_tokens: Tokens of the whole prompt.
        output_tokens: Tokens of the answer.
        finish_reason: ``stop`` where the model ended its answer, ``length`` where the token limit
            did, ``prompt_too_long`` where the prompt left no room and nothing was asked.
    """

    candidate: str
    example_id: str
    prompt: str
    reference: str
    prediction: str
    label: str | None
    prompt_tokens: int
    output_tokens: int
    finish_reason: FinishReason


@dataclass(frozen=True, slots=True)
class PredictionSet:
    """The rows of one predictions file (`PREDICTIONS_SCHEMA`) and what they are."""

    info: PredictionInfo
    rows: pa.Table

    @classmethod
    def of(cls, info: PredictionInfo, predictions: Iterable[Prediction]) -> PredictionSet:
        """Build a set from rows that stand candidate after candidate, as in ``info``."""
        rows = [asdict(prediction) for prediction in predictions]
        return cls(info, pa.Table.from_pylist(rows, schema=PREDICTIONS_SCHEMA))

    def rows_of(self, candidate: str) -> pa.Table:
        """The rows of one candidate, in their order."""
        return self.rows.filter(pc.field("candidate") == candidate)


def write_predictions(path: Path, predictions: PredictionSet) -> None:
    """Write a predictions file, whole or not at all; equal sets give equal bytes.

    Raises:
        DataError: Two candidates have one name, a row belongs to none of them, or the candidates
            did not answer the same examples in the same order.
        MachineError: The file cannot be written.
    """
    _require_sound(predictions, path)
    described = orjson.dumps({"schema_version": SCHEMA_VERSION, **asdict(predictions.info)})
    rows = predictions.rows.replace_schema_metadata({_METADATA_KEY: described})
    with new_file(path) as temporary:
        pq.write_table(rows, temporary, compression="zstd")


def read_predictions(path: Path) -> PredictionSet:
    """Read a predictions file.

    Raises:
        DataError: It is not a predictions file, is of another schema version, or contradicts
            itself.
    """
    try:
        rows = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: not a Parquet file of predictions ({error}).") from error
    info = _info(path, rows.schema)
    predictions = PredictionSet(info, rows.replace_schema_metadata(None))
    _require_sound(predictions, path)
    return predictions


def _info(path: Path, schema: pa.Schema) -> PredictionInfo:
    described = (schema.metadata or {}).get(_METADATA_KEY)
    fields = orjson.loads(described) if described else {}
    if "examples_digest" not in fields:
        raise DataError(f"{path}: Parquet, but not predictions. Give what the predict stage wrote.")
    version = fields.pop("schema_version")
    if version != SCHEMA_VERSION:
        raise DataError(
            f"{path}: schema version {version}, but this release reads version "
            f"{SCHEMA_VERSION}. Predict again."
        )
    candidates = tuple(Candidate(**candidate) for candidate in fields.pop("candidates"))
    return PredictionInfo(**{**fields, "labels": tuple(fields["labels"]), "candidates": candidates})


def _require_sound(predictions: PredictionSet, path: Path) -> None:
    if not predictions.rows.schema.equals(PREDICTIONS_SCHEMA):
        raise DataError(f"{path}: the columns are not those of predictions. Predict again.")
    names = [candidate.name for candidate in predictions.info.candidates]
    if len(set(names)) != len(names):
        raise DataError(f"{path}: two candidates have one name ({', '.join(names)}). Rename one.")
    strangers = set(predictions.rows["candidate"].unique().to_pylist()) - set(names)
    if strangers:
        raise DataError(f"{path}: rows of {sorted(map(str, strangers))}, which is no candidate.")
    if not names:
        raise DataError(f"{path}: no candidate. Predict with at least one.")
    first = predictions.rows_of(names[0])["example_id"]
    for name in names[1:]:
        if not predictions.rows_of(name)["example_id"].equals(first):
            raise DataError(
                f"{path}: {name} did not answer the same examples in the same order as {names[0]}. "
                "Predict again."
            )
