"""Chats in Parquet, converted in compiled code: the same as one example at a time."""

import io

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.shapes.generated import conversations, declared_tools, examples, said, texts
from tuneline.data.exports.messages_parquet import MESSAGES_SCHEMA, require_chat, to_messages
from tuneline.data.schema import EXAMPLES_SCHEMA, Example, File, Part, Turn, to_arrow
from tuneline.data.shapes.content import NotHeld
from tuneline.data.shapes.tools import functions_of

batches = st.lists(
    examples(
        conversations(most_parts=3), system=st.none() | texts, tools=st.none() | declared_tools
    ),
    max_size=5,
)


def expected(example):
    messages = [] if example.system is None else [{"role": "system", "content": example.system}]
    for turn in example.turns:
        role = "assistant" if turn.role == "model" else "user"
        messages.append({"role": role, "content": turn.text})
    tools = example.tools and orjson.dumps(functions_of(example.tools)).decode()
    return {"messages": messages, "tools": tools}


@settings(max_examples=80)
@given(batches, st.integers(0, 3), st.integers(0, 5))
def test_any_slice_of_a_batch_is_converted(given_examples, first, count):
    for example in given_examples:
        assert require_chat(example) == b""
    batch = to_arrow(given_examples).slice(first, count)
    converted = to_messages(batch)
    assert converted.schema == MESSAGES_SCHEMA
    converted.validate(full=True)
    chosen = given_examples[first : first + count]
    assert converted.to_pylist() == [expected(example) for example in chosen]


def test_filtered_batches_with_further_columns_are_converted():
    """The engine's batches carry the lines of other exports."""
    both = [Example(said("a", "b"), system="s"), Example(said("c", "d", "e", "f"))]
    batch = to_arrow(both).append_column("gemini_jsonl", pa.array([b"{}", b"{}"]))
    converted = to_messages(batch.filter(pa.array([False, True])))
    assert converted.to_pylist() == [expected(both[1])]


def test_the_batch_is_written_to_parquet_and_read_again():
    example = Example(said("a", "b"), system="s")
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, MESSAGES_SCHEMA) as writer:
        writer.write_batch(to_messages(to_arrow([example])))
    buffer.seek(0)
    assert pq.read_table(buffer).to_pylist() == [expected(example)]


def test_no_rows():
    empty = pa.RecordBatch.from_pylist([], schema=EXAMPLES_SCHEMA)
    assert to_messages(empty).num_rows == 0


def test_a_part_without_a_text_is_never_written_as_nothing():
    file = Part(file=File("gs://b/a.png", "image/png"))
    example = Example((Turn("user", (file, Part("a"))), Turn("model", (Part("b"),))))
    with pytest.raises(NotHeld):
        to_messages(to_arrow([example]))
