"""Lines for managed tuning of open models: prompt and completion, or messages.

The service takes texts, and images by URI. It has no place for tools, for other files or for
weights of answers. Prompt and completion have no place for a system instruction, and it is not
written into the prompt, where the model would not be asked with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tuneline.data.shapes.content import NotHeld
from tuneline.data.shapes.messages import to_messages
from tuneline.data.shapes.pairs import to_prompt_completion

if TYPE_CHECKING:
    from tuneline.data.schema import Example

# Lines are kept for a whole batch, and orjson's are cut out of larger blocks of memory.
_encode = msgspec.json.Encoder().encode


def prompt_completion_line(example: Example) -> bytes:
    """``{"prompt": "...", "completion": "..."}``; texts of one turn are joined.

    Raises:
        NotHeld: The example is more than one question and one answer.
    """
    turns = example.turns
    if len(turns) == 2 and example.system is example.tools is example.media_resolution is None:
        asked, said = turns[0].parts, turns[1].parts
        if len(asked) == len(said) == 1 and turns[1].trained:
            prompt, answer = asked[0].text, said[0].text
            if prompt is not None and answer is not None:
                return _encode({"prompt": prompt, "completion": answer})
    return _encode(to_prompt_completion(example))


def messages_line(example: Example) -> bytes:
    """``{"messages": [{"role": "system" | "user" | "assistant", "content": ...}]}``.

    A content is a text, or a list of ``text`` and ``image_url`` parts.

    Raises:
        NotHeld: A tool, a function's call or response, a file that is no image, or a weight of 0.
    """
    return _plain_line(example) or _encode(_judged(example))


def _plain_line(example: Example) -> bytes:
    """The line of what most examples are: one trained text a turn. Else empty."""
    if example.tools is not None or example.media_resolution is not None:
        return b""
    messages = [] if example.system is None else [{"role": "system", "content": example.system}]
    for turn in example.turns:
        parts = turn.parts
        text = parts[0].text
        if text is None or len(parts) > 1 or not turn.trained:
            return b""
        role = "user" if turn.role == "user" else "assistant"
        messages.append({"role": role, "content": text})
    return _encode({"messages": messages})


def _judged(example: Example) -> dict[str, Any]:
    if example.tools is not None:
        raise NotHeld("tools", "managed open models take no tools.")
    for place, turn in enumerate(example.turns):
        if not turn.trained:
            message = "has weight 0; the service would train on it all the same."
            raise NotHeld(f"turns[{place}]", message)
        for number, part in enumerate(turn.parts):
            if part.text is not None:
                continue
            field = f"turns[{place}].parts[{number}]"
            if part.file is None:
                raise NotHeld(field, "managed open models take no function calls and responses.")
            if not part.file.mime_type.startswith("image/"):
                raise NotHeld(field, f"is {part.file.mime_type}; of files, only images are taken.")
    return to_messages(example)
