"""Whatever stands in a row: it becomes an example that can be stored, or a rule refuses it."""

import copy
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneline.data.batch import texts_of
from tuneline.data.checks.rule import RowError
from tuneline.data.exports.exporter import EXPORTERS
from tuneline.data.schema import Example, from_arrow, to_arrow
from tuneline.data.shapes.content import NotHeld, Options
from tuneline.data.shapes.detection import CONVERTERS
from tuneline.data.shapes.fields import place_of
from tuneline.data.shapes.rules import RULES

CODES = {rule.code for rule in RULES}

_CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
_FILE = {"fileUri": "gs://b/a.mp4", "mimeType": "video/mp4"}
_SHAREGPT_CALL = '{"name": "f", "arguments": {}}'
GOOD: dict[str, dict[str, Any]] = {
    "prompt_completion": {"prompt": "a", "completion": "b"},
    "input_output": {"input": "a", "output": "b"},
    "input_text_output_text": {"input_text": "a", "output_text": "b"},
    "alpaca": {
        "instruction": "a", "input": "b", "output": "c", "system": "d", "history": [["e", "f"]],
    },
    "messages": {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "gs://b/a.png"}},
            ]},
            {"role": "assistant", "content": "b", "tool_calls": [_CALL], "weight": 0},
            {"role": "tool", "tool_call_id": "1", "content": "c"},
            {"role": "assistant", "content": "d"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    },
    "author_messages": {
        "context": "s",
        "messages": [{"author": "user", "content": "a"}, {"author": "bot", "content": "b"}],
    },
    "sharegpt": {
        "conversations": [
            {"from": "human", "value": "a"},
            {"from": "function_call", "value": _SHAREGPT_CALL, "weight": 1},
            {"from": "observation", "value": "b"},
            {"from": "gpt", "value": "c"},
        ],
        "tools": '[{"name": "f"}]',
    },
    "contents": {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "a"}, {"fileData": _FILE, "videoMetadata": {}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
            {"role": "model", "parts": [{"text": "b"}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}],
        "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
    },
}  # fmt: skip

WORDS = [
    "", " ", "a", "user", "assistant", "tool", "system", "gpt", "human", "bot", "model", "text",
    "function_call", "observation", "{}", "[]", '{"name": "f"}', "gs://b/a.png", "data:,a", "\0",
]  # fmt: skip
KEYS = sorted({"a", "role", "content", "parts", "text", "name", "type", "weight", "url", "id"})
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a row."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path] * bool(path) + [
        own for key, inner in items for own in places(inner, (*path, key))
    ]


@st.composite
def spoiled(draw: Any, row: dict[str, Any]) -> dict[str, Any]:
    """A row with one or two values replaced, taken out or repeated."""
    row = copy.deepcopy(row)
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from(places(row) or [("a",)]))
        holder: Any = row
        for key in way:
            holder = holder[key]
        action = draw(st.sampled_from(["replace", "remove", "repeat"]))
        if action == "replace":
            holder[last] = draw(anything)
        elif action == "remove":
            holder.pop(last, None) if isinstance(holder, dict) else holder.pop(last)
        elif isinstance(holder, list):
            holder.insert(last, holder[last])
    return row


def check(name, row, options):
    """The row is read or refused, and what is read can go on."""
    try:
        content = CONVERTERS[name](row, options)
    except RowError as error:
        reason = error.reason
    else:
        reason = ""
        check_example(name, content, row, options)
    assert reason in {"", *CODES}


def check_example(name, content, row, options):
    assert all(note[0] == "unknown_key" for note in content.notes)
    example = Example(content.turns, content.system, content.tools, content.media_resolution)
    # The types are those of the schema, not only what the classes were given.
    assert msgspec.convert(msgspec.to_builtins(example), Example) == example
    assert from_arrow(to_arrow([example])) == [example]
    sides = [turn.role for turn in example.turns]
    assert sides == ["user", "model"] * (len(sides) // 2)
    place = place_of(name, options, set(row))
    for text in texts_of(example):
        assert place(example, text.turn, text.part)
    for exporter in EXPORTERS.values():
        try:
            line = exporter.line(example)
        except NotHeld:
            continue
        if exporter.is_text:
            orjson.loads(line)


@pytest.mark.parametrize("name", GOOD)
def test_the_rows_are_good_before_they_are_spoiled(name):
    assert CONVERTERS[name](GOOD[name]).notes == ()


def test_every_shape_is_spoiled():
    assert set(GOOD) == set(CONVERTERS)


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=80)
@given(data=st.data(), merge=st.booleans(), drop=st.booleans())
def test_spoiled_rows(name, data, merge, drop):
    check(name, data.draw(spoiled(GOOD[name])), Options(merge, drop))


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(GOOD)),
    st.sampled_from(["messages", "contents", "conversations", "prompt", "history", "tools"]),
    anything,
)
def test_rows_of_anything(name, key, value):
    check(name, {**GOOD[name], key: value}, Options())
    check(name, {key: value}, Options())
