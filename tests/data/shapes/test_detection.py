"""Which shape a file has, why, and where a text stands in a row of it."""

import pickle
from typing import Any

import pytest

from tests.data.shapes.generated import content_of, said
from tuneline.data.schema import Example
from tuneline.data.settings import PrepareSettings, ShapeChoice
from tuneline.data.shapes.content import Content
from tuneline.data.shapes.detection import detect_shape
from tuneline.errors import DataError

ROWS: dict[str, dict[str, Any]] = {
    "prompt_completion": {"prompt": "a", "completion": "b"},
    "input_output": {"input": "a", "output": "b"},
    "input_text_output_text": {"input_text": "a", "output_text": "b"},
    "alpaca": {"instruction": "a", "input": "", "output": "b"},
    "messages": {
        "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    },
    "author_messages": {
        "messages": [{"author": "user", "content": "a"}, {"author": "bot", "content": "b"}]
    },
    "sharegpt": {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
    "contents": {
        "contents": [
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"text": "b"}]},
        ]
    },
}


def detected(*rows, **settings):
    return detect_shape("a.jsonl", rows, PrepareSettings(data="a.jsonl", **settings))


def test_every_shape_is_covered_here():
    choices = set(ShapeChoice.__args__)  # type: ignore[attr-defined]
    assert choices == {*ROWS, "columns", "auto"}


@pytest.mark.parametrize("name", ROWS)
def test_the_shape_is_detected_and_the_reason_stated(name):
    row = ROWS[name]
    shape = detected(row, row, {"else": 1})
    assert shape.name == name
    assert shape.why.startswith("2 of the first 3 rows have ")
    assert shape.convert(row) == Content(said("a", "b"))


@pytest.mark.parametrize("name", ROWS)
def test_a_shape_can_be_sent_to_a_worker(name):
    shape = pickle.loads(pickle.dumps(detected(ROWS[name], merge_turns=True)))
    assert shape.convert(ROWS[name]) == Content(said("a", "b"))
    assert shape.field(Example(said("a", "b")), 1, 0)


def test_a_shape_of_templates_can_be_sent_to_a_worker():
    shape = detected({"x": "a", "y": "b"}, prompt_template="{x}", completion_template="{y}")
    again = pickle.loads(pickle.dumps(shape))
    assert again.convert({"x": "a", "y": "b"}) == Content(said("a", "b"))


def test_null_columns_do_not_count():
    nulls = {"prompt": None, "completion": None}
    assert detected({**nulls, **ROWS["messages"]}).name == "messages"


def test_rows_of_which_every_answer_is_null_are_still_recognised():
    assert detected({"prompt": "a", "completion": None}).name == "prompt_completion"


def test_the_earlier_shape_wins_among_equals():
    row = {**ROWS["prompt_completion"], **ROWS["messages"]}
    assert detected(row).name == "messages"


def test_the_majority_wins():
    rows = [ROWS["messages"], *[ROWS["contents"]] * 2]
    assert detected(*rows).name == "contents"


def test_a_named_shape_wins_over_what_rows_look_like():
    row = {**ROWS["prompt_completion"], **ROWS["messages"]}
    shape = detected(row, shape="prompt_completion")
    assert (shape.name, shape.why) == ("prompt_completion", "it was asked for")


def test_a_named_shape_that_no_row_has():
    with pytest.raises(DataError, match="shape alpaca was asked for, but none of the first 1 rows"):
        detected(ROWS["messages"], shape="alpaca")


def test_templates_win_over_the_detected_shape():
    row = ROWS["prompt_completion"]
    shape = detected(row, prompt_template="{completion}", completion_template="{prompt}")
    assert shape.name == "columns"


def test_an_unknown_shape_says_what_there_is_and_what_to_pass():
    with pytest.raises(DataError) as raised:
        detected({"text": "", "category": ""})
    message = str(raised.value)
    assert message.startswith("a.jsonl: the rows have text, category")
    assert "messages (messages)" in message
    assert "prompt_template '{text}' and completion_template '{category}'" in message


def test_a_file_without_rows():
    with pytest.raises(DataError, match="the rows have no columns"):
        detected()


def test_every_missing_column_is_named_with_a_suggestion():
    with pytest.raises(DataError) as raised:
        detected(
            {"text": "", "category": ""},
            prompt_template="{txt}",
            completion_template="{category}",
            label_column="categry",
            group_column="zzz",
            time_column="when",
        )
    assert str(raised.value).splitlines() == [
        "a.jsonl: no column 'txt'. Did you mean 'text'?",
        "a.jsonl: no column 'categry'. Did you mean 'category'?",
        "a.jsonl: no column 'zzz'.",
        "a.jsonl: no column 'when'.",
        "The columns are text, category.",
    ]


