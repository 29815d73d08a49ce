"""Examples as Gemini rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tuneline.data.shapes.content import NotHeld

if TYPE_CHECKING:
    from tuneline.data.schema import Example, Part


def to_contents(example: Example) -> dict[str, Any]:
    """The inverse of `from_contents`, in camel case.

    Raises:
        NotHeld: A turn has weight 0, for which Gemini's rows have no place.
    """
    row: dict[str, Any] = {}
    if example.system is not None:
        row["systemInstruction"] = {"parts": [{"text": example.system}]}
    contents = []
    for place, turn in enumerate(example.turns):
        if not turn.trained:
            raise NotHeld(
                f"turns[{place}]", "has weight 0; the service would train on it all the same."
            )
        contents.append({"role": turn.role, "parts": [_part(part) for part in turn.parts]})
    row["contents"] = contents
    if example.tools is not None:
        row["tools"] = orjson.loads(example.tools)
    if example.media_resolution is not None:
        row["generationConfig"] = {"mediaResolution": example.media_resolution}
    return row


def _part(part: Part) -> dict[str, Any]:
    if part.file is not None:
        file = part.file
        given: dict[str, Any] = {"fileData": {"mimeType": file.mime_type, "fileUri": file.uri}}
        if file.video_metadata is not None:
            given["videoMetadata"] = orjson.loads(file.video_metadata)
        return given
    if part.function_call is not None:
        call = part.function_call
        return {"functionCall": {"name": call.name, "args": orjson.loads(call.args)}}
    if part.function_response is not None:
        response = part.function_response
        value = orjson.loads(response.response)
        return {"functionResponse": {"name": response.name, "response": value}}
    return {"text": part.text}
