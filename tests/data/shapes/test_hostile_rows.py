"""Rows that cannot become examples, by shape: which rule, and where."""

import pytest

from tuneline.data.checks.rule import RowError
from tuneline.data.shapes.alpaca import from_alpaca
from tuneline.data.shapes.author_messages import from_author_messages
from tuneline.data.shapes.contents import from_contents
from tuneline.data.shapes.messages import from_messages
from tuneline.data.shapes.pairs import from_input_output, from_prompt_completion
from tuneline.data.shapes.rules import RULES
from tuneline.data.shapes.sharegpt import from_sharegpt

CODES = {rule.code for rule in RULES if rule.fixed}


def assert_refused(convert, row, reason, field):
    with pytest.raises(RowError) as raised:
        convert(row)
    assert (raised.value.reason, raised.value.field) == (reason, field)
    assert reason in CODES


def user(content="hi"):
    return {"role": "user", "content": content}


def assistant(content="hello", **more):
    return {"role": "assistant", "content": content, **more}


def call(call_id="1", name="f", arguments="{}"):
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def tool(call_id="1", content="done"):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def image(url):
    return {"type": "image_url", "image_url": {"url": url}}


SYSTEM = {"role": "system", "content": "be kind"}
CALLING = assistant(None, tool_calls=[call()])


