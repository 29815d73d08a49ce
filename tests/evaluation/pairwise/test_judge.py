"""Which of two answers a judge prefers, over both orders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

import pytest

from tuneline.evaluation.pairwise.judge import chosen_rows, judge_pairs
from tuneline.evaluation.rows import Rows

BLOCK = re.compile(
    r"^<<<(?P<boundary>[0-9a-f]{32}) (?P<name>[A-Z ]+)>>>\n(?P<text>.*?)\n<<<(?P=boundary) END>>>$",
    re.DOTALL | re.MULTILINE,
)


def blocks(prompt: str) -> dict[str, str]:
    return {found["name"]: found["text"] for found in BLOCK.finditer(prompt)}


class Judge:
    """Replies by a rule over the two answers as they are shown."""

    def __init__(self, rule: Callable[[str, str], str]) -> None:
        self._rule = rule
        self.prompts: list[str] = []

    def ask(self, prompts: Sequence[str]) -> list[str]:
        self.prompts += prompts
        shown = [blocks(prompt) for prompt in prompts]
        return [self._rule(texts["ANSWER A"], texts["ANSWER B"]) for texts in shown]


def reply(winner: str) -> str:
    return json.dumps({"reason": "since", "winner": winner})


def longer(a: str, b: str) -> str:
    return reply("tie" if len(a) == len(b) else "A" if len(a) > len(b) else "B")


ROWS = Rows.of(["r0", "r1", "", "r3"], ["-"] * 4, prompts=["q0", "q1", "q2", "q3"])
FIRST = ["long answer", "short", "equal", "abc"]
SECOND = ["brief", "a longer one", " equal\n", "xyz"]


def test_a_judge_that_is_consistent():
    judge = Judge(longer)
    judged = judge_pairs(judge, ROWS, FIRST, SECOND)
    assert [row.outcome for row in judged.rows] == ["win", "loss", "tie", "tie"]
    assert (judged.wins, judged.ties, judged.losses, judged.unreadable) == (1, 2, 1, 0)
    assert (judged.equal, judged.order_agreement, judged.first_shown_share) == (1, 1.0, 0.5)
    assert len(judge.prompts) == 6  # equal answers are not shown
    assert blocks(judge.prompts[0]) == {
        "REQUEST": "q0",
        "REFERENCE ANSWER": "r0",
        "ANSWER A": "long answer",
        "ANSWER B": "brief",
    }
    assert blocks(judge.prompts[1])["ANSWER A"] == "brief"


def test_swapping_the_candidates_swaps_wins_and_losses():
    judged = judge_pairs(Judge(longer), ROWS, SECOND, FIRST)
    assert [row.outcome for row in judged.rows] == ["loss", "win", "tie", "tie"]


def test_a_judge_that_takes_the_first_shown_decides_nothing():
    judged = judge_pairs(Judge(lambda a, b: reply("A")), ROWS, FIRST, SECOND)
    assert (judged.wins, judged.ties, judged.losses) == (0, 4, 0)
    assert (judged.order_agreement, judged.first_shown_share) == (0.0, 1.0)


def test_a_tie_in_one_order_is_no_win():
    judged = judge_pairs(
        Judge(lambda a, b: reply("A" if a == "long answer" else "tie")), ROWS, FIRST, SECOND
    )
    assert judged.rows[0].outcome == "tie"
    assert judged.rows[0].orders_agree is False
    assert judged.rows[1].orders_agree is True


def test_what_cannot_be_read_counts_for_nobody():
    def rule(a: str, b: str) -> str:
        return "I refuse." if a == "long answer" else longer(a, b)

    judged = judge_pairs(Judge(rule), ROWS, FIRST, SECOND)
    assert [row.outcome for row in judged.rows] == ["unreadable", "loss", "tie", "tie"]
    assert judged.unreadable == 1
    assert judged.order_agreement == 1.0
    assert judged.rows[0].orders_agree is None


def test_nothing_to_ask():
    judged = judge_pairs(Judge(longer), ROWS, FIRST, FIRST)
    assert (judged.ties, judged.equal) == (4, 4)
    assert (judged.order_agreement, judged.first_shown_share) == (None, None)


def test_answers_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="shorter|longer"):
        judge_pairs(Judge(longer), ROWS, FIRST, SECOND[:3])


def test_rows_are_chosen_by_the_seed():
    assert chosen_rows(5, 0, 1) == chosen_rows(5, 9, 1) == [0, 1, 2, 3, 4]
    chosen = chosen_rows(1000, 50, 7)
    assert chosen == sorted(set(chosen)) == chosen_rows(1000, 50, 7)
    assert len(chosen) == 50
    assert chosen != chosen_rows(1000, 50, 8)
