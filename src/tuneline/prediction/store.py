"""Predictions on disk: what each candidate answered on the same held-out rows.

One Parquet file for each predict task, one row for each candidate and asked turn, the candidates
one after the other and the rows of each in the same order, in row groups of one candidate each: so
any piece of any candidate can be read alone, however long the file is. What the candidates are
stands in the file's metadata, so that a file explains itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.errors import DataError
from tuneline.files import new_file
from tuneline.prediction.candidate_names import name_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tuneline.data.schema import Task
    from tuneline.prediction.answer import FinishReason

SCHEMA_VERSION = 2
"""Version of the predictions schema; it rises when a reader of the old one would misread."""

ROWS_A_PIECE = 4096
"""Rows of one row group; piece ``i`` of every candidate holds the same held-out rows."""

_METADATA_KEY = b"tuneline"

PREDICTIONS_SCHEMA = pa.schema(
    [
        ("candidate", pa.string()),
        ("example_id", pa.string()),
        ("turn", pa.int32()),
        ("group", pa.string()),
        ("prompt", pa.string()),
        ("reference", pa.string()),
        ("prediction", pa.string()),
        ("label", pa.string()),
        ("samples", pa.list_(pa.string())),
        ("shot_ids", pa.list_(pa.string())),
        ("prompt_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("finish_reason", pa.string()),
        ("reference_nll", pa.float64()),
        ("reference_tokens", pa.int32()),
    ]
)
"""Arrow schema of a predictions file."""

CandidateKind = Literal["baseline", "pet", "full"]
Engine = Literal["transformers", "vllm", "gemini"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to answer: a prompt design on the base model, or a tuned model.

    Attributes:
        name: Unique among what is compared, such as ``zero-shot``, ``4-shot``, ``pet``, ``full``.
        kind: ``baseline`` for prompt design, otherwise the tuning method.
        engine: What ran the model.
        model: The model's name, as the user knows it.
        model_digest: SHA-256 of the model that answered; a managed model's name.
        shots: Examples that stand in the prompt.
        shot_choice: How they were chosen; empty without shots.
        trainable_parameters: Parameters that tuning changed; 0 for a baseline.
        total_parameters: Parameters of the model that answers; 0 where a service does not say.
        adapter_bytes: Size of the adapter's weights; 0 where there is none.
        training_seconds: Time that tuning took; 0 for a baseline.
        training_rows: Examples that it was tuned on; 0 for a baseline.
        training_fraction: Their share of the training split; below 1 on a learning curve alone.
        prediction_seconds: Time that all answers took together.
        prompt_example: The first prompt as the model saw it, special tokens included.
    """

    name: str
    kind: CandidateKind
    engine: Engine
    model: str
    model_digest: str
    shots: int
    shot_choice: str
    trainable_parameters: int
    total_parameters: int
    adapter_bytes: int
    training_seconds: float
    training_rows: int
    training_fraction: float
    prediction_seconds: float
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
        train_digest: SHA-256 of the training split's file; empty where it is not known.
    """

    task: Task
    labels: tuple[str, ...]
    examples_digest: str
    base_model: str
    base_digest: str
    candidates: tuple[Candidate, ...]
    train_digest: str = ""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One candidate's answer to one asked turn of an example.

    Attributes:
        candidate: Name of the candidate.
        example_id: The example's content hash.
        turn: Place of the answered model turn among the example's turns.
        group: What ties examples that are not independent of each other; None without groups.
        prompt: Text of the user's turn before it, for people to read.
        reference: The right answer.
        prediction: The answer that the candidate gave.
        label: The example's class; None unless a classification.
        samples: Further answers, drawn at random.
        shot_ids: Content hashes of the examples in the prompt.
        prompt_tokens: Tokens of the whole prompt.
        output_tokens: Tokens of the answer.
        finish_reason: ``stop`` where the model ended its answer, ``length`` where the token limit
            did, ``prompt_too_long`` where the prompt left no room and nothing was asked,
            ``blocked`` where a service refused to answer.
        reference_nll: Negative log-likelihood of the reference answer in nats, its end-of-turn
            token included; None where the model gives no logits.
        reference_tokens: Tokens that it sums over; None likewise.
    """

    candidate: str
    example_id: str
    turn: int
    group: str | None
    prompt: str
    reference: str
    prediction: str
    label: str | None
    samples: tuple[str, ...]
    shot_ids: tuple[str, ...]
    prompt_tokens: int
    output_tokens: int
    finish_reason: FinishReason
    reference_nll: float | None
    reference_tokens: int | None


