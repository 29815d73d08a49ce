import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tuneline.errors import ConfigurationError
from tuneline.models.chat import DEFAULT_CHAT_TEMPLATE
from tuneline.models.loading import context_length, load_model, load_tokenizer


@pytest.fixture
def model(qwen3: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(qwen3, tmp_path / "model"))


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def load_all(folder: Path) -> None:
    context_length(folder)
    load_tokenizer(folder)
    load_model(folder, dtype="float32")


def test_a_model_loads_in_the_type_that_is_asked_for(qwen3):
    assert load_model(qwen3, dtype="float32").dtype == torch.float32
    assert load_model(qwen3, dtype="bfloat16").dtype == torch.bfloat16
    assert context_length(qwen3) == 256


def test_a_models_own_template_and_padding_are_kept(qwen3):
    tokenizer = load_tokenizer(qwen3)
    assert "<|im_start|>" in tokenizer.chat_template
    assert tokenizer.pad_token == "<|pad|>"


def test_a_model_without_template_and_padding_gets_them(gpt2):
    tokenizer = load_tokenizer(gpt2)
    assert tokenizer.chat_template == DEFAULT_CHAT_TEMPLATE
    assert tokenizer.pad_token == tokenizer.eos_token == "<|endoftext|>"
    assert context_length(gpt2) == 256


def test_a_models_own_code_never_runs(model, tmp_path):
    canary = tmp_path / "ran"
    (model / "own.py").write_text(f"open({str(canary)!r}, 'w').close()\n")
    change_config(
        model,
        model_type="own",
        auto_map={"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"},
    )
    for load in (context_length, lambda folder: load_model(folder, dtype="float32")):
        with pytest.raises(ConfigurationError, match="custom code"):
            load(model)
    assert not canary.exists()


def test_weights_that_are_missing_are_not_made_up(model):
    change_config(model, num_hidden_layers=2, layer_types=["full_attention"] * 2)
    with pytest.raises(ConfigurationError, match=r"lack 11 weights.*model\.layers\.1\."):
        load_model(model, dtype="float32")


def test_weights_of_another_shape_are_refused(model):
    change_config(model, hidden_size=64)
    with pytest.raises(ConfigurationError, match="cannot be loaded as a model"):
        load_model(model, dtype="float32")


@pytest.mark.parametrize("kept_bytes", [0, 5000])
def test_weights_that_were_cut_off_are_refused(model, kept_bytes):
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept_bytes])
    with pytest.raises(ConfigurationError, match="cannot be loaded as a model"):
        load_model(model, dtype="float32")


def test_weights_in_pickle_are_never_loaded(model):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(ConfigurationError, match="cannot be loaded as a model"):
        load_model(model, dtype="float32")


@pytest.mark.parametrize("text", ["{", "[]", '{"model_type": "unknown"}'])
def test_a_configuration_that_cannot_be_used_is_refused(model, text):
    (model / "config.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"config\.json cannot be used"):
        load_all(model)


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        ({"model_type": "gpt2", "n_positions": 77}, 77),
        ({"model_type": "mpt", "max_seq_len": 99}, 99),
        ({"model_type": "bloom", "seq_length": 55}, 55),
        ({"model_type": "mamba"}, 2**20),
    ],
)
def test_the_longest_sequence_is_found_under_its_other_names(model, config, longest):
    (model / "config.json").write_text(json.dumps(config))
    assert context_length(model) == longest


@pytest.mark.parametrize("text", ["", "{", '{"version": "1.0"}'])
def test_a_damaged_tokenizer_is_refused(model, text):
    (model / "tokenizer.json").write_text(text)
    with pytest.raises(ConfigurationError, match="its tokenizer cannot be loaded"):
        load_tokenizer(model)


def test_a_missing_tokenizer_is_refused(model):
    (model / "tokenizer.json").unlink()
    with pytest.raises(ConfigurationError, match="tokenizer"):
        load_tokenizer(model)
