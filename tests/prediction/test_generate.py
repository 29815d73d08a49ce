from random import Random

import pytest
import torch

from tests.lamps import lamps
from tests.prediction.questions import in_order
from tests.tiny_models import CONTEXT_TOKENS
from tuneline.errors import MachineError
from tuneline.models.chat import render, to_messages
from tuneline.models.loading import load_model, load_tokenizer
from tuneline.prediction.answer import Answer
from tuneline.prediction.decoding import AnswerPlan, Decoding
from tuneline.prediction.generate import Generator

LONGEST = 12


@pytest.fixture(scope="module")
def folder(full_run):
    return full_run / "model"


@pytest.fixture(scope="module")
def tokenizer(folder):
    return load_tokenizer(folder)


@pytest.fixture(scope="module")
def prompts(tokenizer):
    """Twelve of different lengths, one of them twice."""
    rows = lamps(95, 11)
    texts = [
        render(tokenizer, to_messages(row)[:-1], generation_prompt=True) + "r" * (i % 4)
        for i, row in enumerate(rows)
    ]
    return [*texts, texts[0]]


def generator(folder, model=None, **plan) -> Generator:
    whole_plan = AnswerPlan(**{"max_new_tokens": LONGEST, "batch_size": 8, **plan})
    model = model or load_model(folder, dtype="float32").eval()
    return Generator(model, load_tokenizer(folder), whole_plan)


def answered(folder, prompts, **plan) -> list[Answer]:
    return in_order(generator(folder, **plan).answer(prompts))


def sampled(folder, prompts, **plan) -> list[list[str]]:
    drawn: list[list[str]] = [[] for _ in prompts]
    for place, text in generator(folder, **plan).sample(prompts):
        drawn[place].append(text)
    return drawn


@pytest.fixture(scope="module")
def answers(folder, prompts) -> list[Answer]:
    return answered(folder, prompts)


def test_a_batch_changes_no_answer(folder, prompts, answers):
    assert answered(folder, prompts, batch_size=1) == answers
    assert len({answer.text for answer in answers}) > 1


def test_the_order_changes_no_answer(folder, prompts, answers):
    order = Random(1).sample(range(len(prompts)), len(prompts))
    shuffled = answered(folder, [prompts[i] for i in order])
    assert shuffled == [answers[i] for i in order]


def test_answers_are_those_of_the_most_likely_tokens(folder, tokenizer, prompts, answers):
    model = load_model(folder, dtype="float32").eval()
    ids = tokenizer(prompts[0], add_special_tokens=False)["input_ids"]
    written: list[int] = []
    with torch.inference_mode():
        while len(written) < LONGEST:
            logits = model(torch.tensor([ids + written])).logits
            token = int(logits[0, -1].argmax())
            if token == tokenizer.eos_token_id:
                break
            written.append(token)
    assert answers[0].text == tokenizer.decode(written, skip_special_tokens=True).strip()
    assert (answers[0].prompt_tokens, answers[0].output_tokens) == (len(ids), len(written))


def test_an_answer_says_why_it_ended(folder, prompts, answers):
    stopped = [answer for answer in answers if answer.finish_reason == "stop"]
    assert stopped, "a tuned model ends its turns"
    assert all(answer.output_tokens < LONGEST for answer in stopped)
    (cut,) = answered(folder, [prompts[answers.index(stopped[0])]], max_new_tokens=1)
    assert (cut.finish_reason, cut.output_tokens) == ("length", 1)


def test_a_prompt_that_leaves_no_room_is_not_asked(folder, tokenizer, prompts, answers):
    room = CONTEXT_TOKENS - LONGEST
    fits = tokenizer.decode([80] * room)
    assert len(tokenizer(fits, add_special_tokens=False)["input_ids"]) == room
    too_long = fits + tokenizer.decode([80])
    asked = [prompts[0], too_long, fits]
    found = answered(folder, asked)
    assert found[0] == answers[0]
    assert found[1] == Answer("", room + 1, 0, "prompt_too_long")
    assert found[2].finish_reason in {"stop", "length"}
    assert list(map(len, sampled(folder, asked, samples=2))) == [2, 0, 2]


