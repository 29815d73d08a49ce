import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.lamps import lamp, run_config, write_split
from tuneline.errors import ConfigurationError
from tuneline.files import sha256_file, sha256_folder
from tuneline.models.loading import load_model
from tuneline.models.source import resolve_base_model
from tuneline.training.result import RESULT_FILE, read_result
from tuneline.training.train import train

TOKENIZER_FILES = {"chat_template.jinja", "tokenizer.json", "tokenizer_config.json"}
MODEL_FILES = TOKENIZER_FILES | {"config.json", "generation_config.json", "model.safetensors"}
ADAPTER_FILES = TOKENIZER_FILES | {"adapter_config.json", "adapter_model.safetensors"}
PAGES = {"README.md", "curves.html", "result.json"}


def files_of(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith(("checkpoints/", "tensorboard/"))}


def below(folder: str, names: set[str]) -> set[str]:
    return {f"{folder}/{name}" for name in names}


def test_a_pet_run_leaves_what_is_documented(pet_run):
    assert files_of(pet_run) == (
        PAGES | below("adapter", ADAPTER_FILES) | below("merged", MODEL_FILES)
    )


def test_a_full_run_leaves_what_is_documented(full_run):
    assert files_of(full_run) == PAGES | below("model", MODEL_FILES)


def test_the_merged_model_says_what_base_and_adapter_say(pet_run, qwen3):
    ids = torch.arange(3, 60).view(1, -1)
    with torch.inference_mode():
        base = load_model(qwen3, dtype="float32")
        before = base(ids).logits
        combined = PeftModel.from_pretrained(base, pet_run / "adapter").eval()(ids).logits
        merged = load_model(pet_run / "merged", dtype="float32").eval()(ids).logits
    assert torch.allclose(merged, combined, atol=1e-4)
    assert not torch.allclose(merged, before, atol=1e-2)


def test_pet_changes_nothing_but_the_adapter(pet_run, qwen3):
    adapter = load_file(pet_run / "adapter" / "adapter_model.safetensors")
    assert all(".lora_A." in name or ".lora_B." in name for name in adapter)
    settings = read_result(pet_run).settings
    assert settings.lora_alpha is not None
    assert settings.lora_rank is not None
    scale = settings.lora_alpha / settings.lora_rank
    base = load_file(qwen3 / "model.safetensors")
    merged = load_file(pet_run / "merged" / "model.safetensors")
    assert merged.keys() == base.keys()
    adapted = 0
    for name, weights in base.items():
        stem = f"base_model.model.{name.removesuffix('.weight')}"
        if f"{stem}.lora_A.weight" in adapter:
            a, b = adapter[f"{stem}.lora_A.weight"], adapter[f"{stem}.lora_B.weight"]
            assert torch.allclose(merged[name], weights + scale * (b @ a), atol=1e-6), name
            adapted += a.numel() + b.numel()
        else:
            assert torch.equal(merged[name], weights), name
    assert adapted == read_result(pet_run).trainable_parameters


def test_full_tuning_changes_every_weight(full_run, qwen3):
    base = load_file(qwen3 / "model.safetensors")
    tuned = load_file(full_run / "model" / "model.safetensors")
    assert not [name for name, weights in base.items() if torch.equal(tuned[name], weights)]
    assert read_result(full_run).trainable_parameters == sum(w.numel() for w in base.values())


