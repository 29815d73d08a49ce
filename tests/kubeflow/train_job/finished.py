"""What nodes leave behind: a result folder as the trainer writes one, without training."""

from pathlib import Path

from tuneline.files import sha256_folder
from tuneline.training.result import (
    BaseModelRecord,
    LossPoint,
    SplitRecord,
    TuningResult,
    WorkRecord,
)
from tuneline.training.settings import TrainingSettings


def leave_result(output: Path) -> TuningResult:
    """Write adapter, merged model, curves, card, checkpoints and result.json."""
    files = {
        "adapter/adapter_config.json": "{}",
        "adapter/adapter_model.safetensors": "a" * 100,
        "merged/config.json": '{"model_type": "qwen3"}',
        "merged/model.safetensors": "m" * 1000,
        "README.md": "# Card",
        "curves.html": "<html><svg></svg></html>",
        "checkpoints/checkpoint-4/weights.safetensors": "w" * 64,
    }
    for name, content in files.items():
        (output / name).parent.mkdir(parents=True, exist_ok=True)
        (output / name).write_text(content)
    result = _result(sha256_folder(output / "merged"))
    result.write(output)
    return result


def _result(model_digest: str) -> TuningResult:
    split = SplitRecord(digest="d" * 64, rows=24, too_long=1, tokens=500, trained_tokens=50)
    work = WorkRecord(
        device="cpu",
        processes=2,
        placement="replicated",
        weights="float32",
        computation="float32",
        packed=True,
        not_packed_because="",
        tokens_per_device=512,
        activation_checkpointing=False,
        largest_loss_difference=1e-7,
    )
    return TuningResult(
        tuneline_version="0",
        run_digest="r" * 64,
        method="pet",
        preset="balanced",
        model_folder="merged",
        model_digest=model_digest,
        base_model=BaseModelRecord(reference="embedded", digest="b" * 64),
        continued_from=None,
        settings=TrainingSettings(),
        data={"train": split, "validation": split},
        trainable_parameters=10,
        total_parameters=100,
        steps=3,
        best_step=3,
        stopped_early=False,
        train_loss=[LossPoint(step=3, epoch=1.0, loss=0.5)],
        validation_loss=[LossPoint(step=3, epoch=1.0, loss=0.4)],
        best_validation_loss=0.4,
        merged_logit_difference=1e-6,
        tokens=1500,
        seconds=2.0,
        training_seconds=1.0,
        peak_memory_bytes=1,
        work=work,
        versions={"python": "3.11"},
    )
