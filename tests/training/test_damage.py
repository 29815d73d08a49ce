"""Checkpoints damaged between two parts of a run: never used, never in silence."""

import shutil
from pathlib import Path

import pytest

from tests.lamps import run_config
from tests.training.interrupted import checkpoint_names, interrupt
from tuneline.training.result import read_result
from tuneline.training.train import train


def unlink(name):
    return lambda folder: (folder / name).unlink()


def truncate(name):
    def cut(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return cut


def flip(name):
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[-1] ^= 1
        (folder / name).write_bytes(content)

    return change


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


DAMAGES = {
    "an empty folder": empty,
    "weights missing": unlink("weights.safetensors"),
    "weights truncated": truncate("weights.safetensors"),
    "optimizer missing": unlink("optimizer.safetensors"),
    "optimizer truncated": truncate("optimizer.safetensors"),
    "state missing": unlink("state.json"),
    "state truncated": truncate("state.json"),
    "manifest missing": unlink("manifest.json"),
    "manifest truncated": truncate("manifest.json"),
    "a bit of the weights flipped": flip("weights.safetensors"),
    "a bit of the optimizer flipped": flip("optimizer.safetensors"),
    "a marker that it is incomplete": lambda folder: (folder / "incomplete.txt").touch(),
}


@pytest.fixture(scope="module")
def at_step_9(lamp_splits, qwen3, tmp_path_factory) -> Path:
    """Output of a run that was killed behind its checkpoint of step 9."""
    output: Path = tmp_path_factory.mktemp("killed") / "run"
    interrupt(run_config(lamp_splits, output, qwen3), 9)
    return output


@pytest.fixture
def killed(at_step_9, tmp_path) -> Path:
    return Path(shutil.copytree(at_step_9, tmp_path / "run"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_set_aside_and_the_newest_good_one_used(
    damage, killed, lamp_splits, qwen3, pet_run, caplog
):
    caplog.set_level("INFO", logger="tuneline")
    DAMAGES[damage](killed / "checkpoints" / "checkpoint-9")
    result = train(run_config(lamp_splits, killed, qwen3))
    assert "checkpoint-9 is damaged: " in caplog.text
    assert "set aside as damaged-checkpoint-9" in caplog.text
    assert "resumed at step 6 of 12" in caplog.text
    assert "damaged-checkpoint-9" in checkpoint_names(killed)
    whole = read_result(pet_run)
    assert result.model_digest == whole.model_digest
    assert result.validation_loss == whole.validation_loss
    assert result.train_loss == whole.train_loss


def test_without_damage_the_newest_is_used(killed, lamp_splits, qwen3, pet_run, caplog):
    caplog.set_level("INFO", logger="tuneline")
    result = train(run_config(lamp_splits, killed, qwen3))
    assert "damaged" not in caplog.text
    assert "resumed at step 9 of 12" in caplog.text
    assert result.model_digest == read_result(pet_run).model_digest


def test_nothing_but_damage_starts_the_run_again(killed, lamp_splits, qwen3, pet_run, caplog):
    for folder in (killed / "checkpoints").glob("checkpoint-*"):
        flip("weights.safetensors")(folder)
    result = train(run_config(lamp_splits, killed, qwen3))
    assert caplog.text.count("is damaged") == len(checkpoint_names(killed)) - 2
    assert result.model_digest == read_result(pet_run).model_digest
