"""Prompts with one long beginning get the answers that they would get alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.prediction.questions import in_order
from tuneline.models.loading import load_model, load_tokenizer
from tuneline.models.source import resolve_base_model
from tuneline.prediction.decoding import AnswerPlan
from tuneline.prediction.generate import Generator
from tuneline.prediction.shared_prefix import SharedPrefix, _shared_length

BEGINNING = "<|im_start|>system\n" + "Answer with exactly one of: red, green, blue. " * 12
ENDS = ["a", "the sky at noon", "grass" * 5, "a ripe tomato, which is no fruit to a cook", "b", "b"]
PROMPTS = [
    f"{BEGINNING}<|im_end|>\n<|im_start|>user\n{end}<|im_end|>\n<|im_start|>assistant\n"
    for end in ENDS
]


@pytest.fixture(scope="module")
def embedded():
    folder = resolve_base_model("embedded").path
    return load_model(folder, dtype="float32").eval(), load_tokenizer(folder)


def generator(embedded, batch_size: int) -> Generator:
    model, tokenizer = embedded
    return Generator(model, tokenizer, AnswerPlan(max_new_tokens=8, batch_size=batch_size))


def test_sharing_changes_no_answer(embedded):
    shared = in_order(generator(embedded, batch_size=4).answer(PROMPTS))
    alone = [next(generator(embedded, batch_size=1).answer([prompt]))[1] for prompt in PROMPTS]
    assert shared == alone
    assert len({answer.text for answer in alone}) > 1


def test_long_beginning_is_read_and_a_batch_gets_a_copy(embedded):
    model, tokenizer = embedded
    ids = tokenizer(PROMPTS, add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        prefix = SharedPrefix.read(model, ids)
    assert 100 < prefix.length < min(len(prompt) for prompt in ids)
    assert {tuple(prompt[: prefix.length]) for prompt in ids} == {tuple(ids[0][: prefix.length])}
    first, second = prefix.cache_for(3), prefix.cache_for(2)
    assert first is not None
    assert second is not None
    assert first.layers[0].keys.shape[0] == 3
    assert second.layers[0].keys.shape[0] == 2


def test_short_beginning_and_single_prompts_are_not_shared(embedded):
    model, _ = embedded
    assert SharedPrefix.read(model, [[5, 6, 7], [5, 6, 8]]).cache_for(2) is None
    assert SharedPrefix.read(model, [list(range(40, 140))]).length == 0
    assert SharedPrefix.read(model, []).length == 0


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=6))
def test_shared_length_is_the_longest_that_leaves_every_prompt_a_token(prompts):
    length = _shared_length(prompts)
    assert len({tuple(prompt[:length]) for prompt in prompts}) == 1
    assert all(len(prompt) > length for prompt in prompts)
    longer = {tuple(prompt[: length + 1]) for prompt in prompts}
    assert len(longer) > 1 or min(len(prompt) for prompt in prompts) == length + 1
