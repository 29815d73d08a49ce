"""Runs that end before their time."""

from pathlib import Path
from typing import Any

import pytest

from tuneline.training.checkpoints.keeper import Checkpoints
from tuneline.training.settings import TrainConfig
from tuneline.training.train import train


class InterruptError(Exception):
    """What a test raises inside a run, in place of a kill."""


def interrupt(config: TrainConfig, step: int) -> None:
    """Run until the checkpoint of ``step`` is written."""
    save = Checkpoints.save

    def stop(self: Checkpoints, state: Any, tensors: Any, **given: Any) -> None:
        save(self, state, tensors, **given)
        if state.step == step:
            raise InterruptError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "save", stop)
        with pytest.raises(InterruptError):
            train(config)


def checkpoint_names(output: Path) -> set[str]:
    """Names of the checkpoints below a run's folder, those set aside included."""
    return {path.name for path in (output / "checkpoints").glob("*checkpoint-*")}
