"""TRL's SFTTrainer with the defaults that it has, but for precision, batch and steps.

Its defaults compute activations twice; ``with_trl_fast`` does not.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from benchmarks.trainer_peers.clock import Clock
from benchmarks.trainer_peers.job import read_job


def tune(**changes: bool) -> None:
    """Tune, and tell what it took.

    Args:
        **changes: Fields of `SFTConfig` that are other than TRL's defaults.
    """
    job = read_job()
    rows = map(json.loads, Path(job.rows).read_text(encoding="utf-8").splitlines())
    chats = [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "completion": [{"role": "assistant", "content": row["completion"]}],
        }
        for row in rows
    ]
    lora = LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear")
    SFTTrainer(
        model=job.model,
        args=SFTConfig(
            output_dir=job.out,
            num_train_epochs=1,
            learning_rate=job.learning_rate,
            per_device_train_batch_size=job.batch_size // job.accumulation,
            gradient_accumulation_steps=job.accumulation,
            bf16=job.precision == "bfloat16",
            use_cpu=not job.on_gpu,
            max_length=job.max_length,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            model_init_kwargs={"dtype": torch.float32},
            **changes,
        ),
        train_dataset=Dataset.from_list(chats),
        peft_config=lora if job.method == "lora" else None,
        callbacks=[Clock()],
    ).train()


if __name__ == "__main__":
    tune()
