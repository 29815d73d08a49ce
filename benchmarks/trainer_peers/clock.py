"""Times a Trainer of transformers, or one made from it, from its own callbacks."""

from __future__ import annotations

import time
from typing import Any

import psutil
import torch
from transformers import TrainerCallback

from benchmarks.trainer_peers.job import Outcome, tell

_IGNORED = -100


class Clock(TrainerCallback):  # type: ignore[misc]
    """Notes when the first and the last step ended, and tells it at the end."""

    def __init__(self, note: str = "") -> None:
        self._note = note
        self._rows: Any = None
        self._ends: list[float] = []

    def on_train_begin(self, _args: Any, _state: Any, _control: Any, **given: Any) -> None:
        """Keep the rows, whose tokens are counted once the time is taken."""
        self._rows = given["train_dataloader"].dataset

    def on_step_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Note the time of a step."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._ends.append(time.time())

    def on_train_end(self, _args: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Tell what it took."""
        labels = self._rows["labels"] if "labels" in self._rows.column_names else []
        gpu = torch.cuda.is_available()
        tell(
            Outcome(
                tokens=sum(len(ids) for ids in self._rows["input_ids"]),
                trained_tokens=sum(label != _IGNORED for row in labels for label in row),
                steps=len(self._ends),
                first_step_s=self._ends[0] - psutil.Process().create_time(),
                further_steps_s=self._ends[-1] - self._ends[0],
                gpu_peak_bytes=int(torch.cuda.max_memory_allocated()) if gpu else 0,
                note=self._note,
            )
        )
