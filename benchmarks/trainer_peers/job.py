"""What every trainer is told, and what it tells back."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Method = Literal["lora", "full"]
Precision = Literal["float32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Job:
    """One run.

    Attributes:
        model: Folder of the base model.
        rows: JSON lines with ``prompt`` and ``completion``.
        out: Folder to write.
        method: ``lora`` (rank 16, alpha 32, all linear layers) or ``full``.
        batch_size: Rows in one optimizer step.
        accumulation: Forward passes in one step, for trainers that are told; a divisor of
            ``batch_size``.
        precision: Type of the computation.
        learning_rate: The peak.
        max_length: Longest row in tokens.
    """

    model: str
    rows: str
    out: str
    method: Method
    batch_size: int
    accumulation: int
    precision: Precision
    learning_rate: float = 1e-4
    max_length: int = 4096

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU is there to be used."""
        import torch

        return bool(torch.cuda.is_available())


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run took; every row was read once, in ``steps`` steps.

    Attributes:
        tokens: Tokens of all rows, padding not counted.
        trained_tokens: Those that the loss fell on; 0 where the trainer does not tell.
        steps: Optimizer steps.
        first_step_s: From the start of the process to the end of the first step.
        further_steps_s: From there to the end of the last step.
        gpu_peak_bytes: Most memory of the GPU; 0 without one.
        note: What it did otherwise than asked.
    """

    tokens: int
    trained_tokens: int
    steps: int
    first_step_s: float
    further_steps_s: float
    gpu_peak_bytes: int = 0
    note: str = ""

    @property
    def tokens_per_second(self) -> float:
        """Of all steps but the first."""
        return self.tokens * (self.steps - 1) / self.steps / self.further_steps_s


def read_job() -> Job:
    """The job in the file that the command line names."""
    return Job(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))


def tell(outcome: Outcome) -> None:
    """Print what a run took, as the last line of the output."""
    print(json.dumps(asdict(outcome)))
