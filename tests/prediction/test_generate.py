from random import Random

import pytest
import torch

from tests.lamps import lamps
from tests.tiny_models import CONTEXT_TOKENS
from tuneline.models.chat import render
from tuneline.models.loading import load_model, load_tokenizer
from tuneline.prediction.generate import Answer, Generator
from tuneline.prediction.prompts import prompt_messages

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
        render(tokenizer, prompt_messages(row), generation_prompt=True) + "r" * (i % 4)
        for i, row in enumerate(rows)
    ]
    return [*texts, texts[0]]


def generator(folder, *, batch_size: int = 8, longest: int = LONGEST) -> Generator:
    model = load_model(folder, dtype="float32").eval()
    return Generator(model, load_tokenizer(folder), max_new_tokens=longest, batch_size=batch_size)


@pytest.fixture(scope="module")
def answers(folder, prompts) -> list[Answer]:
    return generator(folder).answer(prompts, "test")


def test_a_batch_changes_no_answer(folder, prompts, answers):
    assert generator(folder, batch_size=1).answer(prompts, "test") == answers
    assert len({answer.text for answer in answers}) > 1


def test_the_order_changes_no_answer(folder, prompts, answers):
    order = Random(1).sample(range(len(prompts)), len(prompts))
    shuffled = generator(folder).answer([prompts[i] for i in order], "test")
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
    (cut,) = generator(folder, longest=1).answer([prompts[answers.index(stopped[0])]], "test")
    assert (cut.finish_reason, cut.output_tokens) == ("length", 1)


def test_a_prompt_that_leaves_no_room_is_not_asked(folder, tokenizer, prompts, answers, caplog):
    room = CONTEXT_TOKENS - LONGEST
    fits = tokenizer.decode([80] * room)
    assert len(tokenizer(fits, add_special_tokens=False)["input_ids"]) == room
    too_long = fits + tokenizer.decode([80])
    found = generator(folder).answer([prompts[0], too_long, fits], "zero-shot")
    assert found[0] == answers[0]
    assert found[1] == Answer("", room + 1, 0, "prompt_too_long")
    assert found[2].finish_reason in {"stop", "length"}
    assert "zero-shot: 1 prompts do not fit" in caplog.text


def test_a_models_own_sampling_settings_are_not_used(folder, prompts, answers):
    model = load_model(folder, dtype="float32").eval()
    model.generation_config.do_sample = True
    model.generation_config.temperature = 50.0
    model.generation_config.repetition_penalty = 9.0
    model.generation_config.min_new_tokens = LONGEST
    tokenizer = load_tokenizer(folder)
    asked = Generator(model, tokenizer, max_new_tokens=LONGEST, batch_size=8)
    assert asked.answer(prompts, "test") == answers
