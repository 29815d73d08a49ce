"""Every shape gives back what it was given, and keeps it through the canonical file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.shapes.generated import (
    arguments,
    calls,
    content_of,
    conversations,
    declared_tools,
    examples,
    images,
    said,
    sounds_and_clips,
    text_parts,
    texts,
    through_json,
    tool_conversations,
    weighted,
)
from tuneline.data.schema import FunctionResponse, Part, from_arrow, to_arrow
from tuneline.data.shapes.alpaca import from_alpaca, to_alpaca
from tuneline.data.shapes.author_messages import from_author_messages, to_author_messages
from tuneline.data.shapes.contents import from_contents
from tuneline.data.shapes.messages import from_messages, to_messages
from tuneline.data.shapes.pairs import (
    from_input_output,
    from_input_text_output_text,
    from_prompt_completion,
    to_input_output,
    to_input_text_output_text,
    to_prompt_completion,
)
from tuneline.data.shapes.sharegpt import from_sharegpt
from tuneline.data.shapes.to_contents import to_contents
from tuneline.data.shapes.to_sharegpt import to_sharegpt
from tuneline.data.shapes.tools import snake

few = settings(max_examples=80)
systems = st.none() | texts
pairs = examples(st.tuples(texts, texts).map(lambda pair: said(*pair)))
chats = examples(conversations(), system=systems)
messages = examples(
    st.one_of(
        weighted(conversations(asked=text_parts | images, most_parts=3)),
        tool_conversations(texts_beside_calls=True, in_order=False),
    ),
    system=systems,
    tools=st.none() | declared_tools,
)
shared = examples(
    st.one_of(
        weighted(conversations()), tool_conversations(texts_beside_calls=False, in_order=True)
    ),
    system=systems,
    tools=st.none() | declared_tools,
)
responses = arguments.map(lambda text: Part(function_response=FunctionResponse("weather", text)))
contents = examples(
    conversations(
        asked=text_parts | images | sounds_and_clips | responses,
        answered=text_parts | calls.map(lambda call: Part(function_call=call)),
        most_parts=3,
    ),
    system=systems,
    tools=st.none() | declared_tools,
    media_resolution=st.none() | st.just("MEDIA_RESOLUTION_LOW"),
)


@pytest.mark.parametrize(
    ("read", "write"),
    [
        (from_prompt_completion, to_prompt_completion),
        (from_input_output, to_input_output),
        (from_input_text_output_text, to_input_text_output_text),
    ],
)
@few
@given(example=pairs)
def test_pairs(read, write, example):
    assert read(through_json(write(example))) == content_of(example)


@pytest.mark.parametrize(
    ("read", "write"),
    [(from_alpaca, to_alpaca), (from_author_messages, to_author_messages)],
)
@few
@given(example=chats)
def test_chats(read, write, example):
    assert read(through_json(write(example))) == content_of(example)


@few
@given(messages)
def test_messages(example):
    assert from_messages(through_json(to_messages(example))) == content_of(example)


@few
@given(shared)
def test_sharegpt(example):
    assert from_sharegpt(through_json(to_sharegpt(example))) == content_of(example)


@few
@given(contents, st.booleans())
def test_contents(example, camel):
    row = through_json(to_contents(example))
    assert from_contents(row if camel else snaked(row)) == content_of(example)


def snaked(row):
    """A Gemini row as the Python client writes it; names that users chose stay."""
    if isinstance(row, list):
        return [snaked(item) for item in row]
    if not isinstance(row, dict):
        return row
    as_they_are = ("args", "response", "properties", "required")
    return {
        snake(key): value if key in as_they_are else snaked(value) for key, value in row.items()
    }


@few
@given(st.one_of(messages, shared, contents))
def test_the_canonical_batch_keeps_everything(example):
    assert from_arrow(to_arrow([example])) == [example]


@few
@given(chats)
def test_rows_with_null_columns_are_read_alike(example):
    """Parquet gives every row of a struct all its fields."""
    row = to_messages(example)
    for message in row["messages"]:
        message |= dict.fromkeys(["name", "tool_calls", "tool_call_id", "weight", "refusal"])
    row |= {"tools": None, "id": 7}
    assert from_messages(row) == content_of(example)
