"""A plain Trainer of transformers, with PEFT, on rows with labels and padding at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainingArguments,
)

from benchmarks.trainer_peers.clock import Clock
from benchmarks.trainer_peers.job import Job, read_job


def main() -> None:
    """Tune, and tell what it took."""
    job = read_job()
    tokenizer = AutoTokenizer.from_pretrained(job.model)
    model = AutoModelForCausalLM.from_pretrained(job.model, dtype=torch.float32)
    if job.method == "lora":
        model = get_peft_model(
            model,
            LoraConfig(task_type="CAUSAL_LM", r=16, lora_alpha=32, target_modules="all-linear"),
        )
    Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=job.out,
            num_train_epochs=1,
            learning_rate=job.learning_rate,
            per_device_train_batch_size=job.batch_size // job.accumulation,
            gradient_accumulation_steps=job.accumulation,
            bf16=job.precision == "bfloat16",
            use_cpu=not job.on_gpu,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=_rows(job, tokenizer),
        data_collator=DataCollatorForSeq2Seq(tokenizer),
        callbacks=[Clock()],
    ).train()


def _rows(job: Job, tokenizer: Any) -> Dataset:
    def encoded(row: dict[str, str]) -> dict[str, list[int]]:
        chat = [{"role": "user", "content": row["prompt"]}]
        prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
        chat.append({"role": "assistant", "content": row["completion"]})
        ids = tokenizer.apply_chat_template(chat, return_dict=False)
        return {
            "input_ids": ids,
            "attention_mask": [1] * len(ids),
            "labels": [-100] * len(prompt) + ids[len(prompt) :],
        }

    rows = map(json.loads, Path(job.rows).read_text(encoding="utf-8").splitlines())
    return Dataset.from_list([encoded(row) for row in rows])


if __name__ == "__main__":
    main()
