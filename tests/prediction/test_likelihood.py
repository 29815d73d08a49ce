import math

import pytest
import torch

from tests.lamps import lamp, lamps, run_config
from tests.prediction.questions import chat, in_order
from tests.tiny_models import CONTEXT_TOKENS
from tuneline.data.schema import read_examples
from tuneline.errors import MachineError
from tuneline.models.chat import IGNORED, render, to_messages, training_sequences
from tuneline.models.loading import load_model, load_tokenizer
from tuneline.models.source import resolve_base_model
from tuneline.prediction import likelihood as likelihood_module
from tuneline.prediction.asked import asked_turns
from tuneline.prediction.likelihood import Likelihood, Scorer
from tuneline.prediction.prompts import Question
from tuneline.training.train import train


def scored(folder, chats, batch_size=8, model=None) -> list[Likelihood | None]:
    model = model or load_model(folder, dtype="float32").eval()
    return in_order(Scorer(model, load_tokenizer(folder), batch_size).score(chats))


def by_hand(folder, messages) -> Likelihood:
    """One token after the other, through the model's logits."""
    tokenizer = load_tokenizer(folder)
    model = load_model(folder, dtype="float32").eval()
    prompt = render(tokenizer, messages[:-1], generation_prompt=True)
    answer = messages[-1]["content"] + tokenizer.eos_token
    ids = tokenizer(prompt + answer, add_special_tokens=False)["input_ids"]
    start = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    with torch.inference_mode():
        chances = torch.log_softmax(model(torch.tensor([ids])).logits[0].double(), dim=-1)
    nll = -sum(float(chances[i - 1, ids[i]]) for i in range(start, len(ids)))
    return Likelihood(nll, len(ids) - start)


@pytest.fixture(scope="module")
def chats():
    """Of different lengths and answers, one of them twice."""
    rows = [to_messages(lamp(i, "red" * (1 + i % 3), " there" * (i % 4))) for i in range(11)]
    return [*rows, rows[3]]


@pytest.mark.parametrize("base", ["qwen3", "gpt2"])
def test_it_is_the_chance_of_the_answers_tokens_and_the_end_of_the_turn(base, request, chats):
    folder = request.getfixturevalue(base)
    for found, messages in zip(scored(folder, chats), chats, strict=True):
        expected = by_hand(folder, messages)
        assert found is not None
        assert found.tokens == expected.tokens
        assert found.nll == pytest.approx(expected.nll, abs=1e-4)


@pytest.mark.parametrize("method", ["pet", "full"])
def test_it_is_the_trainers_validation_loss(method, lamp_splits, qwen3, tmp_path):
    """In one batch, since the trainer averages over its batches."""
    config = run_config(lamp_splits, tmp_path / "run", qwen3, method=method)
    one_batch = config.overrides.model_copy(update={"batch_size": 32, "epochs": 3.0})
    result = train(config.model_copy(update={"overrides": one_batch}))
    rows = [to_messages(row) for row in read_examples(config.validation)]
    found = scored(tmp_path / "run" / result.model_folder, rows)
    total = sum(each.nll for each in found if each)
    tokens = sum(each.tokens for each in found if each)
    assert total / tokens == pytest.approx(result.best_validation_loss, abs=1e-5)
    assert result.best_validation_loss < math.log(100)


def test_every_turn_together_is_the_loss_of_the_whole_conversation(qwen3):
    talk = chat("one lamp?", "yes", "which lamp is on?", "the red one", "the door?", "no")
    turns = [to_messages(asked.answered) for asked in asked_turns(talk, "every")]
    model, tokenizer = load_model(qwen3, dtype="float32").eval(), load_tokenizer(qwen3)
    (sequence,) = training_sequences(tokenizer, to_messages(talk))
    with torch.inference_mode():
        loss = model(
            input_ids=torch.tensor([sequence.input_ids]), labels=torch.tensor([sequence.labels])
        ).loss
    found = [each for each in scored(qwen3, turns) if each]
    assert sum(each.tokens for each in found) == sequence.trained_tokens
    assert sum(each.nll for each in found) == pytest.approx(
        float(loss) * sequence.trained_tokens, rel=1e-5
    )


def test_the_answers_of_shots_are_not_counted(qwen3):
    (asked,) = asked_turns(lamp(1, "red"), "last")
    messages = to_messages(Question(asked, tuple(lamps(5, 3)), "Answer.").solved)
    (found,) = scored(qwen3, [messages])
    assert found is not None
    assert found.tokens == by_hand(qwen3, to_messages(lamp(1, "red"))).tokens
    assert found.nll == pytest.approx(by_hand(qwen3, messages).nll, abs=1e-4)