def loaded(folder, **settings):
    model = load_model(folder, dtype="float32").eval()
    for name, value in settings.items():
        setattr(model.generation_config, name, value)
    return model


def test_a_models_own_sampling_settings_are_not_used(folder, prompts, answers):
    wild = {"do_sample": True, "temperature": 50.0, "repetition_penalty": 9.0, "top_k": 3}
    model = loaded(folder, **wild, min_new_tokens=LONGEST)
    assert in_order(generator(folder, model).answer(prompts)) == answers


def test_a_models_own_settings_are_used_where_wanted(folder, prompts, answers):
    model = loaded(folder, do_sample=True, temperature=50.0)
    own = Decoding.of_model(model.generation_config)
    drawn = answered(folder, prompts, decoding=own, seed=3)
    assert drawn != answers
    assert answered(folder, prompts, decoding=own, seed=3) == drawn
    assert answered(folder, prompts, decoding=own, seed=4) != drawn


def test_a_repetition_penalty_reads_no_padding(folder, prompts):
    """Where the padding token is the end of the turn, it would never be written again."""
    decoding = Decoding(repetition_penalty=3.0)
    together = answered(folder, prompts, decoding=decoding)
    assert together == answered(folder, prompts, decoding=decoding, batch_size=1)
    assert together != answered(folder, prompts)


def test_samples_differ_and_come_again(folder, prompts):
    plan = {"samples": 5, "sample_temperature": 2.0, "seed": 1}
    drawn = sampled(folder, prompts, **plan)
    assert [len(own) for own in drawn] == [5] * len(prompts)
    assert any(len(set(own)) > 1 for own in drawn)
    assert sampled(folder, prompts, **plan) == drawn
    assert sampled(folder, prompts, **{**plan, "seed": 2}) != drawn


def test_cold_samples_are_the_most_likely_answer(folder, prompts, answers):
    drawn = sampled(folder, prompts, samples=2, sample_temperature=1e-4)
    assert drawn == [[answer.text] * 2 for answer in answers]


def test_drawing_leaves_other_random_numbers_alone(folder, prompts):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    sampled(folder, prompts, samples=1)
    assert torch.equal(torch.rand(3), expected)


class SmallMemory:
    """A model on a device that holds a few rows at a time."""

    def __init__(self, model, rows: int) -> None:
        self._model = model
        self._rows = rows
        self.batches: list[int] = []

    def __getattr__(self, name: str):
        return getattr(self._model, name)

    def __call__(self, **inputs):
        return self._model(**inputs)

    def generate(self, **inputs):
        count = len(inputs["input_ids"])
        if count > self._rows:
            raise torch.OutOfMemoryError("device out of memory")
        self.batches.append(count)
        self._model.generation_config = self.generation_config
        return self._model.generate(**inputs)


def test_a_batch_that_does_not_fit_is_halved_for_good(folder, prompts, answers, caplog):
    model = SmallMemory(load_model(folder, dtype="float32").eval(), rows=3)
    assert in_order(generator(folder, model).answer(prompts)) == answers
    assert model.batches == [2] * (len(prompts) // 2)
    told = [record.getMessage() for record in caplog.records]
    assert [text.split("; ")[1] for text in told] == ["going on with 4", "going on with 2"]
    assert all(text.startswith("predict: ") for text in told)


def test_a_single_prompt_that_does_not_fit_says_so(folder, prompts):
    model = SmallMemory(load_model(folder, dtype="float32").eval(), rows=0)
    with pytest.raises(MachineError, match="A single row does not fit into the device's memory"):
        in_order(generator(folder, model).answer(prompts))
