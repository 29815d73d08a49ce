"""Chats for trainers, in Parquet: ``messages`` with role and content, and the declared ``tools``.

Chat templates of trainers take texts. Function calls would need columns whose types differ from row
to row, so examples with calls, with files or with weights of 0 are refused; ``tools`` are the JSON
text of OpenAI's list of functions, null where there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from tuneline.data.shapes.content import NotHeld
from tuneline.data.shapes.pairs import require_only_texts
from tuneline.data.shapes.tools import functions_of

if TYPE_CHECKING:
    from tuneline.data.schema import Example

_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
_ROLES = pa.array(["system", "user", "assistant"])

MESSAGES_SCHEMA = pa.schema([("messages", pa.list_(_MESSAGE)), ("tools", pa.string())])
"""Arrow schema of the chat files."""


def require_chat(example: Example) -> bytes:
    """Check that a chat file can hold an example.

    Raises:
        NotHeld: It has a file, a call, a turn of weight 0, a media resolution, or a tool that is no
            function.
    """
    require_only_texts(example, tools=True)
    if example.tools is not None:
        functions_of(example.tools)
    return b""


def to_messages(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch of `EXAMPLES_SCHEMA` as one of `MESSAGES_SCHEMA`.

    Texts of one turn are joined. Every example must have passed `require_chat`.

    Raises:
        NotHeld: A turn has no text.
    """
    turns = batch.column("turns")
    flat = turns.flatten()
    contents = _contents(flat.field("parts"))
    system = batch.column("system")
    has_system = np.asarray(system.is_valid())
    counts = np.asarray(turns.value_lengths()) + has_system
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    is_turn = np.ones(len(contents) + int(has_system.sum()), bool)
    is_turn[offsets[:-1][has_system]] = False
    is_model = np.asarray(pc.equal(flat.field("role"), "model"))
    roles = np.zeros(len(is_turn), np.int8)
    roles[is_turn] = 1 + is_model
    if not is_turn.all():
        contents = _with_system(contents, system.drop_null(), is_turn)
    messages = pa.StructArray.from_arrays(
        [_ROLES.take(pa.array(roles)), contents], fields=list(_MESSAGE)
    )
    columns = [
        pa.ListArray.from_arrays(pa.array(offsets), messages, type=pa.list_(_MESSAGE)),
        _tools(batch.column("tools")),
    ]
    return pa.record_batch(columns, schema=MESSAGES_SCHEMA)


def _contents(parts: pa.ListArray) -> pa.Array:
    """The text of each turn."""
    texts = parts.flatten().field("text")
    if texts.null_count:
        raise NotHeld("turns", "a part has no text; the example is not for a chat file.")
    if len(texts) == len(parts):
        return texts
    lengths = np.asarray(parts.value_lengths())
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), texts), "")


def _with_system(contents: pa.Array, systems: pa.Array, is_turn: np.ndarray) -> pa.Array:
    """Contents with the system instructions at the places where no turn is."""
    indices = np.empty(len(is_turn), np.int64)
    indices[~is_turn] = np.arange(len(systems))
    indices[is_turn] = len(systems) + np.arange(len(contents))
    return pa.concat_arrays([systems, contents]).take(pa.array(indices))


def _tools(tools: pa.Array) -> pa.Array:
    """Tools as OpenAI lists them; equal ones, which most rows have, are converted once."""
    if tools.null_count == len(tools):
        return tools
    encoded = tools.dictionary_encode()
    converted = [orjson.dumps(functions_of(own)).decode() for own in encoded.dictionary.to_pylist()]
    return pa.array(converted, pa.string()).take(encoded.indices)
