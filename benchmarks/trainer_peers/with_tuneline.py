"""Tuneline's trainer with its defaults, but for what the job says."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import torch

from benchmarks.trainer_peers.job import Outcome, read_job, tell
from tuneline.data.schema import Example, ExamplesInfo, Part, Turn, write_examples
from tuneline.settings import validated
from tuneline.training import train as trainer
from tuneline.training.settings import TrainConfig

if TYPE_CHECKING:
    from tuneline.training.result import LossPoint
    from tuneline.training.state import RunState

_ENDS: list[float] = []


class _Watcher:
    """Notes the time of each step, in the place of the progress bar."""

    def __init__(self, _state: RunState) -> None:
        _ENDS.clear()

    def stepped(self, _state: RunState) -> None:
        """Note the time of a step."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        _ENDS.append(time.time())

    def trained(self, _state: RunState, _point: LossPoint) -> None:
        """Nothing is done with the loss."""

    def validated(self, _state: RunState, _point: LossPoint) -> None:
        """Nothing is done with the loss."""


def main() -> None:
    """Tune, and tell what it took."""
    job = read_job()
    out = Path(job.out)
    out.mkdir(parents=True, exist_ok=True)
    examples = [
        Example((Turn("user", (Part(row["prompt"]),)), Turn("model", (Part(row["completion"]),))))
        for row in map(json.loads, Path(job.rows).read_text(encoding="utf-8").splitlines())
    ]
    for name, chosen in (("train", examples), ("validation", examples[:1])):
        write_examples(out / f"{name}.parquet", chosen, ExamplesInfo(name, "generation"))
    trainer.Progress = _Watcher  # type: ignore[assignment, misc]
    overrides = {
        "epochs": 1,
        "batch_size": job.batch_size,
        "learning_rate": job.learning_rate,
        "precision": job.precision,
        "save_steps": 10**6,  # the last step alone is validated, when its time is taken
        **({"lora_rank": 16, "lora_alpha": 32} if job.method == "lora" else {}),
    }
    given = {
        "train": out / "train.parquet",
        "validation": out / "validation.parquet",
        "base_model": job.model,
        "method": "pet" if job.method == "lora" else "full",
        "output": out / "run",
        "overrides": overrides,
    }
    result = trainer.train(validated(TrainConfig, given, source="benchmark"))
    tell(
        Outcome(
            tokens=result.tokens,
            trained_tokens=result.data["train"].trained_tokens,
            steps=len(_ENDS),
            first_step_s=_ENDS[0] - psutil.Process().create_time(),
            further_steps_s=_ENDS[-1] - _ENDS[0],
            gpu_peak_bytes=result.peak_memory_bytes if job.on_gpu else 0,
            note="packed" if result.work.packed else "padded",
        )
    )


if __name__ == "__main__":
    main()
