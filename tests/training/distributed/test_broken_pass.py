"""A split model whose backward pass broke off goes on as if that pass had never begun."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def losses(splits: Path, output: Path, base: Path, broken: int) -> tuple[list[float], str]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.training.distributed.broken_pass"),
            *(str(splits), str(output), str(base), str(broken)),
        ],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found, done.stderr


def test_memory_that_ends_in_a_backward_pass_leaves_nothing_behind(lamp_splits, qwen3, tmp_path):
    whole, _ = losses(lamp_splits, tmp_path / "whole", qwen3, -1)
    # The second pass of the second step, so that there are gradients of a pass before it.
    after, said = losses(lamp_splits, tmp_path / "broken", qwen3, 4)
    assert "do not fit into the device's memory; going on with" in said
    assert after == pytest.approx(whole, rel=1e-4)
