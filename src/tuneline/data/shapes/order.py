"""The order of turns: the user begins, the sides alternate, and the model ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneline.data.checks.rule import RowError
from tuneline.data.schema import Part, Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.data.shapes.content import Options


def in_order(
    turns: Sequence[Turn], fields: Sequence[str], options: Options, who: str = ".role"
) -> tuple[Turn, ...]:
    """Return the turns, joined where that was asked for, if they make a conversation to learn from.

    Args:
        turns: Who says what.
        fields: Where each turn stands in the row.
        options: Whether consecutive turns of one role are joined.
        who: What names a turn's speaker, behind its field.

    Raises:
        RowError: The order is another one, the answer says nothing, or no turn is trained.
    """
    if not turns or turns[0].role != "user":
        raise RowError(
            "first_not_user", fields[0] + who if fields else "", "must be the user's turn."
        )
    kept = [turns[0]]
    for turn, field in zip(turns[1:], fields[1:], strict=True):
        if turn.role != kept[-1].role:
            kept.append(turn)
        elif options.merge_turns and turn.trained == kept[-1].trained:
            kept[-1] = Turn(turn.role, _joined(kept[-1].parts, turn.parts), turn.trained)
        else:
            raise RowError("consecutive_turns", field + who, _consecutive(turn, options))
    if kept[-1].role != "model":
        raise RowError("last_not_model", fields[-1] + who, "must be the model's answer.")
    if all(part.text is None and part.function_call is None for part in kept[-1].parts):
        raise RowError("empty_answer", fields[-1], "the answer has no text and no call.")
    if not any(turn.trained for turn in kept if turn.role == "model"):
        raise RowError("no_trained_turn", "", "every answer has weight 0; nothing is learned.")
    return tuple(kept)


def _consecutive(turn: Turn, options: Options) -> str:
    why = "; turns of different weight cannot be merged" if options.merge_turns else ""
    return f"is a second {turn.role} turn in a row{why}."


def _joined(first: tuple[Part, ...], second: tuple[Part, ...]) -> tuple[Part, ...]:
    end, start = first[-1].text, second[0].text
    if end is None or start is None:
        return first + second
    return (*first[:-1], Part(f"{end}\n\n{start}"), *second[1:])
