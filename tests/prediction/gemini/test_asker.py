"""Answers through the real client, from a stand-in of the service."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.prediction.gemini.asking_lamps import FLASH, asker, model, question, user
from tests.prediction.gemini.stand_in import (
    API_KEY,
    PROJECT,
    Reply,
    StandIn,
    blocked_prompt,
    refused,
    said,
    withheld,
)
from tuneline.data.schema import Example, File, FunctionCall, FunctionResponse, Part, Turn
from tuneline.evaluation.metrics.tool_calls import Call, calls_of
from tuneline.prediction.answer import Answer
from tuneline.prediction.gemini.request import Request

ENDPOINT = f"projects/{PROJECT}/locations/us/endpoints/42"


def test_every_request_is_answered_in_order(service: StandIn, tmp_path: Path):
    answers = asker(tmp_path).answer([question(i) for i in range(20)], "zero-shot")
    assert answers == [Answer(f"WHICH LAMP IS NUMBER {i}?", 7, 3, "stop") for i in range(20)]
    assert len(service.asked) == 20


def test_never_more_requests_at_once_than_said(service: StandIn, tmp_path: Path):
    service.answer = lambda asked: Reply(said("yes").body, delay_s=0.02)
    asker(tmp_path, concurrency=3).answer([question(i) for i in range(24)], "zero-shot")
    assert service.most_at_once == 3


def test_equal_requests_are_asked_once(service: StandIn, tmp_path: Path):
    answers = asker(tmp_path).answer([question(1), question(2), question(1)], "zero-shot")
    assert answers[0] == answers[2] != answers[1]
    assert len(service.asked) == 2


def test_what_was_answered_is_not_asked_again(service: StandIn, tmp_path: Path):
    first = asker(tmp_path).answer([question(1), question(2)], "zero-shot")
    again = asker(tmp_path).answer([question(2), question(1), question(3)], "zero-shot")
    assert again[:2] == first[::-1]
    assert len(service.asked) == 3


@pytest.mark.parametrize(
    "change", [{"temperature": 0.5}, {"seed": 1}, {"max_output_tokens": 5}, {"thinking_budget": 9}]
)
def test_other_settings_are_another_request(service: StandIn, tmp_path: Path, change):
    asker(tmp_path).answer([question(1)], "zero-shot")
    asker(tmp_path, **change).answer([question(1)], "zero-shot")
    assert len(service.asked) == 2


def test_settings_are_sent(service: StandIn, tmp_path: Path):
    asker(tmp_path, max_output_tokens=99, seed=5, timeout_s=12).answer([question(1)], "zero-shot")
    (asked,) = service.asked
    assert asked.body["generationConfig"] == {
        "temperature": 0.0,
        "maxOutputTokens": 99,
        "seed": 5,
        "thinkingConfig": {"thinkingBudget": 0},
    }
    assert asked.timeout_s == "12"
    assert (asked.model, asked.location) == (f"publishers/google/models/{FLASH}", "global")


def test_samples_are_drawn_with_seeds_of_their_own(service: StandIn, tmp_path: Path):
    service.answer = lambda asked: said(f"seed {asked.body['generationConfig']['seed']}")
    settings: dict[str, Any] = {"samples": 2, "sample_temperature": 0.9, "seed": 3}
    (answer,) = asker(tmp_path, **settings).answer([question(1)], "zero-shot")
    assert (answer.text, answer.samples) == ("seed 3", ("seed 4", "seed 5"))
    heat = sorted(asked.body["generationConfig"]["temperature"] for asked in service.asked)
    assert heat == [0.0, 0.9, 0.9]
    asker(tmp_path, **settings).answer([question(1)], "zero-shot")
    assert len(service.asked) == 3


def test_an_endpoint_is_asked_where_its_name_says(service: StandIn, tmp_path: Path):
    settings = {"location": "europe-west4", "thinking_level": "low"}
    asker(tmp_path, ENDPOINT, **settings).answer([question(1)], "tuned")
    (asked,) = service.asked
    assert (asked.model, asked.location) == ("endpoints/42", "us")
    assert asked.body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "LOW"}


def test_without_a_project_a_key_of_the_environment_asks_the_developer_api(
    service: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GEMINI_API_KEY", API_KEY)
    (answer,) = asker(tmp_path).answer([question(1)], "zero-shot")
    assert answer.text == "WHICH LAMP IS NUMBER 1?"
    assert service.asked[0].model == f"models/{FLASH}"


def test_a_conversation_goes_out_as_it_is(service: StandIn, tmp_path: Path):
    example = Example(
        (user("Hello"), Turn("model", (Part(text="Yes?"),), trained=False), user("Lamp?"),
         model("Red.")),
        system="Be short.",
        tools='[{"functionDeclarations": [{"name": "f", "parameters": {"type": "object", '
        '"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "string"}}}}]}]',
        media_resolution="MEDIA_RESOLUTION_LOW",
    )  # fmt: skip
    shot = Example((user("Old lamp?"), model("Blue.")), system="Not this.")
    request = Request.of(example, 3, shots=[shot], instruction="One word.")
    asker(tmp_path).answer([request], "1-shot")
    body = service.asked[0].body
    assert [(turn["role"], turn["parts"][0]["text"]) for turn in body["contents"]] == [
        ("user", "Old lamp?"),
        ("model", "Blue."),
        ("user", "Hello"),
        ("model", "Yes?"),
        ("user", "Lamp?"),
    ]
    assert body["systemInstruction"] == {"parts": [{"text": "Be short.\nOne word."}]}
    schema = body["tools"][0]["functionDeclarations"][0]["parameters"]
    assert schema["properties"] == {"a": {"$ref": "#/$defs/x"}}
    assert body["generationConfig"]["mediaResolution"] == "MEDIA_RESOLUTION_LOW"


def test_files_and_functions_go_out_as_they_are(service: StandIn, tmp_path: Path):
    image = File("gs://lamps/red.png", "image/png")
    clip = File("gs://lamps/red.mp4", "video/mp4", '{"startOffset": "1s", "endOffset": "2s"}')
    turns = (
        Turn("user", (Part(file=image), Part(file=clip), Part(text="Which lamp?"))),
        Turn("model", (Part(function_call=FunctionCall("look", '{"color_of": "lamp"}')),)),
        Turn("user", (Part(function_response=FunctionResponse("look", '{"color": null}')),)),
    )
    asker(tmp_path).answer([Request(turns)], "zero-shot")
    first, called, responded = service.asked[0].body["contents"]
    assert first["parts"] == [
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://lamps/red.png"}},
        {
            "fileData": {"mimeType": "video/mp4", "fileUri": "gs://lamps/red.mp4"},
            "videoMetadata": {"startOffset": "1s", "endOffset": "2s"},
        },
        {"text": "Which lamp?"},
    ]
    assert called["parts"] == [{"functionCall": {"name": "look", "args": {"color_of": "lamp"}}}]
    response = {"name": "look", "response": {"color": None}}
    assert responded["parts"] == [{"functionResponse": response}]


def test_function_calls_are_answers(service: StandIn, tmp_path: Path):
    calls: list[dict[str, Any]] = [
        {"functionCall": {"name": "look", "args": {"b": 1.5, "a": "x"}}},
        {"functionCall": {"name": "stop"}},
    ]
    service.first.append(said("I look.", *calls))
    (answer,) = asker(tmp_path).answer([question(1)], "zero-shot")
    assert calls_of(answer.text) == [Call("look", {"a": "x", "b": 1.5}), Call("stop", {})]
    assert answer.finish_reason == "stop"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (withheld("SAFETY"), "SAFETY 1"),
        (withheld("RECITATION"), "RECITATION 1"),
        (said("half an ans", finish="PROHIBITED_CONTENT"), "PROHIBITED_CONTENT 1"),
        (withheld("A_WORD_OF_TOMORROW"), "A_WORD_OF_TOMORROW 1"),
        (blocked_prompt("BLOCKLIST"), "BLOCKLIST 1"),
        (Reply({"usageMetadata": {"promptTokenCount": 7}}), "NO_CANDIDATE 1"),
        (said({"functionCall": {"args": {}}}), "MALFORMED_FUNCTION_CALL 1"),
    ],
)
def test_withheld_answers_are_empty_and_counted(
    service: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture, reply: Reply, reason: str
):
    service.first.append(reply)
    answers = asker(tmp_path, concurrency=1).answer([question(1), question(2)], "zero-shot")
    assert [(a.text, a.finish_reason) for a in answers] == [
        ("", "blocked"),
        ("WHICH LAMP IS NUMBER 2?", "stop"),
    ]
    assert answers[0].prompt_tokens == 7
    assert f"1 answers were withheld by the service and count as empty ({reason})" in caplog.text


def test_an_answer_at_its_longest_is_kept_as_far_as_it_came(
    service: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    service.first.append(said("The red la", finish="MAX_TOKENS"))
    (answer,) = asker(tmp_path, max_output_tokens=3).answer([question(1)], "zero-shot")
    assert (answer.text, answer.finish_reason) == ("The red la", "length")
    assert "1 answers were cut off at max_output_tokens (3)" in caplog.text


def test_thoughts_are_counted_and_not_shown(service: StandIn, tmp_path: Path):
    thought = {"text": "Hm.", "thought": True}
    service.first.append(said(thought, " Red. ", thoughtsTokenCount=40))
    (answer,) = asker(tmp_path).answer([question(1)], "zero-shot")
    assert (answer.text, answer.output_tokens) == ("Red.", 43)


def test_a_prompt_without_room_is_an_answer(
    service: StandIn, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    message = "The input token count (1200293) exceeds the maximum number of tokens allowed (9)."
    service.first.append(refused(400, message))
    requests = [question(1), question(2)]
    answers = asker(tmp_path, concurrency=1).answer(requests, "zero-shot")
    assert answers[0] == Answer("", 1200293, 0, "prompt_too_long")
    assert answers[1].finish_reason == "stop"
    assert "1 prompts do not fit" in caplog.text


def test_half_a_surrogate_pair_can_be_kept(service: StandIn, tmp_path: Path):
    service.answer = lambda asked: said("lamp \ud83d")
    (answer,) = asker(tmp_path).answer([question(1)], "zero-shot")
    assert answer.text == "lamp ?"
    assert asker(tmp_path).answer([question(1)], "zero-shot") == [answer]


def test_no_secret_is_logged_or_kept(
    service: StandIn,
    private_key: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
):
    caplog.set_level(logging.DEBUG)
    service.first += [refused(503, "Overloaded."), refused(429, "Quota.")]
    asker(tmp_path).answer([question(i) for i in range(4)], "zero-shot")
    monkeypatch.setenv("GOOGLE_API_KEY", API_KEY)
    asker(tmp_path).answer([question(i) for i in range(4)], "zero-shot")
    assert len(service.asked) == 10
    kept = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (service.token, API_KEY, private_key.splitlines()[1]):
        assert secret not in caplog.text + kept
