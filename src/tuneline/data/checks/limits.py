"""Limits that a user sets on the characters and turns of an example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from tuneline.data.batch import texts_of
from tuneline.data.checks.rule import Hit, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tuneline.data.batch import Batch
    from tuneline.data.schema import Example, Turn

_LONG = Rule(
    "too_long",
    "error",
    "The texts of the example have more characters than max_chars.",
    'Raise max_chars, split the example, or cut such rows with over_length: "truncate".',
)
_TURNS = Rule(
    "too_many_turns",
    "error",
    "The example has more turns than max_turns.",
    'Raise max_turns, split the conversation, or cut it with over_length: "truncate".',
)
_TRUNCATED = Rule(
    "truncated",
    "warn",
    "The example was cut to max_chars and max_turns, as over_length asks for.",
    'Nothing, if that was meant; over_length: "reject" keeps such rows aside instead.',
)
RULES = (_LONG, _TURNS, _TRUNCATED)


@dataclass(frozen=True, slots=True)
class LengthLimits:
    """Keep examples aside that are longer than the user wants.

    Args:
        max_chars: Characters of all texts, system instruction and answer included; 0: no limit.
        max_turns: Turns, the answer included; 0: no limit.
    """

    max_chars: int = 0
    max_turns: int = 0

    def __call__(self, batch: Batch) -> Iterator[Hit]:
        """Yield the examples that are over a limit."""
        if self.max_chars:
            # Wider than the columns, so that two lengths cannot run over.
            chars = batch.prompt_chars.astype(np.int64) + batch.answer_chars
            for index in np.flatnonzero(chars > self.max_chars).tolist():
                message = f"has {chars[index]:,} characters, more than {self.max_chars:,}."
                yield Hit(index, _LONG.code, "", message)
        if self.max_turns:
            for index, example in enumerate(batch.examples):
                if (turns := len(example.turns)) > self.max_turns:
                    message = f"has {turns:,} turns, more than {self.max_turns:,}."
                    yield Hit(index, _TURNS.code, "", message)


def truncate_examples(
    examples: Sequence[Example], limits: LengthLimits
) -> tuple[list[Example], list[Hit]]:
    """Cut examples that are over a limit, the oldest first.

    Whole exchanges go first: what the user said and all that followed up to the next time that the
    user speaks, so calls and their responses stay together. If the last exchange alone has too many
    characters, the beginning of its first text goes, up to a word. The system instruction and the
    answer always stay whole; an example that does not fit even so is left as it was, for the limit
    to reject.

    Args:
        examples: What to cut.
        limits: The limits.

    Returns:
        The examples, and a hit for each that was cut: its index, and how much is gone.
    """
    result, hits = list(examples), []
    for index, example in enumerate(examples):
        if _fits(example, limits):
            continue
        cut = _cut(example, limits)
        if cut is None:
            continue
        result[index] = cut
        turns = len(example.turns) - len(cut.turns)
        chars = _chars(example) - _chars(cut)
        message = f"was cut by {turns:,} turns and {chars:,} characters at the beginning."
        hits.append(Hit(index, _TRUNCATED.code, "", message))
    return result, hits


def _fits(example: Example, limits: LengthLimits) -> bool:
    turns_fit = not limits.max_turns or len(example.turns) <= limits.max_turns
    return turns_fit and (not limits.max_chars or _chars(example) <= limits.max_chars)


def _chars(example: Example) -> int:
    return sum(len(text.text) for text in texts_of(example))


def _cut(example: Example, limits: LengthLimits) -> Example | None:
    cut = example
    for start in _exchanges(example.turns)[1:]:
        cut = msgspec.structs.replace(example, turns=example.turns[start:])
        if _fits(cut, limits):
            return cut
    if limits.max_turns and len(cut.turns) > limits.max_turns:
        return None
    return _without_beginning(cut, _chars(cut) - limits.max_chars)


def _exchanges(turns: Sequence[Turn]) -> list[int]:
    """Where the user speaks: the turns that hold more than function responses."""
    return [
        place
        for place, turn in enumerate(turns)
        if turn.role == "user" and any(part.function_response is None for part in turn.parts)
    ]


def _without_beginning(example: Example, chars: int) -> Example | None:
    """The example without at least so many characters of its first text; nothing if that is all."""
    first, *rest = example.turns
    place = next((place for place, part in enumerate(first.parts) if part.text is not None), None)
    if place is None or len(example.turns) < 2:
        return None
    text = first.parts[place].text or ""
    kept = text[chars:]
    # A cut inside a word goes on to the next one, if there is one.
    if not text[chars - 1 : chars].isspace() and len(words := kept.split(None, 1)) > 1:
        kept = words[1]
    if not kept.strip():
        return None
    part = msgspec.structs.replace(first.parts[place], text=kept.lstrip())
    parts = (*first.parts[:place], part, *first.parts[place + 1 :])
    return msgspec.structs.replace(
        example, turns=(msgspec.structs.replace(first, parts=parts), *rest)
    )
