"""Rows of prompts and answers put together from phrases that the project wrote.

A phrase holds names in braces, such as ``{item}``; each stands for any word of the list of that
name. A digit behind a name asks for another word of the same list: ``{item}`` and ``{item2}``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_SLOT = re.compile(r"\{([a-z_]+)(\d?)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """One example: what is said to the model, and the right answer."""

    prompt: str
    completion: str


def read_phrases(path: Path) -> dict[str, Any]:
    """Read a YAML file of phrases."""
    phrases: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return phrases


def fill(
    text: str, slots: Mapping[str, Sequence[object]], generator: Random, said: dict[str, str]
) -> str:
    """Put words for the names in braces; a name that occurs again is the same word.

    Args:
        text: The phrase.
        slots: Words by name.
        generator: Draws the words.
        said: What names stand for already; names drawn here are added, in their order.
    """

    def word(found: re.Match[str]) -> str:
        name = found[1] + found[2]
        if name not in said:
            choices = [str(choice) for choice in slots[found[1]]]
            said[name] = generator.choice([c for c in choices if c not in said.values()])
        return said[name]

    return _SLOT.sub(word, text)


def draw_rows(draw: Callable[[Random, int], Row], rows: int, seed: int) -> list[Row]:
    """Draw rows until there are enough with different prompts, and shuffle them.

    Args:
        draw: Draws a row, told how many there are already.
        rows: How many to draw.
        seed: Decides every draw and the order.
    """
    generator = Random(seed)
    drawn: dict[str, Row] = {}
    while len(drawn) < rows:
        row = draw(generator, len(drawn))
        drawn.setdefault(row.prompt.casefold(), row)
    shuffled = list(drawn.values())
    generator.shuffle(shuffled)
    return shuffled


def capitalized(text: str) -> str:
    """The text with its first letter large, the others as they are."""
    return text[0].upper() + text[1:]


def to_jsonl(rows: Sequence[Row]) -> str:
    """Render rows as JSON Lines with the fields ``prompt`` and ``completion``."""
    return json_lines([{"prompt": row.prompt, "completion": row.completion} for row in rows])


def json_lines(records: Sequence[Mapping[str, Any]]) -> str:
    """Render records as JSON Lines."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
