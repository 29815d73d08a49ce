"""Examples over a limit are kept aside, or cut at turns if the user wants that."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.checks.batches import batch_of, example
from tuneline.data.checks.limits import LengthLimits, truncate_examples
from tuneline.data.schema import Example, FunctionCall, FunctionResponse, Part, Turn


def chars(one: Example) -> int:
    return sum(len(turn.text) for turn in one.turns) + len(one.system or "")


def test_limits_count_everything_and_name_what_is_over() -> None:
    examples = [example("12345", "678"), example("12345", "67", system="8"), example(*"abcdef")]
    hits = list(LengthLimits(max_chars=8)(batch_of(examples)))
    assert hits == []
    (hit,) = LengthLimits(max_chars=7, max_turns=6)(batch_of(examples[:1]))
    assert (hit.code, hit.message) == ("too_long", "has 8 characters, more than 7.")
    (hit,) = LengthLimits(max_turns=4)(batch_of(examples))
    assert (hit.index, hit.code) == (2, "too_many_turns")


def test_the_oldest_exchange_goes_first() -> None:
    one = example(
        "first question", "first answer", "second", "2nd", "third", "3rd", system="Be kind"
    )
    (cut,), (hit,) = truncate_examples([one], LengthLimits(max_chars=26))
    assert cut == example("second", "2nd", "third", "3rd", system="Be kind")
    assert hit.code == "truncated"
    assert hit.message == "was cut by 2 turns and 26 characters at the beginning."


def test_a_call_stays_with_its_response() -> None:
    call = Turn("model", (Part(function_call=FunctionCall("f", "{}")),))
    response = Turn("user", (Part(function_response=FunctionResponse("f", "{}")),))
    talk = (*example("old", "older").turns, Turn("user", (Part("go"),)), call, response)
    one = Example((*talk, Turn("model", (Part("done"),))))
    (cut,), _ = truncate_examples([one], LengthLimits(max_turns=5))
    assert cut.turns == one.turns[2:]
    (same,), hits = truncate_examples([one], LengthLimits(max_turns=3))
    assert same is one
    assert hits == []


def test_the_last_exchange_loses_its_beginning_up_to_a_word() -> None:
    (cut,), _ = truncate_examples([example("alpha beta gamma", "ok")], LengthLimits(max_chars=14))
    assert cut == example("beta gamma", "ok")


@pytest.mark.parametrize("limit", [1, 5, 9])
def test_the_answer_and_the_system_instruction_stay_whole(limit: int) -> None:
    one = example("question", "the answer", system="system")
    (same,), hits = truncate_examples([one], LengthLimits(max_chars=limit))
    assert same is one
    assert hits == []


@settings(max_examples=80)
@given(
    st.lists(st.text("ab \n", min_size=1, max_size=12), min_size=2, max_size=10),
    st.integers(0, 40),
    st.integers(0, 8),
)
def test_what_was_cut_fits_and_is_the_end(texts: list[str], max_chars: int, max_turns: int) -> None:
    one = example(*texts[: len(texts) // 2 * 2], system="s")
    limits = LengthLimits(max_chars, max_turns)
    (cut,), hits = truncate_examples([one], limits)
    over = list(limits(batch_of([cut])))
    assert cut.turns[-1] == one.turns[-1]
    assert cut.system == one.system
    assert cut.turns[0].role == "user"
    assert one.turns[len(one.turns) - len(cut.turns) + 1 :] == cut.turns[1:]
    assert one.turns[len(one.turns) - len(cut.turns)].text.endswith(cut.turns[0].text)
    assert bool(hits) == (cut is not one)
    if hits:
        assert not over
