"""What a service is asked: a conversation up to the turn that the model is to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from tuneline.data.schema import Example
from tuneline.data.shapes.to_contents import to_contents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tuneline.data.schema import Turn

_BYTES_A_TOKEN = 4
"""A usual figure for English; a wrong one only shifts when requests start."""


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt; the last turn is the user's.

    Attributes:
        turns: The conversation, shots first; text, files, function calls and responses.
        system: System instruction.
        tools: Declared tools as JSON text in Gemini's form, which is the canonical one.
        media_resolution: Such as ``MEDIA_RESOLUTION_LOW``; it must be the one that was tuned with.
        response_schema: Schema, in the service's form, that the answer's JSON must have. Not for
            tuned models: their vendor says that it does not work well with them.
        where: Which row this is, for messages; no part of the request.
    """

    turns: tuple[Turn, ...]
    system: str | None = None
    tools: str | None = None
    media_resolution: str | None = None
    response_schema: Mapping[str, Any] | None = None
    where: str = ""

    @classmethod
    def of(
        cls, example: Example, turn: int, *, shots: Sequence[Example] = (), instruction: str = ""
    ) -> Request:
        """Ask for one of the model's turns of an example.

        Args:
            example: The row.
            turn: Place of the turn that is asked for, in the example's turns.
            shots: Solved examples, put before the conversation without their system instructions.
            instruction: Put behind the example's own system instruction, on a line of its own.
        """
        system = "\n".join(text for text in (example.system, instruction) if text)
        return cls(
            turns=(*(each for shot in shots for each in shot.turns), *example.turns[:turn]),
            system=system or None,
            tools=example.tools,
            media_resolution=example.media_resolution,
            where=f"{example.source}:{example.row}" if example.source else "",
        )

    def body(self, generation: Mapping[str, Any]) -> dict[str, Any]:
        """The request in the service's own JSON, as rows for tuning have it.

        Args:
            generation: The ``generationConfig``, to which the request adds what is its own.
        """
        # Weights say what is learned; they do not matter to what is asked.
        turns = tuple(msgspec.structs.replace(turn, trained=True) for turn in self.turns)
        body = to_contents(Example(turns, self.system, self.tools, self.media_resolution))
        config = {**generation, **body.pop("generationConfig", {})}
        if self.response_schema is not None:
            config["responseMimeType"] = "application/json"
            config["responseSchema"] = dict(self.response_schema)
        return {**body, "generationConfig": config}


def estimated_tokens(body: Mapping[str, Any]) -> int:
    """Roughly how many tokens a request's prompt has; files are not looked at."""
    return len(orjson.dumps([body.get("systemInstruction"), body["contents"]])) // _BYTES_A_TOKEN
