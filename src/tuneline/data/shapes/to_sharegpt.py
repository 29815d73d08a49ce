"""Examples as ShareGPT rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tuneline.data.shapes.content import NotHeld
from tuneline.data.shapes.message_calls import said_of
from tuneline.data.shapes.tools import functions_of

if TYPE_CHECKING:
    from tuneline.data.schema import Example, FunctionCall, Turn


def to_sharegpt(example: Example) -> dict[str, Any]:
    """The inverse of `from_sharegpt`.

    Raises:
        NotHeld: A file, a media resolution, a turn of several texts, of texts and calls, or of
            responses in another order than the calls before them.
    """
    if example.media_resolution is not None:
        raise NotHeld("media_resolution", "has no place in conversations.")
    conversations: list[dict[str, Any]] = []
    called: list[str] = []
    for number, turn in enumerate(example.turns):
        messages = _messages(turn, called, f"turns[{number}]")
        if not turn.trained:
            messages[-1]["weight"] = 0
        conversations += messages
        called = [part.function_call.name for part in turn.parts if part.function_call]
    row: dict[str, Any] = {"conversations": conversations}
    if example.system is not None:
        row["system"] = example.system
    if example.tools is not None:
        functions = [tool["function"] for tool in functions_of(example.tools)]
        row["tools"] = orjson.dumps(functions).decode()
    return row


def _messages(turn: Turn, called: list[str], field: str) -> list[dict[str, Any]]:
    calls = [part.function_call for part in turn.parts if part.function_call]
    responses = [part.function_response for part in turn.parts if part.function_response]
    if len(calls) == len(turn.parts):
        value = [_call(call) for call in calls]
        text = orjson.dumps(value[0] if len(value) == 1 else value).decode()
        return [{"from": "function_call", "value": text}]
    if len(responses) == len(turn.parts):
        names = [response.name for response in responses]
        if names != called[: len(names)]:
            raise NotHeld(field, "does not answer the calls of the turn before in their order.")
        said = [said_of(response.response) for response in responses]
        # An observation must say something.
        return [
            {"from": "observation", "value": text or responses[place].response}
            for place, text in enumerate(said)
        ]
    if len(turn.parts) > 1 or turn.parts[0].text is None:
        raise NotHeld(field, "is not one text, calls alone or responses alone.")
    speaker = "gpt" if turn.role == "model" else "human"
    return [{"from": speaker, "value": turn.parts[0].text}]


def _call(call: FunctionCall) -> dict[str, Any]:
    return {"name": call.name, "arguments": orjson.loads(call.args)}