@dataclass(frozen=True, slots=True)
class PredictionFile:
    """A predictions file whose rows are read piece by piece.

    Attributes:
        path: The file.
        info: What it says of itself.
        rows: Rows of each candidate.
        rows_digest: SHA-256 over id, turn, reference and label of each row: files with equal
            digests answer the same rows in the same order.
    """

    path: Path
    info: PredictionInfo
    rows: int
    rows_digest: str

    @property
    def pieces(self) -> int:
        """Row groups of each candidate."""
        return -(-self.rows // ROWS_A_PIECE)

    def piece(
        self, candidate: str, index: int, columns: Sequence[str] = PREDICTIONS_SCHEMA.names
    ) -> pa.Table:
        """The rows of one piece of a candidate (`PREDICTIONS_SCHEMA`), or some columns of them.

        Raises:
            DataError: The file's pieces are not the candidate's.
        """
        names = [candidate.name for candidate in self.info.candidates]
        with pq.ParquetFile(self.path) as file:
            table = file.read_row_group(
                names.index(candidate) * self.pieces + index, ["candidate", *columns]
            )
        if table["candidate"].unique().to_pylist() != [candidate]:
            raise DataError(
                f"{self.path}: holds rows of another candidate where {candidate} should stand. "
                "Predict again."
            )
        return table.select(list(columns))

    def batches(self, candidate: str) -> Iterator[pa.Table]:
        """All pieces of a candidate, in order."""
        for index in range(self.pieces):
            yield self.piece(candidate, index)

    def table(self, candidate: str) -> pa.Table:
        """All rows of a candidate at once."""
        return pa.concat_tables([PREDICTIONS_SCHEMA.empty_table(), *self.batches(candidate)])


def write_predictions(path: Path, info: PredictionInfo, rows: Iterable[Prediction]) -> None:
    """Write a predictions file, whole or not at all; equal rows give equal bytes.

    Args:
        path: File to write.
        info: What the rows are.
        rows: Candidate after candidate, in the order of ``info.candidates``.

    Raises:
        DataError: A name is none (`name_problem`) or that of two candidates, a row belongs to
            none of them, or they did not answer the same rows in the same order.
        MachineError: The file cannot be written.
    """
    names = [candidate.name for candidate in info.candidates]
    _require_names(path, names)
    written: dict[str, tuple[int, str]] = dict.fromkeys(names, (0, hashlib.sha256().hexdigest()))
    with new_file(path) as temporary, _writer(temporary) as writer:
        for order, (name, its_rows) in enumerate(groupby(rows, key=lambda row: row.candidate)):
            if names[order : order + 1] != [name]:
                raise DataError(f"{path}: rows of {name!r} where {names[order:]} were to follow.")
            written[name] = _write_candidate(writer, its_rows)
        count, digest = _same_rows(path, written)
        described = {
            "schema_version": SCHEMA_VERSION,
            "rows": count,
            "rows_digest": digest,
            **asdict(info),
        }
        writer.add_key_value_metadata({_METADATA_KEY: orjson.dumps(described)})


def _writer(path: Path) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, PREDICTIONS_SCHEMA, compression="zstd", write_statistics=False)


def _write_candidate(writer: pq.ParquetWriter, rows: Iterator[Prediction]) -> tuple[int, str]:
    digest = hashlib.sha256()
    count = 0
    while batch := [asdict(row) for row in islice(rows, ROWS_A_PIECE)]:
        for row in batch:
            identity = (row["example_id"], row["turn"], row["reference"], row["label"])
            digest.update(orjson.dumps(identity))
        writer.write_table(
            pa.Table.from_pylist(batch, schema=PREDICTIONS_SCHEMA), row_group_size=ROWS_A_PIECE
        )
        count += len(batch)
    return count, digest.hexdigest()


def _require_names(path: Path, names: list[str]) -> None:
    if not names:
        raise DataError(f"{path}: no candidate. Predict with at least one.")
    if problems := [problem for name in names if (problem := name_problem(name))]:
        raise DataError(f"{path}: {' '.join(problems)}")
    if len(set(names)) != len(names):
        raise DataError(f"{path}: two candidates have one name ({', '.join(names)}). Rename one.")


def _same_rows(path: Path, written: Mapping[str, tuple[int, str]]) -> tuple[int, str]:
    first, *others = written
    for name in others:
        if written[name] != written[first]:
            raise DataError(
                f"{path}: {name} did not answer the same rows in the same order as {first}. "
                "Predict again."
            )
    return written[first]


def read_predictions(path: Path) -> PredictionFile:
    """Open a predictions file.

    Raises:
        DataError: It is missing or not a predictions file, is of another schema version, or
            contradicts itself.
    """
    try:
        with pq.ParquetFile(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
    except FileNotFoundError as error:
        raise DataError(
            f"{path}: there is no such file. Give what the predict stage wrote."
        ) from error
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: not a Parquet file of predictions ({error}).") from error
    described = (metadata.metadata or {}).get(_METADATA_KEY)
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
    rows, rows_digest = fields.pop("rows"), fields.pop("rows_digest")
    info = PredictionInfo(**{**fields, "labels": tuple(fields["labels"]), "candidates": candidates})
    found = PredictionFile(path, info, rows, rows_digest)
    if (
        not schema.remove_metadata().equals(PREDICTIONS_SCHEMA)
        or metadata.num_rows != rows * len(candidates)
        or metadata.num_row_groups != found.pieces * len(candidates)
    ):
        raise DataError(f"{path}: its rows or columns are not those of predictions. Predict again.")
    return found
