"""What a service answered, read into the few values that are kept of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, get_args

from tuneline.errors import DataError
from tuneline.evaluation.metrics.tool_calls import Call, canonical_calls
from tuneline.prediction.answer import FinishReason

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOO_LONG = re.compile(r"input token count \((\d+)\) exceeds the maximum number of tokens")
_FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",  # the service would go on in another request, which is not asked for
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a service.

    Attributes:
        text: Its text, or its function calls in their canonical form; empty unless it ended by
            itself or at the longest length.
        prompt_tokens: As the service counted them.
        output_tokens: Of the answer and of thoughts.
        finish_reason: Why it ended.
        reason: The service's own word for that.
    """

    text: str
    prompt_tokens: int
    output_tokens: int
    finish_reason: FinishReason
    reason: str

    @property
    def tokens(self) -> int:
        """Everything that counts towards a limit of tokens."""
        return self.prompt_tokens + self.output_tokens

    def record(self) -> dict[str, Any]:
        """The form that a journal keeps."""
        return asdict(self)

    @classmethod
    def of_record(cls, record: dict[str, Any]) -> Reply:
        """The inverse of `record`."""
        return cls(**record)


def read_reply(response: Any) -> Reply:
    """Read a ``GenerateContentResponse``.

    Answers that are withheld (safety, recitation, a blocked prompt, calls that the model got
    wrong) have the reason ``blocked`` and no text.
    """
    usage = response.usage_metadata
    prompt = (usage and usage.prompt_token_count) or 0
    output = sum((usage and getattr(usage, name)) or 0 for name in _OUTPUT_COUNTS)
    if not response.candidates:
        feedback = response.prompt_feedback
        reason = _word(feedback and feedback.block_reason) or "NO_CANDIDATE"
        return Reply("", prompt, output, "blocked", reason)
    candidate = response.candidates[0]
    reason = _word(candidate.finish_reason) or "NO_REASON"
    finish = _FINISH.get(reason, "blocked")
    if finish == "blocked":
        return Reply("", prompt, output, finish, reason)
    try:
        text = _text((candidate.content and candidate.content.parts) or [])
    except DataError:
        return Reply("", prompt, output, "blocked", "MALFORMED_FUNCTION_CALL")
    return Reply(text, prompt, output, finish, reason)


def too_long(message: str) -> Reply | None:
    """What to keep of a service's refusal of a prompt that its model has no room for."""
    found = _TOO_LONG.search(message)
    return Reply("", int(found[1]), 0, "prompt_too_long", "TOO_LONG") if found else None


def count_reasons(replies: Iterable[Reply]) -> dict[FinishReason, Counter[str]]:
    """How many replies ended for each reason, by the service's own words."""
    counts: dict[FinishReason, Counter[str]] = {reason: Counter() for reason in _REASONS}
    for reply in replies:
        counts[reply.finish_reason][reply.reason] += 1
    return counts


_OUTPUT_COUNTS = ("candidates_token_count", "thoughts_token_count")
_REASONS: tuple[FinishReason, ...] = get_args(FinishReason)


def _text(parts: Iterable[Any]) -> str:
    """The answer without thoughts.

    Raises:
        DataError: It has function calls that are none: without a name, or not to be written.
    """
    said = [part for part in parts if not part.thought]
    calls = [part.function_call for part in said if part.function_call]
    if calls:
        return canonical_calls([Call(call.name, _storable(call.args or {})) for call in calls])
    text: str = _storable("".join(part.text or "" for part in said).strip())
    return text


def _storable(value: Any) -> Any:
    """The value with half surrogate pairs replaced, which JSON can hold and files cannot."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _word(value: Any) -> str:
    """An enumeration's value; services invent new ones that the client does not know."""
    return str(getattr(value, "value", value) or "")
