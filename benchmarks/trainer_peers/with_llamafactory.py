"""LLaMA-Factory with its defaults; it runs in an environment of its own, see `benchmarks.trainer`.

This file imports nothing but what that environment has.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llamafactory.train.tuner import run_exp

from benchmarks.trainer_peers.clock import Clock
from benchmarks.trainer_peers.job import Job, read_job


def main() -> None:
    """Tune, and tell what it took."""
    job = read_job()
    data = Path(job.out) / "data"
    data.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in Path(job.rows).read_text(encoding="utf-8").splitlines()]
    (data / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    columns = {"prompt": "prompt", "response": "completion"}
    described = {"rows": {"file_name": "rows.json", "columns": columns}}
    (data / "dataset_info.json").write_text(json.dumps(described), encoding="utf-8")
    run_exp(_arguments(job, data), callbacks=[Clock()])


def _arguments(job: Job, data: Path) -> dict[str, Any]:
    lora = {"lora_rank": 16, "lora_alpha": 32, "lora_target": "all"}
    return {
        "model_name_or_path": job.model,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": job.method,
        **(lora if job.method == "lora" else {}),
        "dataset_dir": str(data),
        "dataset": "rows",
        "template": "chatml",
        "cutoff_len": job.max_length,
        "overwrite_cache": True,
        "output_dir": str(Path(job.out) / "run"),
        "per_device_train_batch_size": job.batch_size // job.accumulation,
        "gradient_accumulation_steps": job.accumulation,
        "learning_rate": job.learning_rate,
        "num_train_epochs": 1.0,
        "bf16": job.precision == "bfloat16",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not job.on_gpu,
    }


if __name__ == "__main__":
    main()
