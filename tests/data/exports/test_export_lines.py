"""JSON lines of the exports: what they hold comes back, what they cannot hold is refused."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.shapes.generated import (
    alternating,
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
)
from tuneline.data.exports.exporter import EXPORTERS, export_all
from tuneline.data.exports.rules import RULES
from tuneline.data.schema import Example, File, FunctionCall, FunctionResponse, Part, Turn
from tuneline.data.settings import ExportName
from tuneline.data.shapes.contents import from_contents
from tuneline.data.shapes.messages import from_messages
from tuneline.data.shapes.pairs import from_prompt_completion

few = settings(max_examples=80)
systems = st.none() | texts
IMAGE = Part(file=File("gs://b/a.png", "image/png"))
SOUND = Part(file=File("gs://b/a.wav", "audio/wav"))
CALL = Part(function_call=FunctionCall("f", "{}"))
RESPONSE = Part(function_response=FunctionResponse("f", "{}"))
TOOLS = '[{"functionDeclarations":[{"name":"f"}]}]'
UNTRAINED = (*said("a", "b", "c"), Turn("model", (Part("d"),), trained=False))


def lines_of(name, *given_examples):
    lines, hits = EXPORTERS[name].export_lines(given_examples)
    assert hits == []
    return [orjson.loads(line) for line in lines]


def test_every_export_of_the_settings_exists():
    assert set(EXPORTERS) == set(ExportName.__args__)  # type: ignore[attr-defined]


@few
@given(
    examples(
        conversations(
            asked=text_parts | images | sounds_and_clips,
            answered=text_parts | calls.map(lambda call: Part(function_call=call)),
            most_parts=3,
        ),
        system=systems,
        tools=st.none() | declared_tools,
        media_resolution=st.none() | st.just("MEDIA_RESOLUTION_LOW"),
    )
)
def test_gemini_lines_hold_everything(example):
    [row] = lines_of("gemini_jsonl", example)
    assert from_contents(row) == content_of(example)


@few
@given(examples(st.tuples(texts, texts).map(lambda pair: said(*pair))))
def test_prompt_and_completion_come_back(example):
    [row] = lines_of("prompt_completion_jsonl", example)
    assert list(row) == ["prompt", "completion"]
    assert from_prompt_completion(row) == content_of(example)


@few
@given(examples(conversations(asked=text_parts | images, most_parts=3), system=systems))
def test_messages_come_back(example):
    [row] = lines_of("messages_jsonl", example)
    assert list(row) == ["messages"]
    assert {message["role"] for message in row["messages"]} <= {"system", "user", "assistant"}
    assert from_messages(row) == content_of(example)


def test_a_gemini_line_is_what_the_service_documents():
    clip = File("gs://b/a.mp4", "video/mp4", '{"endOffset":"9s"}')
    turns = alternating(
        [[Part(file=clip), Part("what?")], [CALL], [RESPONSE], [Part("a cat"), Part("!")]]
    )
    example = Example(turns, "be kind", TOOLS, "MEDIA_RESOLUTION_LOW", label="x", group="y")
    [row] = lines_of("gemini_jsonl", example)
    assert row == {
        "systemInstruction": {"parts": [{"text": "be kind"}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {
                        "fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/a.mp4"},
                        "videoMetadata": {"endOffset": "9s"},
                    },
                    {"text": "what?"},
                ],
            },
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}}]},
            {"role": "model", "parts": [{"text": "a cat"}, {"text": "!"}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "generationConfig": {"mediaResolution": "MEDIA_RESOLUTION_LOW"},
    }


def test_message_lines_hold_images_by_url():
    example = Example(alternating([[IMAGE, Part("what?")], [Part("a cat")]]), "be kind")
    [row] = lines_of("messages_jsonl", example)
    assert row["messages"] == [
        {"role": "system", "content": "be kind"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "gs://b/a.png"}},
                {"type": "text", "text": "what?"},
            ],
        },
        {"role": "assistant", "content": "a cat"},
    ]


def test_texts_of_one_turn_are_joined_in_a_prompt():
    example = Example(alternating([[Part("a"), Part("b")], [Part("c")]]))
    [row] = lines_of("prompt_completion_jsonl", example)
    assert row == {"prompt": "ab", "completion": "c"}


@few
@given(st.lists(texts, min_size=2, max_size=2))
def test_a_line_has_no_line_end_inside(both):
    for exporter in EXPORTERS.values():
        lines, _ = exporter.export_lines([Example(said(*both))])
        assert all(b"\n" not in line and b"\r" not in line for line in lines)


PAIR, CHAT = "prompt_completion_jsonl", "messages_jsonl"


@pytest.mark.parametrize(
    ("name", "example", "field"),
    [
        ("gemini_jsonl", Example(UNTRAINED), "turns[3]"),
        (PAIR, Example(said("a", "b", "c", "d")), "turns"),
        (PAIR, Example(said("a", "b"), system="c"), "system"),
        (PAIR, Example(said("a", "b"), tools=TOOLS), "tools"),
        (PAIR, Example(said("a", "b"), media_resolution="LOW"), "media_resolution"),
        (PAIR, Example(alternating([[IMAGE], [Part("b")]])), "turns[0].parts[0]"),
        (PAIR, Example(alternating([[Part("a")], [Part("b"), CALL]])), "turns[1].parts[1]"),
        (CHAT, Example(UNTRAINED), "turns[3]"),
        (CHAT, Example(said("a", "b"), tools=TOOLS), "tools"),
        (CHAT, Example(said("a", "b"), media_resolution="LOW"), "media_resolution"),
        (CHAT, Example(alternating([[Part("a"), SOUND], [Part("b")]])), "turns[0].parts[1]"),
        (CHAT, Example(alternating([[Part("a")], [CALL]])), "turns[1].parts[0]"),
        ("messages_parquet", Example(UNTRAINED), "turns[3]"),
        ("messages_parquet", Example(alternating([[IMAGE], [Part("b")]])), "turns[0].parts[0]"),
        ("messages_parquet", Example(alternating([[Part("a")], [CALL]])), "turns[1].parts[0]"),
        ("messages_parquet", Example(said("a", "b"), tools='[{"googleSearch":{}}]'), "tools[0]"),
    ],
)  # fmt: skip
def test_what_an_export_cannot_hold_is_refused_and_the_rest_goes_on(name, example, field):
    good = Example(said("a", "b"))
    lines, [hit] = EXPORTERS[name].export_lines([good, example, good])
    assert (hit.index, hit.code, hit.field) == (1, RULES[0].code, field)
    assert hit.message.startswith(f"cannot be written to {name}: ")
    if EXPORTERS[name].is_text:
        assert lines[1] == b""
        assert lines[0] == lines[2] != b""
    else:
        assert lines == []


def test_all_exports_at_once():
    multi_turn = Example(said("a", "b", "c", "d"))
    names: list[ExportName] = ["gemini_jsonl", "prompt_completion_jsonl", "messages_parquet"]
    lines, hits = export_all([Example(said("a", "b")), multi_turn], names)
    assert list(lines) == ["gemini_jsonl", "prompt_completion_jsonl"]
    assert [len(own) for own in lines.values()] == [2, 2]
    assert [(hit.index, hit.field) for hit in hits] == [(1, "turns")]


def test_arguments_as_deep_as_can_be_kept_are_exported():
    deep = '{"a":' * 250 + "{}" + "}" * 250
    part = Part(function_call=FunctionCall("f", deep))
    [row] = lines_of("gemini_jsonl", Example(alternating([[Part("a")], [part]])))
    assert from_contents(row).turns[1].parts == (part,)