@pytest.mark.parametrize(
    ("messages", "reason", "field"),
    [
        ([], "empty_text", "messages"),
        (None, "wrong_type", "messages"),
        ("hi", "wrong_type", "messages"),
        (["hi"], "wrong_type", "messages[0]"),
        ([["role", "content"]], "wrong_type", "messages[0]"),
        ([SYSTEM], "first_not_user", ""),
        ([assistant()], "first_not_user", "messages[0].role"),
        ([user()], "last_not_model", "messages[0].role"),
        ([user(), user(), assistant()], "consecutive_turns", "messages[1].role"),
        ([user(), assistant(), assistant()], "consecutive_turns", "messages[2].role"),
        ([user(), SYSTEM, assistant()], "system_not_first", "messages[1].role"),
        ([SYSTEM, SYSTEM, user(), assistant()], "system_not_first", "messages[1].role"),
        ([{"role": "system", "content": ""}, user(), assistant()], "empty_text",
         "messages[0].content"),
        ([user(), {"role": "bot", "content": "a"}], "unknown_role", "messages[1].role"),
        ([user(), {"role": ["user"], "content": "a"}], "unknown_role", "messages[1].role"),
        ([user(), {"content": "a"}], "unknown_role", "messages[1].role"),
        ([user(" "), assistant()], "empty_text", "messages[0].content"),
        ([user(), assistant("")], "empty_answer", "messages[1].content"),
        ([user(), assistant("\n")], "empty_answer", "messages[1].content"),
        ([user(), assistant(None)], "empty_answer", "messages[1].content"),
        ([user(), assistant([])], "empty_answer", "messages[1].content"),
        ([user(), {"role": "assistant"}], "empty_answer", "messages[1].content"),
        ([user(7), assistant()], "wrong_type", "messages[0].content"),
        ([user({"text": "a"}), assistant()], "wrong_type", "messages[0].content"),
        ([user(), assistant([{"type": "text"}])], "empty_answer", "messages[1].content[0].text"),
        ([user(["a"]), assistant()], "wrong_type", "messages[0].content[0]"),
        ([user([{"text": "a"}]), assistant()], "unsupported", "messages[0].content[0].type"),
        ([user([{"type": "image_url"}]), assistant()], "wrong_type",
         "messages[0].content[0].image_url"),
        ([user([image("data:image/png;base64,AA==")]), assistant()], "unsupported",
         "messages[0].content[0].image_url.url"),
        ([user([image("gs://b/picture")]), assistant()], "unsupported",
         "messages[0].content[0].image_url.url"),
        ([user([{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]),
          assistant()], "unsupported", "messages[0].content[0].input_audio.data"),
        ([user([{"type": "file", "file": {"file_id": "file-1"}}]), assistant()], "unsupported",
         "messages[0].content[0].file.file_id"),
        ([user([{"type": "file", "file": {"filename": "a.pdf"}}]), assistant()], "empty_text",
         "messages[0].content[0].file.url"),
        ([user(), assistant([image("gs://b/a.png")])], "empty_answer", "messages[1]"),
        ([{"role": "system", "content": [image("gs://b/a.png")]}, user(), assistant()],
         "unsupported", "messages[0].content[0]"),
        ([user(), assistant(weight=2)], "weight_not_0_1", "messages[1].weight"),
        ([user(), assistant(weight="0")], "weight_not_0_1", "messages[1].weight"),
        ([user(), assistant(weight=0.5)], "weight_not_0_1", "messages[1].weight"),
        ([user(), assistant(weight=[1])], "weight_not_0_1", "messages[1].weight"),
        ([user(), assistant(weight=0)], "no_trained_turn", ""),
        ([user(), CALLING, tool()], "last_not_model", "messages[2].role"),
        ([user(), CALLING, tool("2"), assistant()], "unknown_tool_call_id",
         "messages[2].tool_call_id"),
        ([user(), tool(), assistant()], "unknown_tool_call_id", "messages[1].tool_call_id"),
        ([user(), CALLING, {"role": "tool", "content": "a"}, assistant()], "empty_text",
         "messages[2].tool_call_id"),
        ([user(), CALLING, tool(content=7), assistant()], "wrong_type", "messages[2].content"),
        ([user(), assistant(None, tool_calls=[call(), call()])], "duplicate_tool_call_id",
         "messages[1].tool_calls[1].id"),
        ([user(), assistant(None, tool_calls=call())], "wrong_type", "messages[1].tool_calls"),
        ([user(), assistant(None, tool_calls=["f"])], "wrong_type", "messages[1].tool_calls[0]"),
        ([user(), assistant(None, tool_calls=[{"id": "1"}])], "wrong_type",
         "messages[1].tool_calls[0].function"),
        ([user(), assistant(None, tool_calls=[{**call(), "type": "custom"}])], "unsupported",
         "messages[1].tool_calls[0].type"),
        ([user(), assistant(None, tool_calls=[call(None)])], "empty_text",
         "messages[1].tool_calls[0].id"),
        ([user(), assistant(None, tool_calls=[call(name="")])], "empty_text",
         "messages[1].tool_calls[0].function.name"),
        ([user(), assistant(None, tool_calls=[call(arguments="{")])], "bad_arguments",
         "messages[1].tool_calls[0].function.arguments"),
        ([user(), assistant(None, tool_calls=[call(arguments="[1]")])], "bad_arguments",
         "messages[1].tool_calls[0].function.arguments"),
        ([user(), assistant(None, tool_calls=[call(arguments=3)])], "bad_arguments",
         "messages[1].tool_calls[0].function.arguments"),
        ([user(), assistant(None, tool_calls=[call(arguments={"a": b"\0"})])], "wrong_type",
         "messages[1].tool_calls[0].function.arguments"),
        ([user(), assistant(None, function_call="f")], "wrong_type", "messages[1].function_call"),
    ],
)  # fmt: skip
def test_messages(messages, reason, field):
    assert_refused(from_messages, {"messages": messages}, reason, field)


@pytest.mark.parametrize(
    ("tools", "reason", "field"),
    [
        ("[", "wrong_type", "tools"),
        ({"name": "f"}, "wrong_type", "tools"),
        (["f"], "wrong_type", "tools[0]"),
        ([{"type": "function", "function": {}}], "empty_text", "tools[0].function.name"),
        ([{"type": "web_search"}], "unsupported", "tools[0].type"),
    ],
)
def test_tools(tools, reason, field):
    row = {"messages": [user(), assistant()], "tools": tools}
    assert_refused(from_messages, row, reason, field)


def said(role, *parts):
    return {"role": role, "parts": list(parts)}


HI, HELLO = said("user", {"text": "hi"}), said("model", {"text": "hello"})
FILE = {"fileUri": "gs://a/b.mp4", "mimeType": "video/mp4"}


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"contents": {}}, "wrong_type", "contents"),
        ({"contents": []}, "empty_text", "contents"),
        ({"contents": ["hi"]}, "wrong_type", "contents[0]"),
        ({"contents": [HELLO]}, "first_not_user", "contents[0].role"),
        ({"contents": [HI, HI, HELLO]}, "consecutive_turns", "contents[1].role"),
        ({"contents": [HI]}, "last_not_model", "contents[0].role"),
        ({"contents": [HI, said("bot")]}, "unknown_role", "contents[1].role"),
        ({"contents": [HI, said("model")]}, "empty_answer", "contents[1].parts"),
        ({"contents": [HI, said("assistant")]}, "empty_answer", "contents[1].parts"),
        ({"contents": [HI, {"role": "model", "parts": "hello"}]}, "wrong_type",
         "contents[1].parts"),
        ({"contents": [HI, {"role": "model", "parts": {"text": "a"}}]}, "wrong_type",
         "contents[1].parts"),
        ({"contents": [said("user"), HELLO]}, "empty_text", "contents[0].parts"),
        ({"contents": [said("user", "hi"), HELLO]}, "wrong_type", "contents[0].parts[0]"),
        ({"contents": [said("user", {}), HELLO]}, "unsupported", "contents[0].parts[0]"),
        ({"contents": [said("user", {"text": 1}), HELLO]}, "wrong_type",
         "contents[0].parts[0].text"),
        ({"contents": [HI, said("model", {"text": ""})]}, "empty_answer",
         "contents[1].parts[0].text"),
        ({"contents": [HI, said("model", {"text": "a", "thought": True})]}, "unsupported",
         "contents[1].parts[0].thought"),
        ({"contents": [said("user", {"text": "a", "fileData": FILE}), HELLO]}, "unsupported",
         "contents[0].parts[0]"),
        ({"contents": [said("user", {"inlineData": {"data": "AA=="}}), HELLO]}, "unsupported",
         "contents[0].parts[0].inlineData"),
        ({"contents": [said("user", {"fileData": {"fileUri": "gs://a"}}), HELLO]}, "empty_text",
         "contents[0].parts[0].fileData.mimeType"),
        ({"contents": [said("user", {"text": "a", "videoMetadata": {}}), HELLO]}, "unsupported",
         "contents[0].parts[0].videoMetadata"),
        ({"contents": [said("user", {"fileData": FILE, "videoMetadata": 3}), HELLO]},
         "wrong_type", "contents[0].parts[0].videoMetadata"),
        ({"contents": [HI, said("model", {"functionCall": {"args": {}}})]}, "empty_text",
         "contents[1].parts[0].functionCall.name"),
        ({"contents": [HI, said("model", {"functionCall": {"name": "f", "args": "{}"}})]},
         "wrong_type", "contents[1].parts[0].functionCall.args"),
        ({"contents": [said("user", {"functionResponse": {"name": "f"}}), HELLO]}, "wrong_type",
         "contents[0].parts[0].functionResponse.response"),
        ({"contents": [HI, said("model", {"fileData": FILE})]}, "empty_answer", "contents[1]"),
        ({"contents": [HI, HELLO], "systemInstruction": "be kind"}, "wrong_type",
         "systemInstruction"),
        ({"contents": [HI, HELLO], "system_instruction": {"parts": [{}]}}, "empty_text",
         "systemInstruction.parts[0].text"),
        ({"contents": [HI, HELLO], "generationConfig": []}, "wrong_type", "generationConfig"),
        ({"contents": [HI, HELLO], "tools": {"functionDeclarations": []}}, "wrong_type", "tools"),
        ({"contents": [HI, HELLO], "tools": [{"functionDeclarations": [{}]}]}, "empty_text",
         "tools[0].functionDeclarations[0].name"),
        ({"contents": [HI, HELLO],
          "tools": [{"functionDeclarations": [{"name": "f", "parameters": "{}"}]}]}, "wrong_type",
         "tools[0].functionDeclarations[0].parameters"),
    ],
)  # fmt: skip
def test_contents(row, reason, field):
    assert_refused(from_contents, row, reason, field)


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"prompt": "a"}, "missing_field", "completion"),
        ({}, "missing_field", "prompt"),
        ({"prompt": "a", "completion": None}, "empty_answer", "completion"),
        ({"prompt": None, "completion": "b"}, "empty_text", "prompt"),
        ({"prompt": "", "completion": "b"}, "empty_text", "prompt"),
        ({"prompt": "a", "completion": "\t"}, "empty_answer", "completion"),
        ({"prompt": 1, "completion": "b"}, "wrong_type", "prompt"),
        ({"prompt": "a", "completion": ["b"]}, "wrong_type", "completion"),
        ({"messages": [user(), assistant()]}, "mixed_format", "prompt"),
        ({"prompt": None, "completion": None, "contents": [HI, HELLO]}, "mixed_format", "prompt"),
        ({"input": "a", "output": "b"}, "mixed_format", "prompt"),
    ],
)
def test_pairs(row, reason, field):
    assert_refused(from_prompt_completion, row, reason, field)


