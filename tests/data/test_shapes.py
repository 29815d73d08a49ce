from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuneline.data.problems import RowError
from tuneline.data.schema import (
    Example,
    ExamplesInfo,
    File,
    FunctionCall,
    FunctionResponse,
    Part,
    Role,
    Turn,
    read_examples,
    write_examples,
)
from tuneline.data.settings import PrepareSettings
from tuneline.data.shapes.columns import FromColumns, from_prompt_completion
from tuneline.data.shapes.contents import from_contents
from tuneline.data.shapes.detection import detect_shape
from tuneline.data.shapes.messages import from_messages
from tuneline.errors import DataError

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30).map(
    lambda value: value + "."
)
conversations = st.integers(1, 3).flatmap(
    lambda pairs: st.lists(text, min_size=2 * pairs, max_size=2 * pairs)
)


def turns_of(texts):
    roles: tuple[Role, Role] = ("user", "model")
    return tuple(Turn(roles[place % 2], (Part(said),)) for place, said in enumerate(texts))


def stored(path, content):
    """Through the canonical file and back."""
    turns, system, tools, media_resolution = content
    example = Example(turns, system, tools, media_resolution, source="a.jsonl", row=1)
    write_examples(path, [example], ExamplesInfo("train", "generation"))
    [read_back] = read_examples(path)
    assert read_back == example
    return read_back


@given(text, text)
def test_prompt_completion_round_trip(tmp_path_factory, prompt, answer):
    path = tmp_path_factory.mktemp("shapes") / "a.parquet"
    example = stored(path, from_prompt_completion({"prompt": prompt, "completion": answer}))
    assert example.turns == turns_of([prompt, answer])


@given(conversations, st.none() | text)
def test_messages_round_trip(tmp_path_factory, texts, system):
    names = ("user", "assistant")
    messages = [{"role": names[i % 2], "content": said} for i, said in enumerate(texts)]
    if system:
        messages.insert(0, {"role": "system", "content": system})
    path = tmp_path_factory.mktemp("shapes") / "a.parquet"
    example = stored(path, from_messages({"messages": messages}))
    assert (example.turns, example.system) == (turns_of(texts), system)


@given(conversations, st.none() | text, st.booleans())
def test_contents_round_trip(tmp_path_factory, texts, system, camel):
    names = ("user", "model")
    row: dict[str, Any] = {
        "contents": [
            {"role": names[i % 2], "parts": [{"text": said}]} for i, said in enumerate(texts)
        ]
    }
    if system:
        key = "systemInstruction" if camel else "system_instruction"
        row[key] = {"parts": [{"text": system}]}
    path = tmp_path_factory.mktemp("shapes") / "a.parquet"
    example = stored(path, from_contents(row))
    assert (example.turns, example.system) == (turns_of(texts), system)


