import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lamps import COLORS, lamp, write_split
from tests.prediction.questions import CALLING, chat, said
from tuneline.data.schema import Example, ExamplesInfo, File, Part, Turn, write_examples
from tuneline.errors import DataError
from tuneline.evaluation.metrics.tool_calls import Call, calls_of
from tuneline.prediction.asked import asked_turns, read_asked


def test_the_last_answer_is_asked_for_unless_every_is():
    talk = chat("hi", "hello", "which?", "red", label="red")
    (last,) = asked_turns(talk, "last")
    assert (last.turn, last.prompt, last.reference, last.label) == (3, "which?", "red", "red")
    first, second = asked_turns(talk, "every")
    assert (first.turn, first.prompt, first.reference, first.label) == (1, "hi", "hello", None)
    assert second == last
    assert first.answered == chat("hi", "hello", label="red")
    assert last.answered == talk


def test_answers_that_are_not_learned_are_not_asked_for():
    talk = Example(
        (
            said("user", "one?"),
            said("model", "1"),
            said("user", "two?"),
            said("model", "bad", trained=False),
        )
    )
    for turns in ("last", "every"):
        assert [asked.turn for asked in asked_turns(talk, turns)] == [1]


@given(st.lists(st.tuples(st.text(max_size=3), st.booleans()), min_size=1, max_size=5))
def test_every_asks_for_each_trained_turn_after_what_was_truly_said(answers):
    turns = [
        turn
        for text, trained in answers
        for turn in (said("user", "?"), said("model", text, trained=trained))
    ]
    asked = list(asked_turns(Example(tuple(turns)), "every"))
    assert [each.reference for each in asked] == [text for text, trained in answers if trained]
    for each in asked:
        assert list(each.answered.turns) == turns[: each.turn + 1]


def test_the_reference_of_calls_is_their_canonical_form():
    first, last = asked_turns(CALLING, "every")
    assert calls_of(first.reference) == [Call("turn_on", {"lamp": 3, "colour": "red"})]
    assert last.reference == "Lamp 3 is red."
    assert last.prompt == '[turn_on gave {"done":true}]'


def test_files_stand_in_the_prompt_by_name():
    file = File("gs://lamps/1.png", "image/png")
    look = Turn("user", (Part(file=file), Part(text="Which colour?")))
    (asked,) = asked_turns(Example((look, said("model", "red"))), "last")
    assert asked.prompt == "[image/png gs://lamps/1.png]Which colour?"


def test_a_classification_asks_for_earlier_turns_where_they_are_labels(tmp_path):
    info = ExamplesInfo("test", "classification", COLORS)
    path = tmp_path / "test.parquet"
    write_examples(path, [chat("lamp 1?", "blue", "lamp 2?", "red", label="red")], info)
    assert [asked.label for asked in read_asked(path, "every")] == ["blue", "red"]
    talk = chat("hi", "hello", "lamp?", "red", label="red", source="talk.jsonl", row=7)
    write_examples(path, [lamp(1, "red"), talk], info)
    assert len(list(read_asked(path, "last"))) == 2
    with pytest.raises(DataError, match=r"talk.jsonl:7: turns\[1\]: 'hello' is no label"):
        list(read_asked(path, "every"))


def test_an_empty_split_is_refused(tmp_path):
    path = write_split(tmp_path / "test.parquet", [])
    with pytest.raises(DataError, match="test.parquet: this split holds no examples"):
        list(read_asked(path, "last"))
