"""Messages about orders and the entities that each names: products, orders, dates, places.

The phrases' names in braces are the labels, so a message and its entities cannot disagree.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded.phrases import Row, capitalized, draw_rows, fill, read_phrases

if TYPE_CHECKING:
    from random import Random

ROWS = 500
SEED = 12
LABELS = ("product", "order", "date", "place")
_SOURCE = Path(__file__).with_suffix(".yaml")

_ORDER_NUMBERS = range(1000, 10_000)
_NOTHING_SHARE = 0.05
_SECOND_SHARE = 0.25


def make_messages(rows: int = ROWS, seed: int = SEED) -> list[Row]:
    """Make ``rows`` different messages.

    A row's completion is a JSON list of objects with ``text`` and ``label``, in the order in which
    the message first names them.
    """
    phrases = read_phrases(_SOURCE)
    phrases["slots"] |= {"order": _ORDER_NUMBERS, "date": _dates(phrases["months"])}
    return draw_rows(lambda generator, _: _message(phrases, generator), rows, seed)


def schema() -> str:
    """JSON Schema of the answers."""
    entity = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "label": {"enum": list(LABELS)}},
        "required": ["text", "label"],
        "additionalProperties": False,
    }
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps({"$schema": dialect, "type": "array", "items": entity}, indent=2) + "\n"


def _dates(months: list[str]) -> list[str]:
    return [f"{day} {month}" for month in months for day in range(1, 29)]


def _message(phrases: dict[str, Any], generator: Random) -> Row:
    said: dict[str, str] = {}
    if generator.random() < _NOTHING_SHARE:
        sentences = generator.sample(phrases["without"], 2)
    else:
        sentences = [generator.choice(phrases["asks"])]
        if generator.random() < _SECOND_SHARE:
            sentences.append(generator.choice(phrases["remarks"]))
    if generator.random() < 0.5:
        sentences.insert(0, generator.choice(phrases["greetings"]))
    if generator.random() < 0.3:
        sentences.append(generator.choice(phrases["closings"]))
    filled = [fill(sentence, phrases["slots"], generator, said) for sentence in sentences]
    message = " ".join(
        capitalized(sentence) + ("" if sentence.endswith("?") else ".") for sentence in filled
    )
    entities = [
        {"text": text, "label": label}
        for name, text in said.items()
        if (label := name.rstrip("2")) in LABELS
    ]
    # Without blanks, for they are tokens too.
    return Row(message, json.dumps(entities, ensure_ascii=False, separators=(",", ":")))
