"""What prompts have in common is found, robustly, and taken off."""

from __future__ import annotations

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.checks.batches import example
from tuneline.data.checks.boilerplate import Boilerplate

HEAD = "Classify the following ticket as billing, delivery or other. Ticket: "
TAIL = "\nAnswer with one word."


def prompts(count: int) -> list[str]:
    return [f"{HEAD}{number * 7919 % 1000} parcels are late{TAIL}" for number in range(count)]


def test_prefix_suffix_and_share() -> None:
    found = Boilerplate.of([example(text, "x") for text in prompts(100)])
    assert found.prefix == HEAD
    assert found.suffix == " parcels are late" + TAIL
    assert found.strip(prompts(2)[1]) == "919"
    assert 0.9 < found.share < 1
    finding = found.finding()
    assert finding is not None
    assert finding.code == "boilerplate_share"


def test_a_few_odd_rows_do_not_hide_it() -> None:
    texts = [*prompts(97), "Zebra", "An odd row", "another"]
    found = Boilerplate.of([example(text, "x") for text in texts])
    assert found.prefix == HEAD
    odd = "An odd row"
    assert found.strip(odd) == odd


def test_it_ends_at_a_word() -> None:
    texts = [f"Please translate into French: pre{word}" for word in ("tty", "sent", "fer", "pare")]
    found = Boilerplate.of([example(text, "x") for text in texts * 10])
    assert found.prefix == "Please translate into French: "


def test_nothing_in_common_and_few_rows() -> None:
    words = [f"{letter}{letter} text {letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    assert Boilerplate.of([example(text, "x") for text in words]) == Boilerplate()
    assert Boilerplate.of([example(text, "x") for text in prompts(5)]) == Boilerplate()
    assert Boilerplate().finding() is None
    assert Boilerplate().strip("a") == "a"


def test_it_pickles_and_leaves_something_of_every_prompt() -> None:
    text = "the same"
    found = pickle.loads(pickle.dumps(Boilerplate.of([example(text, "x")] * 50)))
    assert found.strip(text)


@settings(max_examples=60)
@given(st.text(max_size=30), st.lists(st.text(max_size=20), min_size=20, max_size=40))
def test_what_is_taken_off_is_a_prefix_and_a_suffix(head: str, rests: list[str]) -> None:
    texts = [head + rest for rest in rests]
    found = Boilerplate.of([example(text, "x") for text in texts])
    assert 0 <= found.share <= 1
    for text in texts:
        rest = found.strip(text)
        assert rest in text
        assert rest or not text
