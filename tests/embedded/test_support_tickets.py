"""The demo's data set: what its program writes, and nothing that the base model was trained on."""

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from embedded.make_tickets import OUTPUT, make_tickets, to_jsonl

PHRASES = yaml.safe_load(Path("embedded/tickets.yaml").read_text())


@pytest.fixture(scope="module")
def tickets():
    return [json.loads(line) for line in OUTPUT.read_text().splitlines()]


@pytest.fixture(scope="module")
def corpus_text(corpus):
    return "\n".join(turn["content"] for chat in corpus for turn in chat).casefold()


def test_file_is_what_the_program_writes():
    assert OUTPUT.read_text() == to_jsonl(make_tickets())


def test_no_message_occurs_twice(tickets):
    messages = [row["prompt"].casefold() for row in tickets]
    assert len(set(messages)) == len(messages) >= 1000


def test_queues_hold_about_the_same_number(tickets):
    counts = Counter(row["completion"] for row in tickets)
    assert set(counts) == set(PHRASES["queues"])
    assert max(counts.values()) < 1.25 * min(counts.values())


def test_every_slot_is_filled(tickets):
    assert not [row for row in tickets if "{" in row["prompt"] or "}" in row["prompt"]]


def test_no_message_is_in_the_base_models_corpus(tickets, corpus_text):
    assert not [row["prompt"] for row in tickets if row["prompt"].casefold() in corpus_text]


def test_no_ask_is_in_the_base_models_corpus(corpus_text):
    cases = [*PHRASES["queues"].values(), *PHRASES["ambiguous"]]
    fixed = [ask for case in cases for ask in case["asks"] if "{" not in ask]
    assert len(fixed) > 50
    assert not [ask for ask in fixed if ask.casefold() in corpus_text]


def test_a_seed_changes_the_messages():
    assert make_tickets(rows=50, seed=1) != make_tickets(rows=50, seed=2)