@pytest.mark.parametrize(
    ("convert", "row", "looks_like"),
    [
        (from_messages, {"messages": [{"author": "user", "content": "a"}]}, "author_messages"),
        (from_messages, {"prompt": "a", "completion": "b"}, "prompt_completion"),
        (from_contents, {"conversations": []}, "sharegpt"),
        (from_alpaca, {"input": "a", "output": "b"}, "input_output"),
        (from_input_output, {"instruction": "a", "output": "b"}, "alpaca"),
        (from_input_output, {"instruction": "a", "input": "b", "output": "c"}, "alpaca"),
        (from_sharegpt, {"input_text": "a", "output_text": "b"}, "input_text_output_text"),
        (from_author_messages, {"messages": [user(), assistant()]}, "messages"),
    ],
)
def test_a_row_of_another_shape_is_named(convert, row, looks_like):
    with pytest.raises(RowError) as raised:
        convert(row)
    assert raised.value.reason == "mixed_format"
    assert f"looks like {looks_like}," in raised.value.message


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"instruction": "a"}, "missing_field", "output"),
        ({"instruction": "", "output": "b"}, "empty_text", "instruction"),
        ({"instruction": "a", "output": ""}, "empty_answer", "output"),
        ({"instruction": "a", "input": 3, "output": "b"}, "wrong_type", "input"),
        ({"instruction": "a", "output": "b", "system": ["c"]}, "wrong_type", "system"),
        ({"instruction": "a", "output": "b", "history": "c"}, "wrong_type", "history"),
        ({"instruction": "a", "output": "b", "history": [["c"]]}, "wrong_type", "history[0]"),
        ({"instruction": "a", "output": "b", "history": [["c", ""]]}, "empty_text",
         "history[0][1]"),
    ],
)  # fmt: skip
def test_alpaca(row, reason, field):
    assert_refused(from_alpaca, row, reason, field)


