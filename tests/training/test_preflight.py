"""The proof before the first step fails where the loss, or what it falls on, is wrong."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from tests.lamps import lamp, lamps, run_config, write_split
from tests.tiny_models import CHATML, make_tokenizer
from tuneline.data.schema import Part, Turn
from tuneline.errors import ConfigurationError, MachineError
from tuneline.models.chat import MarkedText, encode
from tuneline.models.loading import load_model, load_tokenizer
from tuneline.training import packed_attention, preflight, setup
from tuneline.training.distributed.ranks import Ranks
from tuneline.training.marked_answers import pieces, require_marked_answers, telling_rows
from tuneline.training.sequences import batch
from tuneline.training.sequences.encoding import encode_split
from tuneline.training.sequences.store import SplitFacts, StoredSplit, StoreWriter
from tuneline.training.sequences.text_rows import TextRows
from tuneline.training.settings import TrainingSettings
from tuneline.training.train import train


@pytest.fixture
def config(lamp_splits, qwen3, tmp_path):
    return run_config(lamp_splits, tmp_path / "run", qwen3, overrides={"epochs": 1})


def test_attention_that_lets_rows_see_each_other_is_found(config, monkeypatch, caplog):
    caplog.set_level("INFO", logger="tuneline")
    plain = packed_attention._one_by_one

    def leaking(query, key, value, bounds, *rest):
        return plain(query, key, value, bounds[[0, -1]], *rest)

    monkeypatch.setattr(packed_attention, "_one_by_one", leaking)
    result = train(config)
    assert not result.work.packed
    assert "its loss on them differs by" in result.work.not_packed_because
    assert "rows are padded, not packed" in caplog.text


def test_a_leak_that_the_loss_does_not_show_is_found(config, monkeypatch):
    plain = packed_attention._one_by_one

    def leaking(query, key, value, bounds, *rest):
        # The mean of all rows before is added, small enough for the tolerance of the loss.
        out = plain(query, key, value, bounds, *rest)
        return out + 0.05 * value.mean() * torch.ones_like(out)

    monkeypatch.setattr(packed_attention, "_one_by_one", leaking)
    monkeypatch.setattr("tuneline.training.preflight._TOLERANCE", {"float32": 5e-3})
    monkeypatch.setattr("tuneline.training.preflight._SEEN", 1e-5)
    result = train(config)
    assert not result.work.packed
    assert "a row changes what the model makes of the next one" in result.work.not_packed_because


def test_a_loss_on_other_tokens_stops_the_run(config, monkeypatch):
    plain = batch.Padded.__call__

    def shifted(self, split, chosen):
        made = plain(self, split, chosen)
        return batch.Batch(made.inputs, made.places - 1, made.targets, made.order)

    monkeypatch.setattr(batch.Padded, "__call__", shifted)
    overrides = config.overrides.model_copy(update={"packing": False})
    with pytest.raises(ConfigurationError, match="loss of this model on rows with padding differs"):
        train(config.model_copy(update={"overrides": overrides}))


def test_a_loss_on_more_tokens_stops_the_run(config, monkeypatch):
    plain = batch.padded_batch

    def more(inputs, labels):
        labels = labels.clone()
        labels[:, 3] = inputs["input_ids"][:, 3]  # of the prompt
        return plain(inputs, labels)

    monkeypatch.setattr(batch, "padded_batch", more)
    overrides = config.overrides.model_copy(update={"packing": False})
    with pytest.raises(ConfigurationError, match="differs by inf"):
        train(config.model_copy(update={"overrides": overrides}))


def test_the_preflight_looks_at_the_model_that_is_trained(config, monkeypatch):
    seen = []
    real = preflight.Preflight

    def watched(module, inner, *rest):
        seen.append((module, inner))
        return real(module, inner, *rest)

    monkeypatch.setattr(setup, "Preflight", watched)
    train(config)
    ((module, inner),) = seen
    assert module.get_base_model() is inner


def encoded(rows, tokenizer, folder: Path) -> tuple[StoredSplit, Path]:
    path = write_split(folder / "train.parquet", rows)
    encoder = TextRows(tokenizer)
    return encode_split(path, encoder, TrainingSettings(), 256, folder / "tokens", Ranks()), path


def test_the_answers_of_real_rows_are_found_among_the_trained_tokens(qwen3, tmp_path):
    tokenizer = load_tokenizer(qwen3)
    split, path = encoded(lamps(1, 9), tokenizer, tmp_path)
    require_marked_answers(split, tokenizer, path, range(9))
    said = pieces(split, tokenizer, 4)
    assert [trained for _, trained in said] == [False, True, False]
    assert said[1][0] == lamps(5, 1)[0].answer + "<|im_end|>"
    whole = "".join(text for text, _ in said)
    assert whole == tokenizer.decode(split[4].ids.tolist())


def test_every_answer_of_a_chat_is_looked_for(qwen3, tmp_path):
    tokenizer = load_tokenizer(qwen3)
    more = (Turn("user", (Part("again?"),)), Turn("model", (Part("no"),), trained=False))
    last = (Turn("user", (Part("and now?"),)), Turn("model", (Part("yes"),)))
    row = replace(lamp(1, "red"), turns=lamp(1, "red").turns + more + last)
    split, path = encoded([row], tokenizer, tmp_path)
    require_marked_answers(split, tokenizer, path, [0])
    trained = [text for text, is_trained in pieces(split, tokenizer, 0) if is_trained]
    assert trained == ["red<|im_end|>", "yes<|im_end|>"]


def marked(
    tokenizer: Any, texts: list[tuple[str, list[tuple[int, int]]]], folder: Path
) -> StoredSplit:
    """A split with a row for each text, in which the loss falls on the given places."""
    found = encode(tokenizer, [MarkedText(text, tuple(answers)) for text, answers in texts])
    folder.mkdir()
    with StoreWriter(folder) as store:
        store.add((row, sequence, None) for row, sequence in enumerate(found))
        store.finish(SplitFacts(len(texts)))
    return StoredSplit.open([folder])


ASKED = "<|im_start|>user\nthe lamp 1 is red, which is it?<|im_end|>\n"
WHOLE = f"{ASKED}<|im_start|>assistant\nred<|im_end|>"


@pytest.mark.parametrize(
    ("text", "answer", "words"),
    [
        (WHOLE, WHOLE, "would not read 'the lamp 1 is red, which is it?'"),
        (WHOLE, "red", "an answer without the end of its turn"),
        (WHOLE, "<|im_end|>", "none of its answers"),
        (WHOLE.replace("lamp", "lump"), "red<|im_end|>", "would not read 'the lamp 1"),
        (WHOLE.replace("\nred", "\nblue"), "blue<|im_end|>", "none of its answers"),
    ],
)
def test_marks_on_something_else_are_refused_with_the_row(text, answer, words, tmp_path):
    tokenizer = make_tokenizer("<|im_end|>", CHATML)
    path = write_split(tmp_path / "train.parquet", [lamp(1, "red")])
    start = text.rindex(answer)
    split = marked(tokenizer, [(text, [(start, start + len(answer))])], tmp_path / "s")
    with pytest.raises(ConfigurationError, match=f"lamps.jsonl:1: .*{re.escape(words)}"):
        require_marked_answers(split, tokenizer, path, [0])


def test_an_answer_that_is_not_learned_is_missed(tmp_path):
    tokenizer = make_tokenizer("<|im_end|>", CHATML)
    turns = lamp(1, "red").turns + lamp(2, "blue").turns
    path = write_split(tmp_path / "train.parquet", [replace(lamp(1, "red"), turns=turns)])
    text = "".join(turn.text + "<|im_end|>" for turn in turns)
    split = marked(
        tokenizer, [(text, [(len(text) - len("blue<|im_end|>"), len(text))])], tmp_path / "s"
    )
    with pytest.raises(ConfigurationError, match=r"lamps.jsonl:1: .*which is 1 of 2 answers"):
        require_marked_answers(split, tokenizer, path, [0])


def test_what_follows_the_last_learned_answer_is_not_asked_for(qwen3, tmp_path):
    tokenizer = load_tokenizer(qwen3)
    more = (Turn("user", (Part("again?"),)), Turn("model", (Part("no"),), trained=False))
    row = replace(lamp(1, "red"), turns=lamp(1, "red").turns + more)
    split, path = encoded([row], tokenizer, tmp_path)
    require_marked_answers(split, tokenizer, path, [0])


def test_words_before_the_answers_are_the_same_everywhere_or_refused(tmp_path):
    tokenizer = make_tokenizer("<|im_end|>", CHATML)
    path = write_split(tmp_path / "train.parquet", [lamp(1, "red"), lamp(2, "red")])
    asked = [turn.text for row in (1, 2) for turn in lamp(row, "red").turns[:1]]
    for stubs, refused in ((("so: ", "so: "), False), (("one ", "two "), True)):
        texts = [
            f"{text}<|im_end|>{stub}red<|im_end|>" for text, stub in zip(asked, stubs, strict=True)
        ]
        marks = [
            (text, [(len(question) + 10, len(text))])
            for text, question in zip(texts, asked, strict=True)
        ]
        split = marked(tokenizer, marks, tmp_path / f"s{refused}")
        if refused:
            with pytest.raises(ConfigurationError, match=r"lamps.jsonl:2: .*more than answers"):
                require_marked_answers(split, tokenizer, path, [0, 1])
        else:
            require_marked_answers(split, tokenizer, path, [0, 1])


def test_the_longest_row_and_the_one_with_most_answers_are_looked_at(qwen3, tmp_path):
    tokenizer = load_tokenizer(qwen3)
    several = replace(lamp(5, "red"), turns=lamp(5, "red").turns + lamp(6, "blue").turns)
    rows = [*lamps(1, 4), several, *lamps(7, 4), lamp(20, "red", " behind the door" * 5)]
    split, _ = encoded(rows, tokenizer, tmp_path)
    assert telling_rows(split, [0, 2]) == [0, 2, 4, 9]


def test_a_refusal_of_memory_is_no_refusal_to_pack(config, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(packed_attention, "_one_by_one", full)
    with pytest.raises(MachineError, match="do not fit into the device's memory"):
        train(config)


def test_the_reference_is_the_models_own_loss(qwen3, lamp_splits, tmp_path):
    # By hand, for one row: what a training of that row alone would see.
    tokenizer = load_tokenizer(qwen3)
    split, _ = encoded(lamps(1, 4), tokenizer, tmp_path)
    model = load_model(qwen3, dtype="float32").eval()
    tokens = split[2]
    ids = torch.tensor([tokens.ids.tolist()])
    labels = torch.where(torch.tensor([tokens.trained.tolist()]), ids, -100)
    with torch.no_grad():
        own = model(input_ids=ids, labels=labels).loss
    from tuneline.training.loss import TokenLoss

    with torch.no_grad():
        losses = TokenLoss(model, model)(batch.Padded(tokenizer.pad_token_id)(split, [2]))
    assert losses.mean().item() == pytest.approx(own.item(), rel=1e-5)
    assert len(losses) == int(np.sum(tokens.trained))
