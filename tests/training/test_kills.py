"""A run that is killed again and again ends in the weights of one that never was."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.lamps import run_config
from tuneline.training.result import read_result
from tuneline.training.train import train

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path.cwd())}
LONG = {"epochs": 400, "save_steps": 3, "early_stopping_patience": 0, "learning_rate": 1e-4}


@pytest.mark.slow
def test_fifty_kills_change_nothing(lamp_splits, qwen3, tmp_path):
    whole = train(run_config(lamp_splits, tmp_path / "whole", qwen3, overrides=LONG))
    killed = subprocess.run(
        [
            *(sys.executable, "-m", "tests.training.killed_again_and_again"),
            *(str(lamp_splits), str(tmp_path / "killed"), str(qwen3)),
            *("50", "7", json.dumps(LONG)),
        ],
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
        timeout=900,
    )
    told = json.loads(killed.stdout.splitlines()[-1])
    assert told == {"killed": 50, "exit_code": 0}
    result = read_result(tmp_path / "killed")
    assert result.model_digest == whole.model_digest
    assert result.validation_loss == whole.validation_loss
    assert result.train_loss == whole.train_loss
    assert result.tokens == whole.tokens
    left = {path.name for path in (tmp_path / "killed").iterdir()}
    assert left == {path.name for path in (tmp_path / "whole").iterdir()}


def start(config: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tuneline", "train", "--config", str(config)],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        # These tests may themselves run in the background, where Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def stop_at_first_validation(config: Path, number: signal.Signals) -> tuple[int, str, float]:
    """Signal a run once it has validated; its exit code, its last words and the seconds it took."""
    run = start(config)
    assert run.stderr is not None
    said = ""
    while "validation loss" not in said:
        line = run.stderr.readline()
        assert line, said
        said += line
    asked = time.monotonic()
    run.send_signal(number)
    rest = run.stderr.read()
    return run.wait(timeout=60), rest, time.monotonic() - asked


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_with_a_checkpoint_and_it_goes_on(number, lamp_splits, qwen3, tmp_path):
    whole = train(run_config(lamp_splits, tmp_path / "whole", qwen3, overrides=LONG))
    given = run_config(lamp_splits, tmp_path / "stopped", qwen3, overrides=LONG)
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(given.model_dump(mode="json", exclude_unset=True)))
    code, said, seconds = stop_at_first_validation(config, number)
    assert code == 128 + number
    assert seconds < 25
    step = re.search(r"Stopped by signal \d+ at step (\d+) of 1200, with a checkpoint", said)
    assert step is not None
    assert (tmp_path / "stopped" / "checkpoints" / f"checkpoint-{step[1]}").is_dir()
    assert not (tmp_path / "stopped" / "result.json").exists()
    result = train(given)
    assert result.model_digest == whole.model_digest
    assert result.validation_loss == whole.validation_loss
