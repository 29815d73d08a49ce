"""Proof, on real rows, that the marked tokens say the row's answers, all of them and nothing else.

What is trained is turned back into text and compared with the row itself, so that neither the chat
template nor the tokenizer nor the marks are trusted.
"""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tuneline.data.schema import read_examples
from tuneline.errors import ConfigurationError
from tuneline.models.chat import special_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tuneline.data.schema import Example
    from tuneline.training.sequences.store import StoredSplit

_SEARCHED = 1000
"""Sequences among which the one with most answers is looked for."""


def telling_rows(split: StoredSplit, rows: Sequence[int]) -> list[int]:
    """Some sequences, and beside them the longest and the one with most answers.

    Args:
        split: The training split.
        rows: Places of the sequences that are looked at anyway.
    """
    first = range(min(len(split), _SEARCHED))
    answers = [int(np.count_nonzero(np.diff(split[row].trained))) for row in first]
    return sorted({*rows, int(split.lengths.argmax()), int(np.argmax(answers))})


def require_marked_answers(
    split: StoredSplit, tokenizer: Any, path: Path, rows: Sequence[int]
) -> None:
    """Prove that the tokens with a loss are the answers, with the end of each turn.

    What a template puts before each answer may be learned with it, where it is the same for every
    answer of every row; all else must be the answer, word for word.

    Args:
        split: The training split.
        tokenizer: The model's tokenizer.
        path: The split's Parquet file.
        rows: Places of the sequences that are looked at.

    Raises:
        ConfigurationError: The trained tokens say something else, leave out an answer, or do not
            end its turn; the row is named.
    """
    stubs = _Stubs(special_tokens(tokenizer))
    places = sorted({int(split.example_places[row]) for row in rows})
    for place in places:
        (example,) = read_examples(path, rows=range(place, place + 1))
        try:
            for said, answer in _said(split, tokenizer, place, example):
                stubs.require(said, answer)
        except _WrongError as wrong:
            raise ConfigurationError(
                f"{example.source}:{example.row}: the loss would fall on {wrong}. The tokenizer or "
                f"chat template of {tokenizer.name_or_path!r} changes what the row says; give the "
                "model another one."
            ) from None


class _WrongError(Exception):
    """What the loss would fall on."""


class _Pair(NamedTuple):
    said: str
    answer: str


def _said(split: StoredSplit, tokenizer: Any, place: int, example: Example) -> list[_Pair]:
    """What is trained of an example, piece by piece, beside the answers that it should be."""
    answers = [turn.text for turn in example.turns if turn.role == "model" and turn.trained]
    read = [
        piece
        for row in np.flatnonzero(split.example_places == place)
        for piece in pieces(split, tokenizer, int(row))
    ]
    trained = [text for text, is_trained in read if is_trained]
    if len(trained) != len(answers):
        raise _WrongError(f"{trained}, which is {len(trained)} of {len(answers)} answers")
    context = _plain("".join(text for text, is_trained in read if not is_trained))
    last = max(i for i, turn in enumerate(example.turns) if turn.role == "model" and turn.trained)
    before = (turn for turn in example.turns[:last] if turn.role == "user")
    asked = [part.text for turn in before for part in turn.parts]
    for text in filter(None, asked):
        if _plain(text) not in context:
            raise _WrongError(f"{trained}, while the model would not read {text!r}")
    return [_Pair(*pair) for pair in zip(trained, answers, strict=True)]


class _Stubs:
    """What is trained before answers, which must be the same before each.

    Args:
        special: The tokenizer's special tokens, as text.
    """

    def __init__(self, special: tuple[str, ...]) -> None:
        self._special = special
        self._longest = ""
        self._first = ""

    def require(self, said: str, answer: str) -> None:
        """Require that what is trained is what comes before each answer, the answer and its end."""
        ending = next((token for token in self._special if said.endswith(token)), None)
        if ending is None:
            raise _WrongError(f"{said!r}, which is an answer without the end of its turn")
        found, wanted = _plain(said.removesuffix(ending)), _plain(answer)
        if not found.endswith(wanted):
            raise _WrongError(f"{said!r}, which is none of its answers")
        stub, longest = found.removesuffix(wanted), self._longest
        # A token may reach from the template into one answer and not into the next.
        if self._first and not (stub.endswith(longest) or longest.endswith(stub)):
            raise _WrongError(f"{said!r}, and elsewhere on {self._first!r}: more than answers")
        self._longest, self._first = max(stub, longest, key=len), self._first or said


def _plain(text: str) -> str:
    """What is left of a text where tokenizers agree: without case, spaces and compositions."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def pieces(split: StoredSplit, tokenizer: Any, row: int) -> list[tuple[str, bool]]:
    """A sequence as text, cut where training begins and ends.

    Returns:
        Its pieces in order: the text, special tokens included, and whether the loss falls on it.
    """
    ids, trained = split[row]
    cuts = [0, *(np.flatnonzero(np.diff(trained)) + 1).tolist(), len(ids)]
    return [
        (tokenizer.decode(ids[start:end].tolist()), bool(trained[start]))
        for start, end in pairwise(cuts)
    ]