@pytest.mark.parametrize(("run", "folder"), [("pet_run", "merged"), ("full_run", "model")])
def test_a_tuned_model_loads_by_itself_and_stops(run, folder, request):
    path = request.getfixturevalue(run) / folder
    model = AutoModelForCausalLM.from_pretrained(path, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert model.generation_config.eos_token_id == [end]
    assert model.generation_config.pad_token_id == tokenizer.pad_token_id
    assert model.dtype == torch.float32
    assert "<|im_start|>" in tokenizer.chat_template


@pytest.mark.parametrize("run", ["pet_run", "full_run"])
def test_tuning_learns_and_keeps_the_best_checkpoint(run, request):
    result = read_result(request.getfixturevalue(run))
    assert [point.step for point in result.validation_loss] == [3, 6, 9, 12]
    assert [point.step for point in result.train_loss] == [1, 5, 10, 12]
    assert result.train_loss[-1].loss < result.train_loss[0].loss
    best = min(result.validation_loss, key=lambda point: point.loss)
    assert (result.best_step, result.best_validation_loss) == (best.step, best.loss)
    assert (result.steps, result.stopped_early) == (12, False)


def test_the_result_says_what_went_in(pet_run, lamp_splits, qwen3):
    result = read_result(pet_run)
    assert result.base_model.digest == resolve_base_model(str(qwen3)).digest
    assert result.model_digest == sha256_folder(pet_run / "merged")
    train_split, validation = result.data["train"], result.data["validation"]
    assert train_split.digest == sha256_file(lamp_splits / "train.parquet")
    assert (train_split.rows, train_split.too_long, validation.rows) == (25, 1, 9)
    assert 0 < train_split.trained_tokens < train_split.tokens
    assert result.total_parameters == load_model(qwen3, dtype="float32").num_parameters()
    assert result.versions.keys() >= {"python", "torch", "transformers", "peft"}
    assert result.summary()["method"] == "pet"
    assert result.numbers()["best_step"] == result.best_step


def test_a_result_is_read_as_it_was_written(full_run, tmp_path):
    result = read_result(full_run)
    result.write(tmp_path)
    assert read_result(tmp_path) == result
    assert (tmp_path / RESULT_FILE).read_bytes() == (full_run / RESULT_FILE).read_bytes()


@pytest.mark.parametrize("run", ["pet_run", "full_run"])
def test_the_model_card_says_what_the_result_says(run, request):
    folder = request.getfixturevalue(run)
    result = read_result(folder)
    _, head, body = (folder / "README.md").read_text().split("---\n", 2)
    described = yaml.safe_load(head)
    assert described["base_model"] == result.base_model.reference
    assert ("lora" in described["tags"]) == (result.method == "pet")
    facts = dict(re.findall(r"^\| ([a-z ]+) \| (.+) \|$", body, re.MULTILINE))
    assert facts["trained parameters"] == (
        f"{result.trainable_parameters} of {result.total_parameters}"
    )
    assert facts["best validation loss"] == (
        f"{result.best_validation_loss:.4f} at step {result.best_step} of {result.steps}"
    )
    assert float(facts["learning rate"]) == result.settings.learning_rate
    assert facts["seed"] == str(result.settings.seed)
    assert facts["training data"].startswith("25 examples, ")
    for digest in (result.base_model.digest, result.data["train"].digest):
        assert digest in body
    assert ("adapter" in facts) == (result.method == "pet")


def test_the_curves_need_no_network_and_run_nothing(pet_run):
    page = (pet_run / "curves.html").read_text()
    assert "<svg" in page
    assert f"{read_result(pet_run).best_validation_loss:.4f}" in page
    assert "<script" not in page
    addresses = set(
        re.findall(r"(?:https?:)?//[\w.-]+", re.sub(r"xmlns(:\w+)?=\"[^\"]*\"", "", page))
    )
    assert addresses == set()
    assert not re.search(r"@import|url\((?!#)|<link|<img", page)


def test_the_adapter_names_its_base_as_the_user_did(pet_run, qwen3):
    config = json.loads((pet_run / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(qwen3)
    assert config["target_modules"] == sorted(config["target_modules"])


def test_a_finished_run_is_left_as_it_is(full_run, lamp_splits, qwen3, caplog):
    caplog.set_level("INFO", logger="tuneline")
    written = {path: path.stat().st_mtime_ns for path in full_run.rglob("*")}
    again = train(run_config(lamp_splits, full_run, qwen3, method="full"))
    assert again == read_result(full_run)
    assert {path: path.stat().st_mtime_ns for path in full_run.rglob("*")} == written
    assert "is already done" in caplog.text


def test_another_run_in_the_same_folder_is_refused(full_run, lamp_splits, qwen3):
    for changed in (
        run_config(lamp_splits, full_run, qwen3, method="full", overrides={"seed": 1}),
        run_config(lamp_splits, full_run, qwen3, method="pet"),
    ):
        with pytest.raises(ConfigurationError, match="holds the result of a run with other"):
            train(changed)


@pytest.mark.parametrize("method", ["pet", "full"])
def test_the_seed_alone_decides_the_weights(method, lamp_splits, qwen3, tmp_path, request):
    first = read_result(request.getfixturevalue(f"{method}_run"))
    same = train(run_config(lamp_splits, tmp_path / "same", qwen3, method=method))
    other = train(
        run_config(lamp_splits, tmp_path / "other", qwen3, method=method, overrides={"seed": 1})
    )
    assert same.model_digest == first.model_digest
    assert same.validation_loss == first.validation_loss
    assert other.model_digest != first.model_digest


def test_another_family_without_template_is_tuned(gpt2, lamp_splits, tmp_path):
    result = train(run_config(lamp_splits, tmp_path, gpt2))
    assert result.validation_loss[-1].loss < result.validation_loss[0].loss
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "merged", local_files_only=True)
    assert "### Assistant" in tokenizer.chat_template
    assert tokenizer.pad_token == "<|endoftext|>"


def test_early_stopping_stops_and_keeps_the_best(lamp_splits, qwen3, tmp_path):
    # What is learned is wrong for the validation split, so its loss soon rises.
    splits = tmp_path / "splits"
    write_split(splits / "train.parquet", [lamp(i, "red") for i in range(24)])
    write_split(splits / "validation.parquet", [lamp(i, "blue") for i in range(9)])
    overrides = {"epochs": 30, "early_stopping_patience": 2, "learning_rate": 0.02}
    config = run_config(splits, tmp_path / "run", qwen3, method="full", overrides=overrides)
    result = train(config)
    assert result.stopped_early
    assert result.steps < 90
    values = [point.loss for point in result.validation_loss]
    assert values.index(min(values)) == len(values) - 3
    assert result.best_step == result.steps - 6
    best = load_file(
        tmp_path / "run" / "checkpoints" / f"checkpoint-{result.best_step}" / "weights.safetensors"
    )
    kept = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert all(torch.equal(kept[name], weights) for name, weights in best.items())


def test_a_run_shorter_than_its_checkpoint_interval_is_validated_at_its_end(
    lamp_splits, qwen3, tmp_path
):
    result = train(
        run_config(lamp_splits, tmp_path, qwen3, overrides={"save_steps": 500, "epochs": 0.5})
    )
    assert result.steps == result.best_step == 2
    assert [point.step for point in result.validation_loss] == [2]
    assert (tmp_path / "curves.html").is_file()
