"""Which model turns of the held-out examples are asked for, and what the right answer is.

The form is that of the canonical examples, not of a chat template, so that open and managed models
are asked for the same turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from msgspec.structs import replace

from tuneline.data.schema import read_examples, read_info
from tuneline.errors import DataError
from tuneline.evaluation.metrics.tool_calls import Call, canonical_calls

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from tuneline.data.schema import Example, Part, Turn
    from tuneline.prediction.settings import AskedTurns


@dataclass(frozen=True, slots=True)
class Asked:
    """One turn of the model that a candidate is asked for.

    Attributes:
        example: The whole example.
        turn: Place of the asked turn among the example's turns.
        label: Class of the right answer; None unless a classification.
    """

    example: Example
    turn: int
    label: str | None

    @property
    def answered(self) -> Example:
        """The example up to and with the asked turn."""
        return replace(self.example, turns=self.example.turns[: self.turn + 1])

    @property
    def prompt(self) -> str:
        """The turn before the asked one as text for people."""
        return _readable(self.example.turns[self.turn - 1])

    @property
    def reference(self) -> str:
        """The right answer; function calls in their canonical form."""
        turn = self.example.turns[self.turn]
        calls = [part.function_call for part in turn.parts if part.function_call is not None]
        if calls:
            return canonical_calls(Call(call.name, orjson.loads(call.args)) for call in calls)
        return turn.text


def read_asked(path: Path, turns: AskedTurns) -> Iterator[Asked]:
    """Every turn of a split that is asked for, in the order of the examples.

    Args:
        path: Canonical Parquet.
        turns: ``last``: the last trained model turn of each example; ``every``: each trained one,
            after the conversation as it truly went.

    Raises:
        DataError: The split is empty or no canonical Parquet, or every turn of a classification
            is asked for and one's answer is none of the labels.
    """
    labels = frozenset(read_info(path).labels)
    empty = True
    for example in read_examples(path):
        empty = False
        for asked in asked_turns(example, turns, labels):
            _require_label(asked, labels)
            yield asked
    if empty:
        raise DataError(f"{path}: this split holds no examples, so nothing can be measured on it.")


def asked_turns(
    example: Example, turns: AskedTurns, labels: Collection[str] = ()
) -> Iterator[Asked]:
    """The turns of one example that are asked for, see `read_asked`."""
    last = len(example.turns) - 1
    places = [i for i, turn in enumerate(example.turns) if turn.role == "model" and turn.trained]
    for place in places if turns == "every" else places[-1:]:
        text = example.turns[place].text
        # An example has one label, that of its last turn; earlier answers may be labels too.
        earlier = text if text in labels else None
        yield Asked(example, place, example.label if place == last else earlier)


def _require_label(asked: Asked, labels: Collection[str]) -> None:
    """The last turn's label is the data's own matter; an earlier answer has none of its own."""
    example = asked.example
    if labels and asked.label is None and asked.turn < len(example.turns) - 1:
        raise DataError(
            f"{example.source}:{example.row}: turns[{asked.turn}]: {asked.reference[:80]!r} is no "
            "label, so this turn cannot be measured as a classification. Set turns to "
            "'last'."
        )


def _readable(turn: Turn) -> str:
    return "".join(_readable_part(part) for part in turn.parts)


def _readable_part(part: Part) -> str:
    if part.file is not None:
        return f"[{part.file.mime_type} {part.file.uri}]"
    if part.function_response is not None:
        return f"[{part.function_response.name} gave {part.function_response.response}]"
    return part.text or ""
