"""The quick way through rows that are what most rows are: texts in good order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tuneline.data.schema import Part, Turn

if TYPE_CHECKING:
    from collections.abc import Mapping

Speaker = Literal["user", "model", "system", "call", "response"]


def plain_chat(
    messages: list[Any], who: str, what: str, speakers: Mapping[str, Speaker]
) -> tuple[tuple[Turn, ...], str | None] | None:
    """Turns and system instruction of messages that hold one text each and nothing else.

    Args:
        messages: The messages as they stand in the row.
        who: Key of the speaker.
        what: Key of the text.
        speakers: What a speaker's name stands for.

    Returns:
        None where a closer look is needed, which says what is wrong or reads what else there is.
    """
    system: str | None = None
    turns: list[Turn] = []
    users_turn = True
    for message in messages:
        try:
            role = speakers[message[who]]
            text = message[what]
        except (KeyError, TypeError):
            return None
        if type(text) is not str or not text or text.isspace():
            return None
        if len(message) != 2 and _says_more(message, who, what):
            return None
        if role == ("user" if users_turn else "model"):
            turns.append(Turn(role, (Part(text),)))
            users_turn = not users_turn
        elif role == "system" and not turns and system is None:
            system = text
        else:
            return None
    return (tuple(turns), system) if turns and users_turn else None


def _says_more(message: dict[str, Any], who: str, what: str) -> bool:
    """Whether a key beside those two holds something; files of columns have every key."""
    for key, value in message.items():  # noqa: SIM110  (a generator costs three times as much)
        if value is not None and key != who and key != what:
            return True
    return False