@pytest.mark.parametrize("batch_size", [1, 5])
def test_batches_change_nothing(qwen3, chats, batch_size):
    for one, other in zip(scored(qwen3, chats, batch_size), scored(qwen3, chats, 64), strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_the_bound_on_logits_makes_smaller_batches_and_changes_nothing(qwen3, chats, monkeypatch):
    model = Counting(load_model(qwen3, dtype="float32").eval())
    whole = scored(qwen3, chats, model=model)
    assert max(model.rows) == 8
    monkeypatch.setattr(likelihood_module, "_LOGITS_AT_ONCE", 300 * 24)
    model = Counting(load_model(qwen3, dtype="float32").eval())
    pieces = scored(qwen3, chats, model=model)
    assert all(
        logits <= 300 * 24
        for rows, logits in zip(model.rows, model.logits, strict=True)
        if rows > 1
    )
    assert len(model.rows) > 2
    for one, other in zip(pieces, whole, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


class Counting:
    """A model that counts what it is asked, on a device with little memory where wanted."""

    def __init__(self, model, most_rows: int = 1000) -> None:
        self._model = model
        self._most_rows = most_rows
        self.rows: list[int] = []
        self.logits: list[int] = []
        self.read: list[int] = []

    def __getattr__(self, name: str):
        return getattr(self._model, name)

    def __call__(self, **inputs):
        if len(inputs["input_ids"]) > self._most_rows:
            raise torch.OutOfMemoryError("device out of memory")
        output = self._model(**inputs)
        self.read.append(inputs["input_ids"].numel())
        if "logits_to_keep" in inputs:
            self.rows.append(len(inputs["input_ids"]))
            self.logits.append(output.logits.numel())
        return output


def test_a_long_shared_beginning_is_read_once_and_only_answers_get_logits():
    folder = resolve_base_model("embedded").path
    system = {"role": "system", "content": "Answer with one of: red, green, blue. " * 20}
    chats = [[system, *to_messages(row)] for row in lamps(1, 16)]
    model = Counting(load_model(folder, dtype="float32").eval())
    shared = scored(folder, chats, batch_size=4, model=model)
    tokenizer = load_tokenizer(folder)
    prompt = len(tokenizer(render(tokenizer, chats[0]), add_special_tokens=False)["input_ids"])
    assert prompt > 200
    assert sum(model.read) < 3 * prompt  # 16 prompts, read alone, are 16
    assert sum(model.logits) < 16 * 12 * model.config.vocab_size
    for found, messages in zip(shared, chats[:3], strict=False):
        expected = by_hand(folder, messages)
        assert found is not None
        assert (found.nll, found.tokens) == pytest.approx((expected.nll, expected.tokens), abs=1e-3)


def test_what_does_not_fit_the_context_has_no_likelihood(qwen3, chats):
    tokenizer = load_tokenizer(qwen3)
    long = to_messages(lamp(1, "red", " far" * CONTEXT_TOKENS))
    assert len(tokenizer(render(tokenizer, long))["input_ids"]) > CONTEXT_TOKENS
    found = scored(qwen3, [chats[0], long, chats[1]])
    assert found[1] is None
    assert found[0] == pytest.approx(scored(qwen3, chats[:1])[0], abs=1e-4)
    assert scored(qwen3, [long]) == [None]


def test_the_longest_that_fits_has_one(qwen3):
    tokenizer = load_tokenizer(qwen3)
    messages = [{"role": "user", "content": ""}, {"role": "assistant", "content": "red"}]
    missing = CONTEXT_TOKENS - len(training_sequences(tokenizer, messages)[0].input_ids)
    messages[0]["content"] = tokenizer.decode([80] * missing)
    (sequence,) = training_sequences(tokenizer, messages)
    assert len(sequence.input_ids) == CONTEXT_TOKENS
    assert [label for label in sequence.labels if label != IGNORED][-1] == tokenizer.eos_token_id
    (found,) = scored(qwen3, [messages])
    assert found is not None


def test_rows_that_do_not_fit_together_are_read_apart(qwen3, chats):
    model = Counting(load_model(qwen3, dtype="float32").eval(), most_rows=3)
    for one, other in zip(scored(qwen3, chats, model=model), scored(qwen3, chats), strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    assert max(model.rows) == 2
    nothing = Counting(load_model(qwen3, dtype="float32").eval(), most_rows=0)
    with pytest.raises(MachineError, match="A single row does not fit"):
        scored(qwen3, chats, model=nothing)


def test_no_chats_have_no_likelihood(qwen3):
    assert scored(qwen3, []) == []