def by(speaker, value, **more):
    return {"from": speaker, "value": value, **more}


@pytest.mark.parametrize(
    ("conversations", "reason", "field"),
    [
        ([], "empty_text", "conversations"),
        ([by("human", "a")], "last_not_model", "conversations[0].from"),
        ([by("gpt", "a")], "first_not_user", "conversations[0].from"),
        ([by("human", "a"), by("alien", "b")], "unknown_role", "conversations[1].from"),
        ([by("human", "a"), by("gpt", "")], "empty_answer", "conversations[1].value"),
        ([by("human", " "), by("gpt", "b")], "empty_text", "conversations[0].value"),
        ([by("human", "a"), by("system", "c"), by("gpt", "b")], "system_not_first",
         "conversations[1].from"),
        ([by("human", "a"), by("gpt", "b", weight=3)], "weight_not_0_1",
         "conversations[1].weight"),
        ([by("human", "a"), by("gpt", "b", weight=0)], "no_trained_turn", ""),
        ([by("human", "a"), by("function_call", "f()")], "bad_arguments",
         "conversations[1].value"),
        ([by("human", "a"), by("function_call", '{"name": 3}')], "bad_arguments",
         "conversations[1].value"),
        ([by("human", "a"), by("function_call", '{"name": "f", "arguments": "["}')],
         "bad_arguments", "conversations[1].value"),
        ([by("human", "a"), by("observation", "b"), by("gpt", "c")], "unknown_tool_call_id",
         "conversations[1].from"),
        ([by("human", "a"), by("function_call", '{"name": "f"}'), by("observation", None)],
         "empty_text", "conversations[2].value"),
    ],
)  # fmt: skip
def test_sharegpt(conversations, reason, field):
    assert_refused(from_sharegpt, {"conversations": conversations}, reason, field)