@pytest.mark.parametrize("camel", [True, False])
def test_contents_keep_files_calls_tools_and_resolution(tmp_path, camel):
    def name(camel_name, snake_name):
        return camel_name if camel else snake_name

    file = {name("fileUri", "file_uri"): "gs://a/b.png", name("mimeType", "mime_type"): "image/png"}
    row = {
        "contents": [
            {"role": "user", "parts": [{name("fileData", "file_data"): file}, {"text": "what?"}]},
            {
                "role": "model",
                "parts": [{name("functionCall", "function_call"): {"name": "f", "args": {"b": 1}}}],
            },
            {
                "role": "user",
                "parts": [
                    {
                        name("functionResponse", "function_response"): {
                            "name": "f",
                            "response": {"c": 2},
                        }
                    }
                ],
            },
            {"role": "model", "parts": [{"text": "a cat"}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        name("generationConfig", "generation_config"): {
            name("mediaResolution", "media_resolution"): "MEDIA_RESOLUTION_LOW"
        },
    }
    example = stored(tmp_path / "a.parquet", from_contents(row))
    assert example.turns == (
        Turn("user", (Part(file=File("gs://a/b.png", "image/png")), Part("what?"))),
        Turn("model", (Part(function_call=FunctionCall("f", '{"b":1}')),)),
        Turn("user", (Part(function_response=FunctionResponse("f", '{"c":2}')),)),
        Turn("model", (Part("a cat"),)),
    )
    assert example.tools == '[{"functionDeclarations":[{"name":"f"}]}]'
    assert example.media_resolution == "MEDIA_RESOLUTION_LOW"


def user(content="hi"):
    return {"role": "user", "content": content}


def assistant(content="hello"):
    return {"role": "assistant", "content": content}


SYSTEM = {"role": "system", "content": "be kind"}
CALL = [{"id": "1"}]


@pytest.mark.parametrize(
    ("messages", "reason", "field"),
    [
        ([], "empty_text", "messages"),
        ("hi", "wrong_type", "messages"),
        (["hi"], "wrong_type", "messages[0]"),
        ([SYSTEM], "first_not_user", ""),
        ([assistant()], "first_not_user", "messages[0].role"),
        ([user()], "last_not_model", "messages[0].role"),
        ([user(), user(), assistant()], "consecutive_turns", "messages[1].role"),
        ([user(), SYSTEM, assistant()], "system_not_first", "messages[1].role"),
        ([user(), {"role": "bot", "content": "a"}], "unknown_role", "messages[1].role"),
        ([user(), {"role": ["user"], "content": "a"}], "unknown_role", "messages[1].role"),
        ([user(" "), assistant()], "empty_text", "messages[0].content"),
        ([user(), assistant("")], "empty_answer", "messages[1].content"),
        ([user(), assistant(None)], "empty_answer", "messages[1].content"),
        ([user(), assistant([{"type": "text"}])], "wrong_type", "messages[1].content"),
        ([user("a\0b"), assistant()], "control_char", "messages[0].content"),
        ([user(), {**assistant(), "tool_calls": CALL}], "unsupported", "messages[1].tool_calls"),
        ([user(), {**assistant(), "weight": 0}], "unsupported", "messages[1].weight"),
    ],
)
def test_bad_messages(messages, reason, field):
    with pytest.raises(RowError) as raised:
        from_messages({"messages": messages})
    assert (raised.value.reason, raised.value.field) == (reason, field)


def test_messages_with_tools_are_not_half_kept():
    with pytest.raises(RowError) as raised:
        from_messages({"messages": [user(), assistant()], "tools": [{}]})
    assert raised.value.reason == "unsupported"


def test_null_fields_of_a_parquet_struct_do_not_count():
    nulls = {"name": None, "tool_calls": None, "weight": None}
    content = from_messages({"messages": [{**user(), **nulls}, {**assistant(), **nulls}]})
    assert content.turns == turns_of(["hi", "hello"])


def said(role, *parts):
    return {"role": role, "parts": list(parts)}


HI, HELLO = said("user", {"text": "hi"}), said("model", {"text": "hello"})


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"contents": {}}, "wrong_type", "contents"),
        ({"contents": [HELLO]}, "first_not_user", "contents[0].role"),
        ({"contents": [HI, HI, HELLO]}, "consecutive_turns", "contents[1].role"),
        ({"contents": [HI]}, "last_not_model", "contents[0].role"),
        ({"contents": [HI, said("assistant")]}, "unknown_role", "contents[1].role"),
        ({"contents": [HI, said("model")]}, "empty_answer", "contents[1].parts"),
        ({"contents": [said("user"), HELLO]}, "empty_text", "contents[0].parts"),
        ({"contents": [HI, said("model", {"text": ""})]}, "empty_answer",
         "contents[1].parts[0].text"),
        ({"contents": [said("user", {"text": "a", "thought": True}), HELLO]}, "unsupported",
         "contents[0].parts[0]"),
        ({"contents": [said("user", {"inlineData": {}}), HELLO]}, "unsupported",
         "contents[0].parts[0].inline_data"),
        ({"contents": [said("user", {"fileData": {"fileUri": "gs://a"}}), HELLO]}, "empty_text",
         "contents[0].parts[0].fileData.mimeType"),
        ({"contents": [HI, said("model", {"fileData": {"fileUri": "a", "mimeType": "b"}})]},
         "empty_answer", "contents[1].parts"),
        ({"contents": [HI, HELLO], "systemInstruction": "be kind"}, "wrong_type",
         "systemInstruction"),
    ],
)  # fmt: skip
def test_bad_contents(row, reason, field):
    with pytest.raises(RowError) as raised:
        from_contents(row)
    assert (raised.value.reason, raised.value.field) == (reason, field)


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"prompt": "a"}, "missing_field", "completion"),
        ({"prompt": "a", "completion": None}, "empty_answer", "completion"),
        ({"prompt": "", "completion": "b"}, "empty_text", "prompt"),
        ({"prompt": 1, "completion": "b"}, "wrong_type", "prompt"),
        ({"prompt": "a", "completion": ["b"]}, "wrong_type", "completion"),
        ({"prompt": "a", "completion": "b\0"}, "control_char", "completion"),
    ],
)
def test_bad_pairs(row, reason, field):
    with pytest.raises(RowError) as raised:
        from_prompt_completion(row)
    assert (raised.value.reason, raised.value.field) == (reason, field)


