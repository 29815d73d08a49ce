"""The shipped base model: it loads offline, is small, and is what its program makes."""

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from embedded import training
from embedded.lexicon import read_lexicon
from embedded.make_model import make_recipe, save
from embedded.tokenizer import make_tokenizer
from tuneline.files import sha256_file

FOLDER = Path("src/tuneline/training/embedded")
THREE_MB = 3_000_000


@pytest.fixture(scope="module")
def model():
    return AutoModelForCausalLM.from_pretrained(FOLDER, local_files_only=True)


@pytest.fixture(scope="module")
def remade_tokenizer(corpus):
    return make_tokenizer(corpus, read_lexicon())


def test_weights_are_small_and_whole(model):
    assert (FOLDER / "model.safetensors").stat().st_size <= THREE_MB
    assert model.dtype == torch.float32
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


def test_model_agrees_with_its_tokenizer(model):
    tokenizer = AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)
    assert model.config.vocab_size == len(tokenizer)
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id


def test_model_copies_words_it_is_told_to_repeat(model):
    tokenizer = AutoTokenizer.from_pretrained(FOLDER, local_files_only=True)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Repeat the words: lamp river candle horse"}],
        tokenize=False,
        add_generation_prompt=True,
    )
    encoded = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
    answer = model.generate(**encoded, max_new_tokens=30, do_sample=False)
    told = tokenizer.decode(answer[0, encoded["input_ids"].shape[1] :], skip_special_tokens=True)
    assert told == "lamp river candle horse"


def test_recipe_is_the_programs(corpus):
    recipe = json.loads((FOLDER / "recipe.json").read_text())
    made = make_recipe(corpus)
    for name in ("corpus_sha256", "corpus", "training"):
        assert recipe[name] == made[name], name
    assert recipe["weights_sha256"] == sha256_file(FOLDER / "model.safetensors")


def test_tokenizer_files_are_the_programs(remade_tokenizer, tmp_path):
    remade_tokenizer.save_pretrained(tmp_path)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert "tokenizer.json" in names
    for name in names:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_architecture_is_the_programs(model, remade_tokenizer):
    made = training.make_configuration(remade_tokenizer).to_dict()
    shipped = model.config.to_dict()
    varying = {"architectures", "dtype", "transformers_version", "_name_or_path"}
    assert {k: v for k, v in shipped.items() if k not in varying} == {
        k: v for k, v in made.items() if k not in varying
    }


def test_two_short_trainings_save_the_same_weights(corpus, remade_tokenizer, tmp_path):
    some = corpus[: 4 * training.BATCH_SIZE]
    threads = torch.get_num_threads()
    digests = []
    try:
        for name in ("one", "two"):
            configuration = training.make_configuration(remade_tokenizer)
            model = training.train(some, remade_tokenizer, configuration)
            save(tmp_path / name, model, remade_tokenizer, some)
            digests.append(sha256_file(tmp_path / name / "model.safetensors"))
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(mode=False)
    assert digests[0] == digests[1]
