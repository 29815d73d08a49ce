from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.lamps import COLORS, lamp, lamps
from tuneline.data.schema import ExamplesInfo
from tuneline.errors import ConfigurationError
from tuneline.prediction.prompts import (
    baseline_messages,
    baseline_name,
    choose_shots,
    instruction,
    prompt_messages,
)

TRAIN = lamps(1, 30)


def test_baselines_are_named_after_their_shots():
    assert [baseline_name(count) for count in (0, 1, 16)] == ["zero-shot", "1-shot", "16-shot"]


def test_the_instruction_lists_the_labels_of_a_classification():
    assert instruction(ExamplesInfo("train", "classification", COLORS)) == (
        "Answer with exactly one of: blue, green, red."
    )
    assert instruction(ExamplesInfo("train", "generation")) == ""


@given(st.integers(0, 30), st.integers(0, 5), st.randoms(use_true_random=False))
def test_shots_are_different_training_examples_in_any_order(count, seed, random: Random):
    chosen = choose_shots(TRAIN, count, seed)
    assert len(chosen) == len({shot.example_id for shot in chosen}) == count
    assert {shot.example_id for shot in chosen} <= {row.example_id for row in TRAIN}
    shuffled = random.sample(TRAIN, len(TRAIN))
    assert choose_shots(shuffled, count, seed) == chosen


@given(st.integers(0, 12), st.integers(0, 100))
def test_labels_take_turns(count, seed):
    per_label = Counter(shot.label for shot in choose_shots(TRAIN, count, seed))
    amounts = [per_label[color] for color in COLORS]
    assert max(amounts) - min(amounts) <= 1


def test_a_rare_label_is_used_up_before_others_repeat():
    rows = [lamp(1, "red"), *(lamp(i, "blue") for i in range(2, 12))]
    assert Counter(shot.label for shot in choose_shots(rows, 6, 0)) == {"red": 1, "blue": 5}


def test_the_seed_chooses():
    assert len({tuple(choose_shots(TRAIN, 4, seed)) for seed in range(5)}) > 1


def test_shots_without_labels_are_chosen_too():
    rows = [replace(row, label=None) for row in TRAIN]
    assert len(choose_shots(rows, 7, 0)) == 7


def test_more_shots_than_examples_are_refused():
    with pytest.raises(ConfigurationError, match="shots: 31 wanted, .* holds 30 examples"):
        choose_shots(TRAIN, 31, 0)


def test_a_tuned_model_is_asked_without_the_answer():
    asked = prompt_messages(replace(lamp(1, "red"), system="Look."))
    assert asked == [
        {"role": "system", "content": "Look."},
        {"role": "user", "content": "the lamp 1 is red, which is it?"},
    ]


def test_a_baseline_puts_instruction_and_shots_before_the_question():
    asked = replace(lamp(1, "red"), system="Look.")
    shot = replace(lamp(2, "blue"), system="The shot's own, left out.")
    assert baseline_messages(asked, [shot], "Answer briefly.") == [
        {"role": "system", "content": "Look.\nAnswer briefly."},
        {"role": "user", "content": "the lamp 2 is blue, which is it?"},
        {"role": "assistant", "content": "blue"},
        {"role": "user", "content": "the lamp 1 is red, which is it?"},
    ]


def test_a_baseline_without_instruction_has_no_system_turn():
    assert baseline_messages(lamp(1, "red"), [], "") == prompt_messages(lamp(1, "red"))
    (first, _) = baseline_messages(lamp(1, "red"), [], "Answer briefly.")
    assert first == {"role": "system", "content": "Answer briefly."}
