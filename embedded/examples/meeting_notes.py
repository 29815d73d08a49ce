"""Notes of a meeting, three to four sentences long, and a summary of one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded.phrases import Row, capitalized, draw_rows, fill, read_phrases

if TYPE_CHECKING:
    from random import Random

ROWS = 500
SEED = 13
_SOURCE = Path(__file__).with_suffix(".yaml")


def make_notes(rows: int = ROWS, seed: int = SEED) -> list[Row]:
    """Make ``rows`` different notes; a row's completion is the summary."""
    phrases = read_phrases(_SOURCE)
    return draw_rows(lambda generator, _: _notes(phrases, generator), rows, seed)


def _notes(phrases: dict[str, Any], generator: Random) -> Row:
    """Who met, what was agreed, who does what until when, and something of no importance."""
    kind = generator.choice(phrases["kinds"])
    sentences = [generator.choice(phrases["openings"])]
    sentences += [generator.choice(phrases["parts"][part]) for part in kind["parts"]]
    if len(sentences) < 4:
        sentences.insert(generator.randint(1, len(sentences)), generator.choice(phrases["asides"]))
    said: dict[str, str] = {}

    def written(text: str) -> str:
        return capitalized(fill(text, phrases["slots"], generator, said)) + "."

    notes = " ".join(map(written, sentences))
    return Row(notes, written(kind["summary"]))
