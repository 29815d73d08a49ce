"""Runs that were interrupted reach the same weights as those that were not."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lamps import lamp, run_config, write_split
from tests.training.interrupted import checkpoint_names, interrupt
from tuneline.errors import ConfigurationError, StoppedError
from tuneline.training.checkpoints.keeper import Checkpoints
from tuneline.training.engine import Engine
from tuneline.training.result import RESULT_FILE, read_result
from tuneline.training.train import train

KILLED_AT_STEP_6 = """
import os, sys
from pathlib import Path
from tests.lamps import run_config
from tuneline.training.checkpoints.keeper import Checkpoints
from tuneline.training.train import train

save = Checkpoints.save

def kill(self, state, tensors, **given):
    save(self, state, tensors, **given)
    if state.step == 6:
        os._exit(9)

Checkpoints.save = kill
splits, output, base = map(Path, sys.argv[1:])
train(run_config(splits, output, base))
"""


def test_a_killed_run_reaches_the_same_weights(lamp_splits, qwen3, pet_run, tmp_path, caplog):
    caplog.set_level("INFO", logger="tuneline")
    output = tmp_path / "run"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_AT_STEP_6, str(lamp_splits), str(output), str(qwen3)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        check=False,
        timeout=120,
    )
    assert killed.returncode == 9
    assert {path.name for path in output.iterdir()} == {"checkpoints", "tensorboard"}
    result = train(run_config(lamp_splits, output, qwen3))
    whole = read_result(pet_run)
    assert "resumed at step 6 of 12" in caplog.text
    assert result.model_digest == whole.model_digest
    assert result.validation_loss == whole.validation_loss
    assert (result.steps, result.best_step) == (whole.steps, whole.best_step)


def test_only_torn_checkpoints_start_the_run_again(lamp_splits, qwen3, pet_run, tmp_path):
    config = run_config(lamp_splits, tmp_path, qwen3)
    (tmp_path / "checkpoints" / "checkpoint-3").mkdir(parents=True)
    assert train(config).model_digest == read_result(pet_run).model_digest


def test_a_run_killed_while_it_saved_is_finished(lamp_splits, qwen3, pet_run, tmp_path):
    config = run_config(lamp_splits, tmp_path / "run", qwen3)
    train(config)
    output = config.output
    (output / RESULT_FILE).unlink()
    (output / "README.md").unlink()
    (output / ".README.md.a1b2").write_text("torn")
    shutil.rmtree(output / "merged")
    (output / ".merged.x1y2").mkdir()
    (output / ".merged.x1y2" / "model.safetensors").write_bytes(b"torn")
    (output / ".git").mkdir()  # not ours
    result = train(config)
    whole = read_result(pet_run)
    assert result.model_digest == whole.model_digest
    assert result.validation_loss == whole.validation_loss
    assert {path.name for path in output.iterdir()} == {
        *(path.name for path in pet_run.iterdir()),
        ".git",
    }


@pytest.fixture(scope="module")
def stopping(qwen3, tmp_path_factory):
    """A run that early stopping ends, since what it learns is wrong for its validation split.

    Gives a function that makes its configuration, and the result of the uninterrupted run.
    """
    splits = tmp_path_factory.mktemp("wrong")
    write_split(splits / "train.parquet", [lamp(i, "red") for i in range(24)])
    write_split(splits / "validation.parquet", [lamp(i, "blue") for i in range(9)])

    def config(output: Path):
        overrides = {
            "epochs": 30,
            "early_stopping_patience": 2,
            "learning_rate": 0.02,
            "save_steps": 2,
        }
        return run_config(splits, output, qwen3, method="full", overrides=overrides)

    whole = train(config(tmp_path_factory.mktemp("whole")))
    assert whole.stopped_early
    return config, whole


@pytest.mark.parametrize("steps_before_the_end", [0, 2, 4])
def test_early_stopping_stops_at_the_same_step_after_a_resume(
    stopping, steps_before_the_end, tmp_path
):
    config, whole = stopping
    interrupt(config(tmp_path / "run"), whole.steps - steps_before_the_end)
    # Found again under another name: the best checkpoint must be too.
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    result = train(config(moved))
    assert (result.steps, result.best_step) == (whole.steps, whole.best_step)
    assert result.stopped_early
    assert result.model_digest == whole.model_digest
    assert result.validation_loss == whole.validation_loss


def test_a_validation_is_cut_off_where_the_run_is_asked_to_stop(
    lamp_splits, qwen3, pet_run, tmp_path, monkeypatch
):
    config = run_config(lamp_splits, tmp_path, qwen3)
    real, seen = Engine.validate, list[int]()

    def validate(self, stop):
        seen.append(len(seen))
        if len(seen) in (2, 5):  # after step 6, and after the last
            stop.signal = signal.SIGTERM
        return real(self, stop)

    monkeypatch.setattr(Engine, "validate", validate)
    for step in (6, 12):
        with pytest.raises(StoppedError, match=f"at step {step} of 12, with a checkpoint"):
            train(config)
        assert f"checkpoint-{step}" in checkpoint_names(tmp_path)
    result, whole = train(config), read_result(pet_run)
    assert result.validation_loss == whole.validation_loss
    assert result.model_digest == whole.model_digest


def test_tokens_per_device_may_be_changed_on_the_way(lamp_splits, qwen3, pet_run, tmp_path):
    interrupt(run_config(lamp_splits, tmp_path, qwen3), 3)
    result = train(run_config(lamp_splits, tmp_path, qwen3, overrides={"tokens_per_device": 128}))
    assert result.work.tokens_per_device == 128
    assert read_result(pet_run).work.tokens_per_device > 128
    assert result.run_digest == read_result(pet_run).run_digest


def test_checkpoints_of_another_run_are_refused(lamp_splits, qwen3, tmp_path):
    interrupt(run_config(lamp_splits, tmp_path, qwen3), 3)
    before = checkpoint_names(tmp_path)
    with pytest.raises(ConfigurationError, match="checkpoints of a run with other data"):
        train(run_config(lamp_splits, tmp_path, qwen3, overrides={"seed": 1}))
    assert checkpoint_names(tmp_path) == before == {"checkpoint-3"}


def test_a_resume_inside_an_epoch_keeps_the_order_of_the_examples(lamp_splits, qwen3, tmp_path):
    overrides = {"save_steps": 2}
    whole = train(run_config(lamp_splits, tmp_path / "whole", qwen3, overrides=overrides))
    config = run_config(lamp_splits, tmp_path / "resumed", qwen3, overrides=overrides)
    for step in (4, 10):
        interrupt(config, step)
    result = train(config)
    assert result.validation_loss == whole.validation_loss
    assert result.model_digest == whole.model_digest


def test_another_machine_goes_on_from_the_copied_checkpoints(
    lamp_splits, qwen3, pet_run, tmp_path, caplog
):
    caplog.set_level("INFO", logger="tuneline")
    overrides = {"checkpoint_uri": f"memory://{tmp_path.name}"}
    interrupt(run_config(lamp_splits, tmp_path / "one", qwen3, overrides=overrides), 9)
    shutil.rmtree(tmp_path / "one")  # the machine was taken away
    result = train(run_config(lamp_splits, tmp_path / "two", qwen3, overrides=overrides))
    assert "fetching checkpoint-9" in caplog.text or "fetching checkpoint-6" in caplog.text
    assert "resumed at step" in caplog.text
    assert result.model_digest == read_result(pet_run).model_digest


def test_a_checkpoint_is_written_when_the_newest_is_old(lamp_splits, qwen3, tmp_path):
    seen = []
    save = Checkpoints.save

    def noted(self, state, tensors, **given):
        seen.append(state.step)
        save(self, state, tensors, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "save", noted)
        overrides = {"save_minutes": 1e-9}
        result = train(run_config(lamp_splits, tmp_path, qwen3, overrides=overrides))
    assert sorted(set(seen)) == list(range(1, 13))
    assert [point.step for point in result.validation_loss] == [3, 6, 9, 12]
