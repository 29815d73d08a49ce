"""Trains a model that is split by FSDP2 while one backward pass breaks off; prints the losses."""

import json
import sys
from itertools import count
from pathlib import Path
from typing import Any

import torch

from tests.lamps import run_config
from tuneline.training import setup
from tuneline.training.engine import Engine
from tuneline.training.train import train


def main() -> None:
    """Arguments: the splits, the output, the base model, and the number of the pass; -1: none."""
    splits, output, base = map(Path, sys.argv[1:4])
    broken = int(sys.argv[4])
    passes, real = count(), Engine._summed

    def summed(self: Engine, one: Any) -> torch.Tensor:
        if self.model.training and next(passes) == broken:
            layer = self.model.model.layers[0]

            def break_off(*_: Any) -> None:
                hook.remove()
                raise torch.OutOfMemoryError

            hook = layer.register_full_backward_hook(break_off)
        return real(self, one)

    Engine._summed = summed  # type: ignore[method-assign]
    setattr(setup, "choose_placement", lambda *_: "sharded")  # noqa: B010 - as on one GPU
    overrides = {"tokens_per_device": 256, "epochs": 2}
    result = train(run_config(splits, output, base, method="full", overrides=overrides))
    losses = [point.loss for point in [*result.train_loss, *result.validation_loss]]
    sys.stdout.write(json.dumps(losses) + "\n")


if __name__ == "__main__":
    main()