def test_two_system_instructions():
    conversation = [by("system", "c"), by("human", "a"), by("gpt", "b")]
    row = {"conversations": conversation, "system": "d"}
    assert_refused(from_sharegpt, row, "unsupported", "system")


def wrote(author, content):
    return {"author": author, "content": content}


@pytest.mark.parametrize(
    ("row", "reason", "field"),
    [
        ({"messages": []}, "empty_text", "messages"),
        ({"messages": [wrote("user", "a")]}, "last_not_model", "messages[0].author"),
        ({"messages": [wrote("user", "a"), wrote("you", "b")]}, "unknown_role",
         "messages[1].author"),
        ({"messages": [wrote("user", "a"), wrote("bot", "")]}, "empty_answer",
         "messages[1].content"),
        ({"messages": [wrote("user", "a"), wrote("bot", "b")], "context": 3}, "wrong_type",
         "context"),
        ({"messages": [wrote("user", "a"), wrote("bot", "b")],
          "examples": [{"input": wrote("user", "c"), "output": wrote("bot", "d")}]},
         "unsupported", "examples"),
    ],
)  # fmt: skip
def test_author_messages(row, reason, field):
    assert_refused(from_author_messages, row, reason, field)


def test_a_message_never_repeats_a_long_value():
    with pytest.raises(RowError) as raised:
        from_messages({"messages": [{"role": "x" * 500, "content": "a"}]})
    assert len(str(raised.value)) < 200


def nested(depth):
    value: dict[str, object] = {}
    for _ in range(depth):
        value = {"items": value}
    return value


def test_what_is_nested_too_deep_is_refused_wherever_it_stands():
    deep = nested(900)
    as_text = '{"a":' * 900 + "{}" + "}" * 900
    declaration = {"name": "f", "parameters": deep}
    row = {"contents": [HI, HELLO], "tools": [{"functionDeclarations": [declaration]}]}
    assert_refused(from_contents, row, "wrong_type", "tools")
    row = {"messages": [user(), assistant()], "tools": [declaration]}
    assert_refused(from_messages, row, "wrong_type", "tools")
    row = {"messages": [user(), assistant(None, tool_calls=[call(arguments=as_text)])]}
    field = "messages[1].tool_calls[0].function.arguments"
    assert_refused(from_messages, row, "wrong_type", field)
    row = {"messages": [user(), CALLING, tool(content=as_text), assistant()]}
    assert_refused(from_messages, row, "wrong_type", "messages[2].content")
    parts = [{"functionCall": {"name": "f", "args": deep}}]
    row = {"contents": [HI, {"role": "model", "parts": parts}]}
    assert_refused(from_contents, row, "wrong_type", "contents[1].parts[0].functionCall.args")


def test_conversations_with_roles_are_told_their_right_name():
    with pytest.raises(RowError, match="call the list messages") as raised:
        from_sharegpt({"conversations": [user(), assistant()]})
    assert raised.value.field == "conversations[0].from"
