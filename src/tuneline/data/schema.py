"""The canonical form of labeled examples, and its Parquet files.

One row is one example: an optional system instruction, turns with role ``user`` or ``model``, parts
(text, file, function call, function response), tools and media resolution: everything that a Gemini
``contents`` example can hold. Function arguments and responses are kept as JSON text, since Parquet
has no type for arbitrary objects.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tuneline.errors import DataError
from tuneline.files import new_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

SCHEMA_VERSION = 2
"""Version of the canonical Parquet schema; it rises when a reader of the old one would misread."""

_METADATA_KEY = b"tuneline"
_ROWS_A_BATCH = 4096

Role = Literal["user", "model"]
Task = Literal["classification", "generation"]


class FunctionCall(msgspec.Struct, frozen=True, gc=False):
    """A model's call of a function; ``args`` is a JSON object as text."""

    name: str
    args: str


class FunctionResponse(msgspec.Struct, frozen=True, gc=False):
    """What a called function gave back; ``response`` is a JSON object as text."""

    name: str
    response: str


class File(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A media file by URI and MIME type; ``video_metadata`` (a clip) is a JSON object as text."""

    uri: str
    mime_type: str
    video_metadata: str | None = None


class Part(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One part of a turn: exactly one of its fields is set."""

    text: str | None = None
    file: File | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None


class Turn(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one side says at one point of the conversation.

    ``trained`` is false for a model's turn that the source excludes from the loss (``weight: 0``).
    """

    role: Role
    parts: tuple[Part, ...]
    trained: bool = True

    @property
    def text(self) -> str:
        """The text parts, joined."""
        if len(self.parts) == 1:  # by far the most frequent, and faster so
            return self.parts[0].text or ""
        return "".join(part.text for part in self.parts if part.text is not None)


class Example(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
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
        return self.digests()[1].hex()

    @property
    def prompt_id(self) -> str:
        """Hash of everything before the answer: examples that share it never part in a split."""
        return self.digests()[0].hex()

    def digests(self) -> tuple[bytes, bytes]:
        """BLAKE2b, 16 bytes, of everything before the answer, and of the whole content."""
        *before, answer = self.turns
        digest = _new_digest(
            _encode((self.system, before, self.tools, self.media_resolution)), digest_size=16
        )
        prompt = digest.digest()
        digest.update(_encode(answer))
        return prompt, digest.digest()


_encode = msgspec.json.Encoder().encode
_new_digest = hashlib.blake2b

_FILE = pa.struct(
    [("uri", pa.string()), ("mime_type", pa.string()), ("video_metadata", pa.string())]
)
_CALL = pa.struct([("name", pa.string()), ("args", pa.string())])
_RESPONSE = pa.struct([("name", pa.string()), ("response", pa.string())])
_PART = pa.struct(
    [
        ("text", pa.string()),
        ("file", _FILE),
        ("function_call", _CALL),
        ("function_response", _RESPONSE),
    ]
)
_TURN = pa.struct([("role", pa.string()), ("parts", pa.list_(_PART)), ("trained", pa.bool_())])

EXAMPLES_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("system", pa.string()),
        ("turns", pa.list_(_TURN)),
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
    rows = iter(examples)
    count = 0
    with new_file(path) as temporary, examples_writer(temporary, info) as writer:
        while batch := list(islice(rows, _ROWS_A_BATCH)):
            writer.write_batch(to_arrow(batch))
            count += len(batch)
    return count


def examples_writer(path: Path, info: ExamplesInfo) -> pq.ParquetWriter:
    """A writer of canonical Parquet, which takes batches of `EXAMPLES_SCHEMA`."""
    schema = EXAMPLES_SCHEMA.with_metadata({_METADATA_KEY: orjson.dumps(asdict(info))})
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        # For texts that differ in every row, dictionaries and statistics only cost time.
        use_dictionary=["label", "group", "source", "media_resolution"],
        write_statistics=False,
    )


class Digests(NamedTuple):
    """`Example.digests` of many examples, 16 bytes each, one after another."""

    prompts: bytes
    contents: bytes


def digests_of(examples: Iterable[Example]) -> Digests:
    """The digests of examples in their order."""
    prompts: list[bytes] = []
    contents: list[bytes] = []
    for example in examples:
        before, content = example.digests()
        prompts.append(before)
        contents.append(content)
    return Digests(b"".join(prompts), b"".join(contents))


def to_arrow(examples: Sequence[Example], contents: bytes = b"") -> pa.RecordBatch:
    """Examples as one batch of `EXAMPLES_SCHEMA`.

    Args:
        examples: What to convert.
        contents: `Digests.contents` of them, where they were computed already.
    """
    columns = [
        _ids(contents or digests_of(examples).contents),
        pa.array([example.system for example in examples], pa.string()),
        _turns_to_arrow(examples),
        *(
            pa.array(
                [getattr(example, name) for example in examples], EXAMPLES_SCHEMA.field(name).type
            )
            for name in EXAMPLES_SCHEMA.names[3:]
        ),
    ]
    return pa.record_batch(columns, schema=EXAMPLES_SCHEMA)


def _ids(contents: bytes) -> pa.StringArray:
    """16 bytes each as 32 hexadecimal digits, without a text for each in Python."""
    offsets = np.arange(0, 2 * len(contents) + 1, 32, dtype=np.int32)
    digits = pa.py_buffer(contents.hex().encode())
    return pa.StringArray.from_buffers(len(contents) // 16, pa.py_buffer(offsets), digits)


def _turns_to_arrow(examples: Sequence[Example]) -> pa.ListArray:
    turns = [turn for example in examples for turn in example.turns]
    parts = [part for turn in turns for part in turn.parts]
    columns = [
        pa.array([turn.role for turn in turns], pa.string()),
        pa.ListArray.from_arrays(
            _offsets([len(turn.parts) for turn in turns]),
            _parts_to_arrow(parts),
            type=pa.list_(_PART),
        ),
        pa.array([turn.trained for turn in turns], pa.bool_()),
    ]
    return pa.ListArray.from_arrays(
        _offsets([len(example.turns) for example in examples]),
        pa.StructArray.from_arrays(columns, fields=list(_TURN)),
        type=pa.list_(_TURN),
    )


def _parts_to_arrow(parts: list[Part]) -> pa.StructArray:
    texts = [part.text for part in parts]
    columns = [pa.array(texts, pa.string())]
    only_text = None not in texts
    for field in list(_PART)[1:]:
        if only_text:
            columns.append(pa.nulls(len(parts), field.type))
            continue
        values = [getattr(part, field.name) for part in parts]
        columns.append(
            pa.array(
                [None if value is None else msgspec.structs.asdict(value) for value in values],
                field.type,
            )
        )
    return pa.StructArray.from_arrays(columns, fields=list(_PART))


def _offsets(lengths: list[int]) -> pa.Array:
    return pa.array(accumulate(lengths, initial=0), pa.int32())


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


def count_examples(path: Path) -> int:
    """Number of examples in a canonical Parquet file, without reading them.

    Raises:
        DataError: The file is not canonical Parquet.
    """
    read_info(path)
    rows: int = pq.read_metadata(path).num_rows
    return rows


def read_examples(
    path: Path, rows_at_once: int = _ROWS_A_BATCH, rows: range | None = None
) -> Iterator[Example]:
    """Yield the examples of a canonical Parquet file in their order.

    Args:
        path: The file.
        rows_at_once: How many are read together; fewer where only the first are wanted.
        rows: Places of those that are wanted, one behind another; None: all. Row groups that hold
            none of them are not read.

    Raises:
        DataError: The file is not canonical Parquet.
    """
    read_info(path)
    with pq.ParquetFile(path) as file:
        if rows is None:
            for batch in file.iter_batches(batch_size=rows_at_once):
                yield from from_arrow(batch)
            return
        for group, first, behind in _row_groups(file, rows):
            skipped = 0
            for batch in file.iter_batches(batch_size=rows_at_once, row_groups=[group]):
                low, high = max(first - skipped, 0), behind - skipped
                yield from from_arrow(batch.slice(low, max(high - low, 0)))
                skipped += len(batch)


def _row_groups(file: pq.ParquetFile, rows: range) -> Iterator[tuple[int, int, int]]:
    """The row groups that hold some of the rows, and which of each group's rows those are."""
    start = 0
    for group in range(file.metadata.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        first, behind = max(rows.start, start), min(rows.stop, end)
        if first < behind:
            yield group, first - start, behind - start
        start = end


def from_arrow(batch: pa.RecordBatch) -> list[Example]:
    """The examples of a batch of `EXAMPLES_SCHEMA`."""
    rows = batch.select([name for name in batch.schema.names if name != "example_id"])
    return msgspec.convert(rows.to_pylist(), list[Example])