def columns(**templates):
    return FromColumns.of(PrepareSettings(data="a.csv", **templates))


def test_templates_fill_columns_and_keep_literal_braces():
    convert = columns(
        prompt_template="{{x}} {title}: {my text}",
        completion_template="{stars}",
        system_template="{rules}",
    )
    content = convert({"title": "T", "my text": "body {stars}", "stars": 5, "rules": None})
    assert content.turns == turns_of(["{x} T: body {stars}", "5"])
    assert content.system is None


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"text": "a"}, "missing_field", "category"),
        ({"text": "a", "category": " "}, "empty_answer", "category"),
        ({"text": None, "category": "b"}, "empty_text", "text"),
        ({"text": {}, "category": "b"}, "wrong_type", "text"),
    ],
)
def test_bad_columns(row, reason, field):
    convert = columns(prompt_template="Say: {text}", completion_template="Class: {category}")
    with pytest.raises(RowError) as raised:
        convert(row)
    assert (raised.value.reason, raised.value.field) == (reason, field)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"prompt": "a", "completion": "b"}, "prompt_completion"),
        ({"messages": []}, "messages"),
        ({"contents": [], "systemInstruction": {}}, "contents"),
    ],
)
def test_the_shape_is_detected_and_the_reason_stated(row, name):
    shape = detect_shape("a.jsonl", [row, row, {"else": 1}], PrepareSettings(data="a.jsonl"))
    assert shape.name == name
    assert shape.why.startswith("2 of the first 3 rows have ")


def test_templates_win_over_the_detected_shape():
    settings = PrepareSettings(
        data="a", prompt_template="{completion}", completion_template="{prompt}"
    )
    assert detect_shape("a", [{"prompt": "a", "completion": "b"}], settings).name == "columns"


def test_an_unknown_shape_says_what_there_is_and_what_to_pass():
    with pytest.raises(DataError) as raised:
        detect_shape("a.csv", [{"text": "", "category": ""}], PrepareSettings(data="a.csv"))
    message = str(raised.value)
    assert message.startswith("a.csv: the rows have text, category")
    assert "prompt_template '{text}' and completion_template '{category}'" in message


def test_every_missing_column_is_named_with_a_suggestion():
    settings = PrepareSettings(
        data="a.csv",
        prompt_template="{txt}",
        completion_template="{category}",
        label_column="categry",
        group_column="zzz",
    )
    with pytest.raises(DataError) as raised:
        detect_shape("a.csv", [{"text": "", "category": ""}], settings)
    assert str(raised.value).splitlines() == [
        "a.csv: no column 'txt'. Did you mean 'text'?",
        "a.csv: no column 'categry'. Did you mean 'category'?",
        "a.csv: no column 'zzz'.",
        "The columns are text, category.",
    ]
