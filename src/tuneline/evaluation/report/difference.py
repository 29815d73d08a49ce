"""Where an answer differs from the expected one, word by word, for a light mark on the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from rapidfuzz.distance import Indel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+|[^\w\s]")
"""A word, one character of a script without spaces, or one sign."""

_LEAST_ALIKE = 0.5
"""Answers that share fewer of their words are other answers, and marks would only be noise."""

_MOST_MARKS = 12
_LONGEST_MISSING = 80

_Words: TypeAlias = "Sequence[re.Match[str]]"


class Piece(NamedTuple):
    """A piece of an answer.

    Attributes:
        text: As it stands in the answer; all pieces together are the answer.
        extra: Whether the expected answer lacks it.
        missing: What the expected answer has before it and this one lacks.
    """

    text: str
    extra: bool = False
    missing: str = ""


def pieces(expected: str, answer: str) -> list[Piece]:
    """Split an answer where it differs from the expected one.

    Differences of white space alone are not marked, nor is an answer that shares less than half of
    its words with the expected one or differs in very many places.
    """
    wanted, given = list(_WORD.finditer(expected)), list(_WORD.finditer(answer))
    words, said = [word.group() for word in wanted], [word.group() for word in given]
    if words == said or Indel.normalized_similarity(words, said) < _LEAST_ALIKE:
        return [Piece(answer)]
    found: list[Piece] = []
    end, missing = 0, ""
    for lacking, matches, is_extra in _runs(wanted, given):
        missing = missing or _text(expected, lacking)
        if matches:
            begin = matches[0].start()
            if begin > end:
                found.append(Piece(answer[end:begin], missing=missing))
                missing = ""
            end = matches[-1].end()
            found.append(Piece(answer[begin:end], is_extra, missing))
            missing = ""
    if missing or end < len(answer):
        found.append(Piece(answer[end:], missing=missing))
    marks = sum(piece.extra + bool(piece.missing) for piece in found)
    return found if marks <= _MOST_MARKS else [Piece(answer)]


def _runs(wanted: _Words, given: _Words) -> Iterator[tuple[_Words, _Words, bool]]:
    """Runs of the answer's words, each with the words that are missing before it."""
    words, said = [word.group() for word in wanted], [word.group() for word in given]
    wanted_end = given_end = 0
    for block in Indel.opcodes(words, said).as_matching_blocks():
        yield wanted[wanted_end : block.a], given[given_end : block.b], True
        wanted_end, given_end = block.a + block.size, block.b + block.size
        yield [], given[block.b : given_end], False


def _text(whole: str, words: _Words) -> str:
    """What stands from the first word to the last, shortened where it is long."""
    if not words:
        return ""
    text = whole[words[0].start() : words[-1].end()]
    return text if len(text) <= _LONGEST_MISSING else f"{text[:_LONGEST_MISSING]}…"
