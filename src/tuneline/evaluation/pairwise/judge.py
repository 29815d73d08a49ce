"""Compares two candidates' answers row by row, each pair shown to a judge in both orders."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from tuneline.evaluation.pairwise.prompt import judge_prompt
from tuneline.evaluation.pairwise.reply import Choice, read_choice
from tuneline.evaluation.pairwise.settings import DEFAULT_CRITERIA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tuneline.evaluation.rows import Rows

Outcome = Literal["win", "tie", "loss", "unreadable"]
"""From the first candidate's side; ``unreadable``: a reply of the judge names no winner."""

_FIRST_WINS = ("A", "B")
_SECOND_WINS = ("B", "A")


class Asker(Protocol):
    """A judge."""

    def ask(self, prompts: Sequence[str]) -> list[str]:
        """Reply to every prompt, in the order given."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found for one row.

    Attributes:
        outcome: A win or a loss only where both orders agree; else a tie.
        choices: The judge's choice with the first candidate's answer shown as A, then with it shown
            as B; None where unreadable. Empty for equal answers, which are not shown to a judge.
    """

    outcome: Outcome
    choices: tuple[Choice | None, ...] = ()

    @property
    def orders_agree(self) -> bool | None:
        """Whether both orders name the same winner; None where that cannot be told."""
        shown = _shown(self.choices)
        if not shown:
            return None
        return shown in (_FIRST_WINS, _SECOND_WINS, ("tie", "tie"))


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge found of two candidates, one entry for each row."""

    rows: tuple[Judgement, ...]

    @property
    def wins(self) -> int:
        """Rows that the first candidate wins."""
        return self._count("win")

    @property
    def ties(self) -> int:
        """Rows that neither wins: equal answers, ties, and orders that disagree."""
        return self._count("tie")

    @property
    def losses(self) -> int:
        """Rows that the second candidate wins."""
        return self._count("loss")

    @property
    def unreadable(self) -> int:
        """Rows for which a reply of the judge names no winner; they count for nobody."""
        return self._count("unreadable")

    @property
    def equal(self) -> int:
        """Rows with equal answers, which are ties that no judge was asked for."""
        return sum(not row.choices for row in self.rows)

    @property
    def order_agreement(self) -> float | None:
        """Share of the rows, read in both orders, for which these agree; None where there are none.

        A judge that is far from 1 chooses by the order more than by the answers.
        """
        agree = [row.orders_agree for row in self.rows if row.orders_agree is not None]
        return sum(agree) / len(agree) if agree else None

    @property
    def first_shown_share(self) -> float | None:
        """Share of the choices between A and B that fell on A; None where there are none.

        Over both orders the better answer is as often A as B, so 0.5 is no position bias.
        """
        shown = Counter(choice.winner for row in self.rows for choice in row.choices if choice)
        chosen = shown["A"] + shown["B"]
        return shown["A"] / chosen if chosen else None

    def _count(self, outcome: Outcome) -> int:
        return sum(row.outcome == outcome for row in self.rows)


def chosen_rows(count: int, most: int, seed: int) -> list[int]:
    """Places of the rows to judge, rising: all of them, or ``most`` drawn by the seed.

    Every pair of candidates is judged on the same ones.
    """
    if not most or most >= count:
        return list(range(count))
    draw = random.Random(seed)  # noqa: S311 - a choice of rows, not a secret
    return sorted(draw.sample(range(count), most))


def judge_pairs(
    asker: Asker,
    rows: Rows,
    first: Sequence[str],
    second: Sequence[str],
    criteria: str = DEFAULT_CRITERIA,
) -> Judged:
    """Compare two candidates' answers to the same rows.

    Args:
        asker: The judge.
        rows: Their prompts, and their references where there are any.
        first: The first candidate's answer to each row.
        second: The second's.
        criteria: What makes an answer better.
    """
    differing = [i for i, pair in enumerate(zip(first, second, strict=True)) if not _equal(*pair)]
    prompts = []
    for i in differing:
        shared = (criteria, rows.prompts[i], rows.references[i])
        prompts.append(judge_prompt(*shared, first[i], second[i]))
        prompts.append(judge_prompt(*shared, second[i], first[i]))
    choices = [read_choice(reply) for reply in asker.ask(prompts)] if prompts else []
    pairs = zip(choices[::2], choices[1::2], strict=True)
    found = {i: _judgement(pair) for i, pair in zip(differing, pairs, strict=True)}
    return Judged(tuple(found.get(i, Judgement("tie")) for i in range(len(rows))))


def _equal(first: str, second: str) -> bool:
    return first.strip() == second.strip()


def _judgement(choices: tuple[Choice | None, Choice | None]) -> Judgement:
    shown = _shown(choices)
    if not shown:
        return Judgement("unreadable", choices)
    if shown == _FIRST_WINS:
        return Judgement("win", choices)
    return Judgement("loss" if shown == _SECOND_WINS else "tie", choices)


def _shown(choices: tuple[Choice | None, ...]) -> tuple[str, ...]:
    """The winners as they were shown; empty where one is missing."""
    winners = tuple(choice.winner for choice in choices if choice)
    return winners if len(winners) == 2 else ()
