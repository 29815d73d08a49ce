from msgspec.structs import replace

from tests.lamps import COLORS, lamp
from tests.prediction.questions import said
from tuneline.data.schema import ExamplesInfo
from tuneline.models.chat import to_messages
from tuneline.prediction.asked import asked_turns
from tuneline.prediction.prompts import Question, baseline_name, instruction


def question(example, shots=(), instruct="") -> Question:
    (asked,) = asked_turns(example, "last")
    return Question(asked, tuple(shots), instruct)


def test_baselines_are_named_after_their_shots():
    assert [baseline_name(count) for count in (0, 1, 16)] == ["zero-shot", "1-shot", "16-shot"]


def test_the_instruction_lists_the_labels_of_a_classification():
    assert instruction(ExamplesInfo("train", "classification", COLORS)) == (
        "Answer with exactly one of: blue, green, red."
    )
    assert instruction(ExamplesInfo("train", "generation")) == ""


def test_a_tuned_model_is_asked_as_it_was_tuned():
    example = replace(lamp(1, "red"), system="Look.")
    assert question(example).solved == example


def test_a_baseline_puts_instruction_and_shots_before_the_question():
    shot = replace(lamp(2, "blue"), system="The shot's own, left out.")
    asked = question(replace(lamp(1, "red"), system="Look."), [shot], "Answer briefly.")
    assert to_messages(asked.solved) == [
        {"role": "system", "content": "Look.\nAnswer briefly."},
        {"role": "user", "content": "the lamp 2 is blue, which is it?"},
        {"role": "assistant", "content": "blue"},
        {"role": "user", "content": "the lamp 1 is red, which is it?"},
        {"role": "assistant", "content": "red"},
    ]
    assert asked.shot_ids == (shot.example_id,)


def test_a_baseline_without_instruction_has_no_system_turn():
    assert question(lamp(1, "red")).solved.system is None
    assert question(lamp(1, "red"), instruct="Answer briefly.").solved.system == "Answer briefly."


def test_what_follows_the_asked_turn_is_not_seen():
    talk = replace(
        lamp(1, "red"), turns=(*lamp(1, "red").turns, said("user", "why?"), said("model", "!"))
    )
    first, _ = asked_turns(talk, "every")
    assert Question(first).solved.turns == lamp(1, "red").turns
