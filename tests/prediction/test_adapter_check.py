"""An adapter that is not applied, or not the one that was, never answers as a tuned model."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.lamps import run_config
from tuneline.errors import DataError
from tuneline.files import sha256_folder
from tuneline.prediction import adapter_check
from tuneline.prediction.adapter_check import require_applied
from tuneline.prediction.predict import predict_tuned
from tuneline.prediction.settings import PredictSettings
from tuneline.training.result import read_result
from tuneline.training.train import train

ADAPTER = "adapter/adapter_model.safetensors"
MERGED = "merged/model.safetensors"
Q = "model.layers.0.self_attn.q_proj"


@pytest.fixture
def run(pet_run, tmp_path) -> Path:
    return Path(shutil.copytree(pet_run, tmp_path / "run"))


def edited(run: Path, file: str, change) -> None:
    """Change a file's tensors; the run's word for its weights is made to agree."""
    tensors = load_file(run / file)
    for name, tensor in tensors.items():
        tensors[name] = change(name, tensor).contiguous()
    save_file(tensors, run / file, metadata={"format": "pt"})
    result = read_result(run)
    result.model_copy(update={"model_digest": sha256_folder(run / result.model_folder)}).write(run)


def check(run: Path):
    return require_applied(run, read_result(run))


def test_a_finished_run_is_its_base_and_its_adapter(pet_run, full_run, qwen3):
    assert check(pet_run).path == qwen3
    assert check(full_run).path == qwen3


def test_weights_of_conv1d_layers_are_stored_the_other_way_round(gpt2, lamp_splits, tmp_path):
    train(run_config(lamp_splits, tmp_path / "run", gpt2, overrides={"epochs": 1.0}))
    config = json.loads((tmp_path / "run" / "adapter" / "adapter_config.json").read_bytes())
    assert config["fan_in_fan_out"]
    assert check(tmp_path / "run").path == gpt2
    edited(tmp_path / "run", MERGED, lambda name, tensor: tensor + (0.01 if "c_fc" in name else 0))
    with pytest.raises(DataError, match=r"h\.0\.mlp\.c_fc is not the base model's weight plus"):
        check(tmp_path / "run")


def test_the_base_in_the_place_of_the_merged_model_is_found(run, qwen3, lamp_splits, tmp_path):
    shutil.copy(qwen3 / "model.safetensors", run / MERGED)
    edited(run, MERGED, lambda _, tensor: tensor)
    with pytest.raises(DataError, match=r"merged: \S+ is the base model's, so the adapter was not"):
        check(run)
    output = tmp_path / "out.parquet"
    test, training = lamp_splits / "test.parquet", lamp_splits / "train.parquet"
    with pytest.raises(DataError, match="the adapter was not applied"):
        predict_tuned(test, training, run, PredictSettings(), output)
    assert not output.exists()


def test_one_module_that_was_left_out_is_named(run, qwen3):
    base = load_file(qwen3 / "model.safetensors")
    weight = f"{Q}.weight"
    edited(run, MERGED, lambda name, tensor: base[name] if name == weight else tensor)
    with pytest.raises(DataError, match=f"{Q} is the base model's"):
        check(run)


def test_an_adapter_that_was_applied_half_is_found(run, qwen3):
    base = load_file(qwen3 / "model.safetensors")
    edited(run, MERGED, lambda name, tensor: (tensor + base[name]) / 2)
    with pytest.raises(DataError, match="is not the base model's weight plus that of the adapter"):
        check(run)


@pytest.mark.parametrize("matrix", ["lora_A", "lora_B"])
def test_an_adapter_of_zeros_is_found(run, qwen3, matrix):
    edited(run, ADAPTER, lambda name, tensor: tensor * (matrix not in name))
    with pytest.raises(DataError, match="is not the base model's weight plus that of the adapter"):
        check(run)
    shutil.copy(qwen3 / "model.safetensors", run / MERGED)
    with pytest.raises(
        DataError, match="the product of its matrices is zero in .* taught it nothing"
    ):
        check(run)


def test_another_scale_is_found(run):
    path = run / "adapter" / "adapter_config.json"
    config = json.loads(path.read_bytes())
    path.write_text(json.dumps({**config, "lora_alpha": config["lora_alpha"] * 2}))
    with pytest.raises(DataError, match="is not the base model's weight plus"):
        check(run)


def test_rounding_to_16_bits_is_allowed(run):
    edited(run, MERGED, lambda _, tensor: tensor.bfloat16())
    check(run)


def test_of_large_models_some_modules_and_rows_are_compared(run, monkeypatch):
    monkeypatch.setattr(adapter_check, "_MODULES", 2)
    monkeypatch.setattr(adapter_check, "_ROWS", 4)
    check(run)
    edited(run, MERGED, lambda _, tensor: tensor + 0.01)
    with pytest.raises(DataError, match="is not the base model's weight plus"):
        check(run)


def test_a_full_tuned_model_that_is_its_base_is_found(full_run, qwen3, tmp_path):
    run = Path(shutil.copytree(full_run, tmp_path / "run"))
    shutil.copy(qwen3 / "model.safetensors", run / "model/model.safetensors")
    with pytest.raises(DataError, match=r"model: all \d+ weights are the base model's"):
        check(run)


def test_weights_under_other_names_prove_nothing(run, full_run, tmp_path):
    full = Path(shutil.copytree(full_run, tmp_path / "full"))
    for folder, file in ((run, MERGED), (full, "model/model.safetensors")):
        tensors = {f"x{name}x": tensor for name, tensor in load_file(folder / file).items()}
        save_file(tensors, folder / file)
        with pytest.raises(DataError, match="cannot be shown"):
            check(folder)


def test_another_base_model_is_refused(run, qwen3):
    result = read_result(run)
    other = result.base_model.model_copy(update={"digest": "0" * 64})
    with pytest.raises(DataError, match="is not the base model that was tuned"):
        require_applied(run, result.model_copy(update={"base_model": other}))


@pytest.mark.parametrize("file", [ADAPTER, "adapter/adapter_config.json"])
def test_a_damaged_or_missing_adapter_is_named(run, file):
    (run / file).write_bytes(b"{}")
    with pytest.raises(DataError, match=Path(file).name):
        check(run)
    (run / file).unlink()
    with pytest.raises(DataError, match="adapter"):
        check(run)
