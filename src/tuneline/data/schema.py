"""The canonical form of labeled examples, and its Parquet files.

One row is one example: an optional system instruction, turns with role ``user`` or ``model``, parts
(text, file, function call, function response), tools and media resolution: everything that a Gemini
``contents`` example can hold. Function arguments and responses are kept as JSON text, since Parquet
has no type for arbitrary objects.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.json import ParseOptions, ReadOptions, read_json

from tuneline.errors import DataError
from tuneline.files import new_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SCHEMA_VERSION = 1
"""Version of the canonical Parquet schema; it rises when a reader of the old one would misread."""

_METADATA_KEY = b"tuneline"
_ROWS_A_BATCH = 4096

Role = Literal["user", "model"]
Task = Literal["classification", "generation"]


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A model's call of a function; ``args`` is a JSON object as text."""

    name: str
    args: str


@dataclass(frozen=True, slots=True)
class FunctionResponse:
    """What a called function gave back; ``response`` is a JSON object as text."""

    name: str
    response: str


@dataclass(frozen=True, slots=True)
class File:
    """A media file by URI and MIME type."""

    uri: str
    mime_type: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a turn: exactly one of its fields is set."""

    text: str | None = None
    file: File | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side says at one point of the conversation."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if part.text is not None)


@dataclass(frozen=True, slots=True)
class Example:
    """One labeled example; the last turn is the model's answer.

    ``label`` is the class for tasks with a label set; ``group`` ties examples that must stay in one
    split; ``source`` and ``row`` say where it was read (row numbers start at 1).
    """

    turns: tuple[Turn, ...]
    system: str | None = None
    tools: str | None = None
    media_resolution: str | None = None
    label: str | None = None
    group: str | None = None
    source: str = ""
    row: int = 0

    @property
    def answer(self) -> str:
        """The text of the last turn, which tuning learns and evaluation compares with."""
        return self.turns[-1].text

    @property
    def example_id(self) -> str:
        """Hash of the content, 32 hexadecimal digits: equal for equal examples, wherever read."""
        return _hash((self.system, self.turns, self.tools, self.media_resolution))

    @property
    def prompt_id(self) -> str:
        """Hash of everything before the answer: examples that share it never part in a split."""
        return _hash((self.system, self.turns[:-1], self.tools, self.media_resolution))


def _hash(content: tuple[Any, ...]) -> str:
    return hashlib.blake2b(orjson.dumps(content), digest_size=16).hexdigest()


_PART = pa.struct(
    [
        ("text", pa.string()),
        ("file", pa.struct([("uri", pa.string()), ("mime_type", pa.string())])),
        ("function_call", pa.struct([("name", pa.string()), ("args", pa.string())])),
        ("function_response", pa.struct([("name", pa.string()), ("response", pa.string())])),
    ]
)

EXAMPLES_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("system", pa.string()),
        ("turns", pa.list_(pa.struct([("role", pa.string()), ("parts", pa.list_(_PART))]))),
        ("tools", pa.string()),
        ("media_resolution", pa.string()),
        ("label", pa.string()),
        ("group", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
    ]
)
"""Arrow schema of the canonical Parquet files."""


@dataclass(frozen=True, slots=True)
class ExamplesInfo:
    """What a file of examples says of itself in its schema metadata.

    ``labels`` is the sorted label set of the training split, empty unless the task is a
    classification.
    """

    split: str
    task: Task
    labels: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION


def write_examples(path: Path, examples: Iterable[Example], info: ExamplesInfo) -> int:
    """Write examples as canonical Parquet, whole or not at all; return the number of rows."""
    return write_encoded(path, map(encode, examples), info)


def encode(example: Example, example_id: str = "") -> bytes:
    """One example as a JSON line of the canonical columns; ``label`` is left out where unset.

    Args:
        example: What to encode.
        example_id: Its `Example.example_id`, where it was computed already.
    """
    row = {
        "example_id": example_id or example.example_id,
        "system": example.system,
        "turns": example.turns,
        "tools": example.tools,
        "media_resolution": example.media_resolution,
        "group": example.group,
        "source": example.source,
        "row": example.row,
    }
    if example.label is not None:
        row["label"] = example.label
    return orjson.dumps(row)


def write_encoded(path: Path, lines: Iterable[bytes], info: ExamplesInfo) -> int:
    """Write what `encode` gave as canonical Parquet, whole or not at all.

    Returns:
        The number of rows.
    """
    schema = EXAMPLES_SCHEMA.with_metadata({_METADATA_KEY: orjson.dumps(asdict(info))})
    rows = iter(lines)
    count = 0
    with (
        new_file(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        while batch := list(islice(rows, _ROWS_A_BATCH)):
            writer.write_table(_decode(batch).cast(schema))
            count += len(batch)
    return count


def _decode(lines: list[bytes]) -> pa.Table:
    """Canonical JSON lines as one Arrow table; Arrow's own reader is twice as fast as Python's."""
    text = b"\n".join(lines)
    return read_json(
        pa.BufferReader(text),
        # One block, since a line may not straddle two.
        read_options=ReadOptions(use_threads=False, block_size=len(text) + 1),
        parse_options=ParseOptions(
            explicit_schema=EXAMPLES_SCHEMA, unexpected_field_behavior="error"
        ),
    )


def read_info(path: Path) -> ExamplesInfo:
    """Read what a file of examples says of itself.

    Raises:
        DataError: The file is not canonical Parquet of a schema version that this release reads.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"{path}: not a Parquet file of examples ({error}).") from error
    if _METADATA_KEY not in metadata:
        raise DataError(f"{path}: Parquet, but not made by `tuneline prepare`. Prepare it first.")
    fields = orjson.loads(metadata[_METADATA_KEY])
    if fields.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            f"{path}: schema version {fields.get('schema_version')}, but this release reads "
            f"version {SCHEMA_VERSION}. Prepare the data again."
        )
    return ExamplesInfo(**{**fields, "labels": tuple(fields["labels"])})


def read_examples(path: Path) -> Iterator[Example]:
    """Yield the examples of a canonical Parquet file in their order.

    Raises:
        DataError: The file is not canonical Parquet.
    """
    read_info(path)
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_ROWS_A_BATCH):
            for row in batch.to_pylist():
                yield _example(row)


def _example(row: dict[str, Any]) -> Example:
    row.pop("example_id")
    row["turns"] = tuple(
        Turn(turn["role"], tuple(_part(part) for part in turn["parts"])) for turn in row["turns"]
    )
    return Example(**row)


def _part(part: dict[str, Any]) -> Part:
    call, response = part["function_call"], part["function_response"]
    return Part(
        text=part["text"],
        file=File(**part["file"]) if part["file"] else None,
        function_call=FunctionCall(**call) if call else None,
        function_response=FunctionResponse(**response) if response else None,
    )
