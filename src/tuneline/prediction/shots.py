"""Solved examples for prompts, from the training split alone.

A choice depends on the seed and the examples' contents, not on their order. No row gets a shot that
asks the very same: its answer would stand in the prompt.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tuneline.errors import ConfigurationError
from tuneline.prediction.asked import Asked, asked_turns

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from tuneline.data.schema import Example, Turn
    from tuneline.prediction.settings import ShotChoice

_SIMILARITIES_AT_ONCE = 4_000_000
_DIGITS = 9  # similarities that agree so far are ties


class ShotPool:
    """The training examples that shots are chosen from.

    Args:
        train: The training split.
        choice: How shots are chosen, see `PredictSettings`.
        seed: Seeds the choices that are random.
    """

    def __init__(self, train: Iterable[Example], choice: ShotChoice, seed: int) -> None:
        solved = [asked for example in train for asked in asked_turns(example, "last")]
        self._pool = sorted(solved, key=lambda asked: asked.example.example_id)
        self._choice = choice
        self._seed = seed
        self._same: dict[bytes, list[int]] = defaultdict(list)
        for i, solved_turn in enumerate(self._pool):
            for before in _conversations(solved_turn.example):
                self._same[_digest(before)].append(i)

    def choose(self, asked: Sequence[Asked], count: int) -> list[tuple[Example, ...]]:
        """Choose the shots of each row.

        Args:
            asked: The rows.
            count: Shots of each.

        Raises:
            ConfigurationError: There are too few training examples that ask something else than a
                row, or they hold no text that could be similar.
        """
        if not count:
            return [()] * len(asked)
        excluded = [self._same.get(_digest(_before(row)), ()) for row in asked]
        fewest = len(self._pool) - max(map(len, excluded), default=0)
        if count > fewest:
            raise ConfigurationError(
                f"shots: {count} wanted, but the training split holds {fewest} examples that a row "
                "may see. Ask for fewer."
            )
        if self._choice == "nearest":
            places = self._nearest(asked, excluded, count)
        else:
            places = self._drawn(excluded, count)
        return [tuple(self._pool[i].example for i in row) for row in places]

    def _drawn(self, excluded: Sequence[Collection[int]], count: int) -> Iterator[list[int]]:
        """The same shots for all rows, but for those that would see their own question."""
        generator = random.Random(self._seed)  # noqa: S311 - a choice of examples, not a secret
        ranking = list(range(len(self._pool)))
        generator.shuffle(ranking)
        if self._choice == "balanced":
            ranking = self._labels_in_turn(ranking)
        order = list(range(count))
        generator.shuffle(order)
        for own in excluded:
            allowed = [i for i in ranking[: count + len(own)] if i not in own]
            yield [allowed[place] for place in order]

    def _labels_in_turn(self, ranking: Sequence[int]) -> list[int]:
        by_label: dict[str | None, list[int]] = defaultdict(list)
        for i in ranking:
            by_label[self._pool[i].example.label].append(i)
        in_turn: list[int] = []
        queues = list(by_label.values())
        while queues := [queue for queue in queues if queue]:
            in_turn.extend(queue.pop() for queue in queues)
        return in_turn

    def _nearest(
        self, asked: Sequence[Asked], excluded: Sequence[Collection[int]], count: int
    ) -> Iterator[list[int]]:
        vectorizer, vectors = self._vectors
        at_once = max(1, _SIMILARITIES_AT_ONCE // len(self._pool))
        for start in range(0, len(asked), at_once):
            rows = asked[start : start + at_once]
            queries = vectorizer.transform([_said(row) for row in rows])
            similarities = (queries @ vectors.T).toarray().round(_DIGITS)
            for similarity, own in zip(similarities, excluded[start:], strict=False):
                similarity[list(own)] = -1.0
                yield _greatest(similarity, count)

    @cached_property
    def _vectors(self) -> tuple[Any, Any]:
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))
        try:
            return vectorizer, vectorizer.fit_transform([_said(solved) for solved in self._pool])
        except ValueError as error:  # no text has a word
            raise ConfigurationError(
                "shot_choice: 'nearest' compares texts, and the training prompts hold none. "
                "Choose 'balanced' or 'random'."
            ) from error


def _before(asked: Asked) -> tuple[Turn, ...]:
    return asked.example.turns[: asked.turn]


def _conversations(example: Example) -> Iterator[tuple[Turn, ...]]:
    """What stands before each of an example's answers, learned or not."""
    for place, turn in enumerate(example.turns):
        if turn.role == "model":
            yield example.turns[:place]


def _digest(conversation: Sequence[Turn]) -> bytes:
    content = msgspec.json.encode([(turn.role, turn.parts) for turn in conversation])
    return hashlib.blake2b(content, digest_size=16).digest()


def _said(asked: Asked) -> str:
    """What the user said before the asked turn."""
    return "\n".join(turn.text for turn in _before(asked) if turn.role == "user")


def _greatest(values: npt.NDArray[np.float64], count: int) -> list[int]:
    """Places of the greatest values, rising; of equal ones the first places are taken."""
    threshold = np.partition(values, -count)[-count]
    places = np.flatnonzero(values >= threshold)
    best = places[np.argsort(-values[places], kind="stable")][:count]
    return [int(place) for place in best[::-1]]
