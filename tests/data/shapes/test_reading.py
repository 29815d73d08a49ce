"""What converters read of rows as people write them."""

import orjson
import pytest

from tests.data.shapes.generated import alternating, said
from tuneline.data.checks.rule import RowError
from tuneline.data.schema import File, FunctionCall, FunctionResponse, Part, Turn
from tuneline.data.settings import PrepareSettings
from tuneline.data.shapes.alpaca import from_alpaca
from tuneline.data.shapes.author_messages import from_author_messages
from tuneline.data.shapes.columns import FromColumns
from tuneline.data.shapes.content import Content, Options
from tuneline.data.shapes.contents import from_contents
from tuneline.data.shapes.messages import from_messages
from tuneline.data.shapes.pairs import from_prompt_completion
from tuneline.data.shapes.sharegpt import from_sharegpt


def user(content="hi"):
    return {"role": "user", "content": content}


def assistant(content="hello", **more):
    return {"role": "assistant", "content": content, **more}


def call(call_id, name, arguments="{}"):
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def tool(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def called(name, args="{}"):
    return Part(function_call=FunctionCall(name, args))


def responded(name, response):
    return Part(function_response=FunctionResponse(name, response))


def codes(content):
    return [(code, field) for code, field, _ in content.notes]


def test_parallel_calls_and_their_responses():
    """Responses to calls of one function come in the order of the calls; the ids are gone then."""
    content = from_messages(
        {
            "messages": [
                user("weather?"),
                assistant(
                    "looking",
                    tool_calls=[
                        call("a", "weather", '{"z": 1, "city": "Rome"}'),
                        call("b", "weather", '{"city": "Oslo"}'),
                        call("c", "time"),
                    ],
                ),
                tool("b", '{"sky": "grey"}'),
                tool("c", "noon"),
                tool("a", '{"sky": "blue"}'),
                assistant("done"),
            ]
        }
    )
    calls = (
        Part("looking"),
        called("weather", '{"city":"Rome","z":1}'),
        called("weather", '{"city":"Oslo"}'),
        called("time"),
    )
    responses = (
        responded("weather", '{"sky":"blue"}'),
        responded("time", '{"result":"noon"}'),
        responded("weather", '{"sky":"grey"}'),
    )
    assert content.turns == alternating(
        [[Part("weather?")], [*calls], [*responses], [Part("done")]]
    )


def test_a_users_message_behind_responses_joins_their_turn():
    messages = [
        user(),
        assistant("", tool_calls=[call("a", "f")]),
        tool("a", ["noted"][0]),
        user("go on"),
        assistant(),
    ]
    turns = from_messages({"messages": messages}).turns
    assert turns[2] == Turn("user", (responded("f", '{"result":"noted"}'), Part("go on")))


def test_the_older_function_role_and_call():
    messages = [
        user(),
        assistant(None, function_call={"name": "f", "arguments": '{"a": 1}'}),
        {"role": "function", "name": "f", "content": ""},
        assistant(),
    ]
    content = from_messages({"messages": messages, "functions": [{"name": "f"}]})
    assert content.turns[1:3] == (
        Turn("model", (called("f", '{"a":1}'),)),
        Turn("user", (responded("f", '{"result":""}'),)),
    )
    assert content.tools == '[{"functionDeclarations":[{"name":"f"}]}]'


def test_a_conversation_may_end_with_a_call():
    messages = [user(), assistant(None, tool_calls=[call("a", "f")])]
    assert from_messages({"messages": messages}).turns[-1] == Turn("model", (called("f"),))


def test_tools_of_messages_become_declarations():
    parameters = {"type": "object", "properties": {"a_b": {"type": "string"}}}
    function = {"name": "f", "parameters": parameters, "strict": True, "description": None}
    tools = [{"type": "function", "function": function}]
    row = {"messages": [user(), assistant()], "tools": tools}
    content = from_messages(row)
    declared = {"name": "f", "parameters": parameters}
    assert orjson.loads(content.tools or "") == [{"functionDeclarations": [declared]}]
    assert codes(content) == [("unknown_key", "tools[0].function.strict")]
    assert from_messages({**row, "tools": orjson.dumps(tools).decode()}) == content


@pytest.mark.parametrize(
    ("item", "file"),
    [
        ({"type": "image_url", "image_url": {"url": "https://h/a.PNG?x=1", "detail": "auto"}},
         File("https://h/a.PNG?x=1", "image/png")),
        ({"type": "image_url", "image_url": "gs://b/a.webp"}, File("gs://b/a.webp", "image/webp")),
        ({"type": "image_url", "image_url": {"url": "gs://b/a", "mime_type": "image/png"}},
         File("gs://b/a", "image/png")),
        ({"type": "input_audio", "input_audio": {"url": "gs://b/a", "format": "mp3"}},
         File("gs://b/a", "audio/mpeg")),
        ({"type": "file", "file": {"url": "gs://b/a.pdf", "filename": "a.pdf"}},
         File("gs://b/a.pdf", "application/pdf")),
        ({"type": "video_url", "video_url": {"url": "gs://b/a.mp4"}},
         File("gs://b/a.mp4", "video/mp4")),
    ],
)  # fmt: skip
def test_files_of_messages(item, file):
    content = from_messages(
        {"messages": [user([item, {"type": "text", "text": "?"}]), assistant()]}
    )
    assert content.turns[0].parts == (Part(file=file), Part("?"))
    assert content.notes == ()


def test_weights_say_what_is_learned():
    messages = [user(), assistant(weight=0), user(), assistant(weight=1)]
    turns = from_messages({"messages": messages}).turns
    assert [turn.trained for turn in turns] == [True, False, True, True]


def test_developer_is_the_system():
    messages = [{"role": "developer", "content": "be kind"}, user(), assistant()]
    assert from_messages({"messages": messages}).system == "be kind"


@pytest.mark.parametrize(
    ("convert", "row", "fields"),
    [
        (from_messages,
         {"messages": [{**user(), "name": "Ann", "contnet": "x"},
                       assistant(refusal="no", audio={})]},
         ["messages[0].name", "messages[0].contnet", "messages[1].refusal"]),
        (from_messages,
         {"messages": [user([{"type": "text", "text": "a", "cache": 1}]), assistant()]},
         ["messages[0].content[0].cache"]),
        (from_messages,
         {"messages": [user([{"type": "image_url", "image_url": {"url": "gs://b/a.png",
                                                                  "detail": "high"}}]),
                       assistant()]},
         ["messages[0].content[0].image_url.detail"]),
        (from_contents,
         {"contents": [{"role": "user", "parts": [{"text": "a", "thoughtSignature": "x"}], "id": 3},
                       {"role": "model", "parts": [{"functionCall": {"name": "f", "id": "1"}}]}],
          "generationConfig": {"temperature": 0}, "safetySettings": [1]},
         ["contents[0].id", "contents[0].parts[0].thoughtSignature",
          "contents[1].parts[0].functionCall.id", "generationConfig.temperature"]),
        (from_sharegpt,
         {"conversations": [{"from": "human", "value": "a", "markdown": "b"},
                            {"from": "gpt", "value": "c"}], "id": 3},
         ["conversations[0].markdown"]),
        (from_author_messages,
         {"messages": [{"author": "user", "content": "a", "citation": "b"},
                       {"author": "bot", "content": "c"}]},
         ["messages[0].citation"]),
        (from_prompt_completion, {"prompt": "a", "completion": "b", "id": 1, "system": "c"},
         ["system"]),
        (from_prompt_completion, {"prompt": "a", "completion": "b", "system": None}, []),
    ],
)  # fmt: skip
def test_unknown_keys_are_noted(convert, row, fields):
    assert codes(convert(row)) == [("unknown_key", field) for field in fields]


def test_gemini_roles_of_open_models_and_of_older_rows():
    contents = [
        {"role": "user", "parts": [{"text": "a"}]},
        {"role": "assistant", "parts": [{"functionCall": {"name": "f"}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
        {"role": "assistant", "parts": [{"text": "b"}]},
    ]
    turns = from_contents({"contents": contents}).turns
    assert turns == alternating([[Part("a")], [called("f")], [responded("f", "{}")], [Part("b")]])


def test_snake_case_tools_keep_the_names_that_users_chose():
    schema = {
        "type": "OBJECT",
        "any_of": [{"min_items": 1}],
        "items": None,
        "default": None,
        "properties": {"max_price": {"type": "ARRAY", "max_items": 3}},
        "required": ["max_price"],
    }
    declaration = {"name": "find_it", "parameters": schema}
    row = {
        "contents": [
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"text": "b"}]},
        ],
        "tools": [{"function_declarations": [declaration]}],
    }
    [tool_object] = orjson.loads(from_contents(row).tools or "")
    [read] = tool_object["functionDeclarations"]
    assert read["name"] == "find_it"
    assert read["parameters"] == {
        "type": "OBJECT",
        "anyOf": [{"minItems": 1}],
        "default": None,
        "properties": {"max_price": {"type": "ARRAY", "maxItems": 3}},
        "required": ["max_price"],
    }


def test_a_clip_of_a_video_is_kept():
    file = {"file_uri": "gs://b/a.mp4", "mime_type": "video/mp4"}
    clip = {"start_offset": "2s", "end_offset": "9s"}
    contents = [
        {"role": "user", "parts": [{"file_data": file, "video_metadata": clip}]},
        {"role": "model", "parts": [{"text": "b"}]},
    ]
    [part] = from_contents({"contents": contents}).turns[0].parts
    metadata = '{"endOffset":"9s","startOffset":"2s"}'
    assert part == Part(file=File("gs://b/a.mp4", "video/mp4", metadata))


def test_alpaca_with_input_history_and_system():
    row = {
        "instruction": "Translate.",
        "input": "Hund",
        "output": "dog",
        "system": "be brief",
        "history": [["Hello", "Hi"]],
    }
    content = from_alpaca(row)
    assert content == Content(said("Hello", "Hi", "Translate.\nHund", "dog"), "be brief")
    assert from_alpaca({**row, "input": " ", "history": [], "system": ""}) == Content(
        said("Translate.", "dog")
    )


def test_sharegpt_calls_and_observations():
    row = {
        "conversations": [
            {"from": "system", "value": "be kind"},
            {"from": "user", "value": "a"},
            {"from": "function_call",
             "value": '[{"name": "f", "arguments": {"b": 1}}, {"name": "g"}]'},
            {"from": "observation", "value": "sunny"},
            {"from": "tool", "value": '{"c": 2}'},
            {"from": "assistant", "value": "d"},
        ],
        "tools": '[{"name": "f", "description": "finds"}]',
    }  # fmt: skip
    content = from_sharegpt(row)
    assert content.system == "be kind"
    assert content.turns == alternating(
        [
            [Part("a")],
            [called("f", '{"b":1}'), called("g")],
            [responded("f", '{"result":"sunny"}'), responded("g", '{"c":2}')],
            [Part("d")],
        ]
    )
    declared = '[{"functionDeclarations":[{"description":"finds","name":"f"}]}]'
    assert content.tools == declared


@pytest.mark.parametrize("author", ["bot", "assistant", "model"])
def test_authors(author):
    messages = [{"author": "user", "content": "a"}, {"author": author, "content": "b"}]
    row = {"context": "be kind", "messages": messages, "examples": []}
    assert from_author_messages(row) == Content(said("a", "b"), "be kind")


SYSTEM = {"role": "system", "content": "be kind"}
TWICE = [SYSTEM, user("a"), user("b"), assistant("c"), assistant("d")]


def test_turns_are_merged_by_choice():
    content = from_messages({"messages": TWICE}, Options(merge_turns=True))
    assert content == Content(said("a\n\nb", "c\n\nd"), "be kind")


def test_merged_files_stay_parts():
    image = {"type": "image_url", "image_url": "gs://b/a.png"}
    content = from_messages(
        {"messages": [user([image]), user("b"), assistant()]}, Options(merge_turns=True)
    )
    assert content.turns[0].parts == (Part(file=File("gs://b/a.png", "image/png")), Part("b"))


def test_turns_of_different_weight_are_not_merged():
    with pytest.raises(RowError) as raised:
        from_messages(
            {"messages": [user(), assistant(weight=0), assistant()]}, Options(merge_turns=True)
        )
    assert raised.value.reason == "consecutive_turns"
    assert "different weight" in raised.value.message


@pytest.mark.parametrize(
    ("convert", "row"),
    [
        (from_messages, {"messages": [SYSTEM, user("a"), assistant("b")]}),
        (from_messages, {"messages": [SYSTEM, user("a"), assistant("b", weight=1)]}),
        (from_contents, {
            "contents": [{"role": "user", "parts": [{"text": "a"}]},
                         {"role": "model", "parts": [{"text": "b"}]}],
            "system_instruction": {"parts": [{"text": "be"}, {"text": " kind"}]}}),
        (from_alpaca, {"instruction": "a", "output": "b", "system": "be kind"}),
        (from_sharegpt, {"system": "be kind", "conversations": [
            {"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}),
        (from_author_messages, {"context": "be kind", "messages": [
            {"author": "user", "content": "a"}, {"author": "bot", "content": "b"}]}),
    ],
)  # fmt: skip
def test_the_system_is_dropped_by_choice(convert, row):
    assert convert(row) == Content(said("a", "b"), "be kind")
    assert convert(row, Options(drop_system=True)) == Content(said("a", "b"))


def test_a_dropped_system_may_be_empty():
    messages = [{"role": "system", "content": ""}, user("a"), assistant("b")]
    content = from_messages({"messages": messages}, Options(drop_system=True))
    assert content == Content(said("a", "b"))


def columns(**settings):
    return FromColumns.of(PrepareSettings(data="a.csv", **settings))


def test_templates_fill_columns_and_keep_literal_braces():
    convert = columns(
        prompt_template="{{x}} {title}: {my text}",
        completion_template="{stars}",
        system_template="Rules: {rules}",
    )
    row = {"title": "T", "my text": "body {stars}", "stars": 5, "rules": None}
    assert convert(row) == Content(said("{x} T: body {stars}", "5"))
    assert convert({**row, "rules": "none"}).system == "Rules: none"


def test_a_dropped_system_needs_no_column():
    convert = columns(
        prompt_template="{a}", completion_template="{b}", system_template="{c}", drop_system=True
    )
    assert convert.columns == ["a", "b"]
    assert convert({"a": "1", "b": "2", "c": "3"}) == Content(said("1", "2"))


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
