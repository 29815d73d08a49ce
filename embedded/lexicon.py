"""The words that the pre-training corpus is made of, read from ``lexicon.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_SOURCE = Path(__file__).with_name("lexicon.yaml")


@dataclass(frozen=True, slots=True)
class Topic:
    """Words that go together: things, what is done with them (past tense), and how they are."""

    name: str
    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    adjectives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Everyday English.

    ``synonyms`` are groups of words of one meaning, ``opposites`` pairs; ``wishes`` and
    ``troubles`` are groups of phrases of one meaning.
    """

    topics: tuple[Topic, ...]
    names: tuple[str, ...]
    places: tuple[str, ...]
    days: tuple[str, ...]
    months: tuple[str, ...]
    number_words: tuple[str, ...]
    common: tuple[str, ...]
    synonyms: tuple[tuple[str, ...], ...]
    opposites: tuple[tuple[str, ...], ...]
    wishes: tuple[tuple[str, ...], ...]
    troubles: tuple[tuple[str, ...], ...]
    openers: tuple[str, ...]
    frames: tuple[str, ...]

    @property
    def nouns(self) -> list[str]:
        """Every topic's nouns, each once, in the file's order."""
        return list(dict.fromkeys(noun for topic in self.topics for noun in topic.nouns))


@cache
def read_lexicon() -> Lexicon:
    """Read the word lists."""
    content = yaml.safe_load(_SOURCE.read_text(encoding="utf-8"))
    return Lexicon(
        topics=tuple(
            Topic(name, *(tuple(words[kind].split()) for kind in ("nouns", "verbs", "adjectives")))
            for name, words in content["topics"].items()
        ),
        **{
            name: tuple(content[name].split())
            for name in ("names", "places", "days", "months", "number_words", "common")
        },
        synonyms=_groups(content["synonyms"], " = "),
        opposites=_groups(content["opposites"], " - "),
        wishes=_groups(content["wishes"], " / "),
        troubles=_groups(content["troubles"], " / "),
        openers=tuple(content["openers"].splitlines()),
        frames=tuple(content["frames"].splitlines()),
    )


def _groups(lines: str, mark: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split(mark)) for line in lines.splitlines())
