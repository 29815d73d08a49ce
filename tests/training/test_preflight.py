"""The proof before the first step fails where the loss, or what it falls on, is wrong."""

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from tests.lamps import lamp, lamps, run_config, write_split
from tests.tiny_models import CHATML, make_tokenizer
from tuneline.data.schema import Part, Turn
from tuneline.errors import ConfigurationError
from tuneline.models.loading import load_model, load_tokenizer
from tuneline.training import packed_attention, preflight, setup
from tuneline.training.distributed.ranks import Ranks
from tuneline.training.preflight import pieces, require_marked_answers
from tuneline.training.sequences import batch
from tuneline.training.sequences.encoding import encode_split
from tuneline.training.sequences.store import StoredSplit, StoreWriter
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


def marked(tokenizer, text: str, answer: str, folder: Path) -> StoredSplit:
    """A split of one row in which the loss falls on ``answer``."""
    from tuneline.models.chat import MarkedText, encode

    start = text.index(answer)
    (sequence,) = encode(tokenizer, [MarkedText(text, ((start, start + len(answer)),))])
    folder.mkdir()
    with StoreWriter(folder) as store:
        store.add([(0, sequence, None)])
        from tuneline.training.sequences.store import SplitFacts

        store.finish(SplitFacts(1))
    return StoredSplit.open([folder])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("the lamp 1 is red, which is it?<|im_end|>", "none of its answers"),
        ("red", "an answer without the end of its turn"),
    ],
)
def test_marks_on_something_else_are_refused_with_the_row(answer, words, tmp_path):
    tokenizer = make_tokenizer("<|im_end|>", CHATML)
    path = write_split(tmp_path / "train.parquet", [lamp(1, "blue" if "lamp" in answer else "red")])
    text = "the lamp 1 is red, which is it?<|im_end|>red<|im_end|>"
    start = answer if "lamp" in answer else "red<"
    split = marked(tokenizer, text, start.rstrip("<") if start == "red<" else start, tmp_path / "s")
    with pytest.raises(ConfigurationError, match=f"lamps.jsonl:1: .*{words}"):
        require_marked_answers(split, tokenizer, path, [0])


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