def named(row, shape, example=None):
    """The value that each field of the example's texts leads to in the row."""
    example = example or Example(*content_fields(shape.convert(row)))
    found = []
    if example.system is not None:
        found.append(at(row, shape.field(example, -1, 0)))
    for number, turn in enumerate(example.turns):
        found += [at(row, shape.field(example, number, part)) for part in range(len(turn.parts))]
    return found


def content_fields(content):
    return content.turns, content.system, content.tools, content.media_resolution


def at(row, field):
    """Follow a field such as ``messages[2].content``."""
    value = row
    for step in field.replace("[", ".[").split("."):
        value = value[int(step[1:-1])] if step.startswith("[") else value[step]
    return value


CHAT = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    {
        "role": "assistant",
        "content": "c",
        "tool_calls": [
            {"id": str(number), "type": "function", "function": {"name": "f", "arguments": "{}"}}
            for number in range(2)
        ],
    },
    {"role": "tool", "tool_call_id": "0", "content": "d"},
    {"role": "tool", "tool_call_id": "1", "content": "e"},
    {"role": "user", "content": "f"},
    {"role": "assistant", "content": "g"},
]


def test_fields_of_messages_lead_to_the_texts():
    row = {"messages": CHAT}
    assert named(row, detected(row)) == ["s", "a", "b", "c", "{}", "{}", "d", "e", "f", "g"]


def test_fields_of_contents_lead_to_the_texts():
    row = {
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"x": 1}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"y": 2}}}]},
            {"role": "model", "parts": [{"text": "c"}]},
        ],
    }  # fmt: skip
    assert named(row, detected(row)) == ["s", "a", "b", {"x": 1}, {"y": 2}, "c"]


@pytest.mark.parametrize("on_top", [True, False])
def test_fields_of_sharegpt_lead_to_the_texts(on_top):
    conversation = [
        {"from": "human", "value": "a"},
        {"from": "function_call", "value": '[{"name": "f"}, {"name": "g"}]'},
        {"from": "observation", "value": "b"},
        {"from": "observation", "value": "c"},
        {"from": "gpt", "value": "d"},
    ]
    row: dict[str, Any] = {"conversations": conversation}
    if on_top:
        row["system"] = "s"
    else:
        conversation.insert(0, {"from": "system", "value": "s"})
    call = '[{"name": "f"}, {"name": "g"}]'
    assert named(row, detected(row)) == ["s", "a", call, call, "b", "c", "d"]


def test_fields_of_alpaca_lead_to_the_texts():
    row = {"instruction": "a", "output": "b", "system": "s", "history": [["c", "d"], ["e", "f"]]}
    assert named(row, detected(row)) == ["s", "c", "d", "e", "f", "a", "b"]
    shape = detected({**row, "input": "g"})
    assert shape.field(Example(said("a\ng", "b")), 0, 0) == "instruction+input"


@pytest.mark.parametrize("name", ["prompt_completion", "input_output", "input_text_output_text"])
def test_fields_of_pairs_lead_to_the_texts(name):
    assert named(ROWS[name], detected(ROWS[name])) == ["a", "b"]


def test_fields_of_authors_lead_to_the_texts():
    row = {"context": "s", **ROWS["author_messages"]}
    assert named(row, detected(row)) == ["s", "a", "b"]


def test_fields_of_columns_are_the_columns():
    shape = detected(
        {"x": "1", "y": "2", "z": "3"},
        prompt_template="{x} and {y}",
        completion_template="{z}",
        system_template="{y}",
    )
    example = Example(said("a", "b"), "s")
    assert [shape.field(example, turn, 0) for turn in (-1, 0, 1)] == ["y", "x+y", "z"]


@pytest.mark.parametrize("option", ["merge_turns", "drop_system"])
def test_rows_that_were_changed_name_the_place_in_the_example(option):
    row = {"messages": CHAT}
    shape = detected(row, **{option: True})
    example = Example(*content_fields(shape.convert(row)))
    fields = [shape.field(example, 0, 1), shape.field(example, 3, 0)]
    assert fields == ["turns[0].parts[1]", "turns[3]"]
    assert content_of(example) == shape.convert(row)
