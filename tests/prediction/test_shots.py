from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from tests.lamps import COLORS, lamp, lamps
from tests.prediction.questions import chat
from tuneline.data.schema import Example
from tuneline.errors import ConfigurationError
from tuneline.prediction import shots as shots_module
from tuneline.prediction.asked import Asked, asked_turns
from tuneline.prediction.shots import ShotPool

TRAIN = lamps(1, 30)
CHOICES = ("random", "balanced", "nearest")


def asked(*examples: Example) -> list[Asked]:
    return [turn for example in examples for turn in asked_turns(example, "last")]


TEST = asked(*lamps(101, 5))


def chosen(train, choice, count, seed=0, rows=TEST) -> list[tuple[Example, ...]]:
    return ShotPool(train, choice, seed).choose(rows, count)


@pytest.mark.parametrize("choice", CHOICES)
@given(st.integers(0, 30), st.integers(0, 5), st.randoms(use_true_random=False))
def test_shots_are_different_training_examples_in_any_order(choice, count, seed, random: Random):
    found = chosen(TRAIN, choice, count, seed)
    for shots in found:
        assert len(shots) == len({shot.example_id for shot in shots}) == count
        assert set(shots) <= set(TRAIN)
    shuffled = random.sample(TRAIN, len(TRAIN))
    assert chosen(shuffled, choice, count, seed) == found


@given(st.integers(0, 12), st.integers(0, 100))
def test_labels_take_turns(count, seed):
    per_label = Counter(shot.label for shot in chosen(TRAIN, "balanced", count, seed)[0])
    amounts = [per_label[color] for color in COLORS]
    assert max(amounts) - min(amounts) <= 1


def test_a_rare_label_is_used_up_before_others_repeat():
    rows = [lamp(1, "red"), *(lamp(i, "blue") for i in range(2, 12))]
    (shots, *_) = chosen(rows, "balanced", 6)
    assert Counter(shot.label for shot in shots) == {"red": 1, "blue": 5}


def test_chance_does_not_look_at_labels():
    rows = [lamp(1, "red"), *(lamp(i, "blue") for i in range(2, 30))]
    with_red = sum(
        any(shot.label == "red" for shot in chosen(rows, "random", 2, seed)[0])
        for seed in range(50)
    )
    assert 0 < with_red < 20


@pytest.mark.parametrize("choice", ["random", "balanced"])
def test_the_seed_chooses_the_same_shots_for_all_rows(choice):
    found = [chosen(TRAIN, choice, 4, seed) for seed in range(5)]
    assert all(len(set(rows)) == 1 for rows in found)
    assert len({rows[0] for rows in found}) > 1


def test_shots_without_labels_are_chosen_too():
    rows = [replace(row, label=None) for row in TRAIN]
    assert len(chosen(rows, "balanced", 7)[0]) == 7


@pytest.mark.parametrize("choice", CHOICES)
def test_no_row_sees_its_own_question(choice):
    train = [lamp(7, "red"), *TRAIN]  # one question twice
    row = replace(lamp(7, "blue"), system="Another instruction.")
    (own, other) = chosen(train, choice, 29, rows=asked(row, lamp(500, "red")))
    assert len(own) == len(other) == 29
    prompts = {shot.turns[0].text for shot in own}
    assert row.turns[0].text not in prompts
    with pytest.raises(ConfigurationError, match=r"shots: 30 wanted, .* holds \d+ examples"):
        chosen(TRAIN, choice, 30, rows=asked(TRAIN[0]))


@pytest.mark.parametrize("choice", CHOICES)
def test_a_question_inside_a_longer_conversation_is_the_same_question(choice):
    long_talk = chat("lamp?", "red", "and now?", "blue")
    (first, _) = asked_turns(long_talk, "every")
    train = [long_talk, chat("door?", "open"), chat("lamp!", "green")]
    assert set(chosen(train, choice, 2, rows=[first])[0]) == set(train[1:])


@pytest.mark.parametrize("choice", CHOICES)
def test_more_shots_than_examples_are_refused(choice):
    with pytest.raises(ConfigurationError, match="shots: 31 wanted, .* holds 30 examples"):
        chosen(TRAIN, choice, 31)


WORDS = st.lists(
    st.sampled_from(["lamp", "lamps", "door", "window", "red", "greenish", "green", "a"]),
    min_size=1,
    max_size=5,
).map(" ".join)


@given(st.lists(WORDS, min_size=6, max_size=12, unique=True), st.lists(WORDS, min_size=1))
def test_the_nearest_are_those_of_the_greatest_cosine_the_nearest_last(texts, questions):
    train = [chat(text, "yes") for text in texts]
    rows = asked(*(chat(f"{text} now", "?") for text in questions))
    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit(texts)
    cosines = cosine_similarity(
        vectorizer.transform([row.prompt for row in rows]), vectorizer.transform(texts)
    )
    by_text = [dict(zip(texts, row, strict=True)) for row in cosines]
    for shots, similar in zip(chosen(train, "nearest", 3, rows=rows), by_text, strict=True):
        found = [similar[shot.turns[0].text] for shot in shots]
        assert found == pytest.approx(sorted(similar.values())[-3:])


def test_ties_go_by_id_and_pieces_change_nothing(monkeypatch):
    train = [chat("lamp", str(i)) for i in range(9)]
    rows = asked(*(chat(f"the lamp {i}", "?") for i in range(7)))
    whole = chosen(train, "nearest", 4, rows=rows)
    first_ids = sorted(example.example_id for example in train)[:4]
    assert [shot.example_id for shot in whole[0]] == first_ids[::-1]
    monkeypatch.setattr(shots_module, "_SIMILARITIES_AT_ONCE", 20)
    assert chosen(train, "nearest", 4, rows=rows) == whole


def test_prompts_without_text_have_no_nearest():
    with pytest.raises(ConfigurationError, match="shot_choice: 'nearest' compares texts"):
        chosen([chat("", "a"), chat(" ", "b")], "nearest", 1)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.data())
def test_greatest_takes_first_places_among_equals(values, data):
    count = data.draw(st.integers(1, len(values)))
    expected = sorted(range(len(values)), key=lambda i: (-values[i], i))[:count]
    found = shots_module._greatest(np.array(values, dtype=np.float64), count)
    assert found == expected[::-1]
