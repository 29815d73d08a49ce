"""Lines for supervised tuning of Gemini: ``{"systemInstruction": ..., "contents": [...]}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tuneline.data.shapes.to_contents import to_contents

if TYPE_CHECKING:
    from tuneline.data.schema import Example


def gemini_line(example: Example) -> bytes:
    """One line, in camel case.

    Raises:
        NotHeld: A turn has weight 0.
    """
    if example.tools is None and example.media_resolution is None:
        turns = example.turns
        for turn in turns:
            if not turn.trained:
                break
            for part in turn.parts:
                if part.text is None:
                    break
            else:
                continue
            break
        else:
            # Turns of trained texts are encoded just as Gemini has them.
            system = example.system
            if system is None:
                return _encode({"contents": turns})
            return _encode({"systemInstruction": {"parts": [{"text": system}]}, "contents": turns})
    return _encode(to_contents(example))


_encode = msgspec.json.Encoder().encode
