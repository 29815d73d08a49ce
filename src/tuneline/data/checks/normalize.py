"""Normalise texts by choice: compose characters (NFC), strip outer white space."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tuneline.data.schema import Example, Part, Turn

Step = Literal["nfc", "strip"]


def normalize(examples: Iterable[Example], steps: Sequence[Step]) -> tuple[list[Example], int]:
    """Normalise the text parts, the system instructions and the labels of examples.

    Function data and tools stay as they are: they are read by programs. White space between two
    text parts stays, since the model reads the parts as one text; so does a text of nothing else.

    Args:
        examples: What to normalise.
        steps: ``nfc`` composes characters, ``strip`` takes off outer white space; in this order.

    Returns:
        The examples, and how many of them changed.
    """
    result, changed = [], 0
    for example in examples:
        new = example
        if "nfc" in steps:
            new = _each_text(new, _compose)
        if "strip" in steps:
            new = _strip(new)
        changed += new is not example
        result.append(new)
    return result, changed


def _compose(text: str) -> str:
    # Most texts are ASCII or composed already, which is cheaper to see than to do.
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return text
    return unicodedata.normalize("NFC", text)


def _each_text(example: Example, change: Callable[[str], str]) -> Example:
    turns = tuple(_with_texts(turn, map(change, _texts(turn))) for turn in example.turns)
    return _rebuilt(example, turns, change)


def _strip(example: Example) -> Example:
    turns = tuple(_with_texts(turn, _stripped(turn.parts)) for turn in example.turns)
    return _rebuilt(example, turns, lambda text: text.strip() or text)


def _texts(turn: Turn) -> list[str]:
    return [part.text for part in turn.parts if part.text is not None]


def _stripped(parts: Sequence[Part]) -> Iterable[str]:
    """Each text of a turn without the white space that no other text stands beside."""
    for place, part in enumerate(parts):
        if part.text is None:
            continue
        text = part.text
        if place == 0 or parts[place - 1].text is None:
            text = text.lstrip()
        if place == len(parts) - 1 or parts[place + 1].text is None:
            text = text.rstrip()
        yield text or part.text


def _with_texts(turn: Turn, texts: Iterable[str]) -> Turn:
    """The turn with other texts in its text parts; itself where they are equal."""
    new = list(texts)
    if new == _texts(turn):
        return turn
    rest = iter(new)
    parts = tuple(
        part if part.text is None else msgspec.structs.replace(part, text=next(rest))
        for part in turn.parts
    )
    return msgspec.structs.replace(turn, parts=parts)


def _rebuilt(example: Example, turns: tuple[Turn, ...], change: Callable[[str], str]) -> Example:
    """The example with these turns and a changed system and label; itself where they are equal."""
    system = None if example.system is None else change(example.system)
    label = None if example.label is None else change(example.label)
    same = all(new is old for new, old in zip(turns, example.turns, strict=True))
    if same and system == example.system and label == example.label:
        return example
    return msgspec.structs.replace(example, turns=turns, system=system, label=label)
