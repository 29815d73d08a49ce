"""The trainer's one entry point: `train`, from a configuration to a folder with result.json.

Run by hand: ``tuneline train --config run.yaml``. A finished run says so when it is started again;
an interrupted one continues from its newest checkpoint.
"""

from __future__ import annotations

import hashlib
import logging
import platform
import resource
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch

from tuneline import __version__
from tuneline.data.schema import read_info
from tuneline.errors import ConfigurationError
from tuneline.files import require_writable, sha256_file, sha256_folder
from tuneline.models.loading import context_length, load_model, load_tokenizer
from tuneline.models.source import BaseModel, resolve_base_model
from tuneline.models.threads import choose_threads
from tuneline.training import checkpoints
from tuneline.training.artifacts import (
    MODEL_FOLDER,
    remove_leftovers,
    save_model,
    write_curves,
    write_model_card,
)
from tuneline.training.encoding import EncodedSplit, encode_split
from tuneline.training.progress import losses
from tuneline.training.result import (
    RESULT_FILE,
    BaseModelRecord,
    SplitRecord,
    TuningResult,
    read_result,
)
from tuneline.training.trainer import build_trainer, run

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.settings import TrainConfig, TrainingSettings

logger = logging.getLogger("tuneline")

_VERSIONED = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is known before the first step."""

    config: TrainConfig
    base: BaseModel
    settings: TrainingSettings
    splits: dict[str, EncodedSplit]
    digests: dict[str, str]
    digest: str


def train(config: TrainConfig, checkpoint_folder: Path | None = None) -> TuningResult:
    """Tune a causal language model on a training split.

    Args:
        config: What to tune on what, and how.
        checkpoint_folder: Where checkpoints go; ``output/checkpoints`` unless given.

    Returns:
        The contents of ``output/result.json``, written last: where it is, everything is.

    Raises:
        ConfigurationError: The base model cannot be found or loaded, or the output folder holds
            another run.
        DataError: A split is empty, is no canonical Parquet or holds rows that do not fit.
        MachineError: The output folder cannot be written, or the loss is no number.
        ServiceError: The base model's store or hub does not answer.
    """
    started = time.monotonic()
    require_writable(config.output)
    for split in (config.train, config.validation):
        read_info(split)  # before a large model is fetched
    base = resolve_base_model(config.base_model)
    digests = {"train": sha256_file(config.train), "validation": sha256_file(config.validation)}
    digest = _run_digest(config, base, digests)
    if (config.output / RESULT_FILE).is_file():
        return _finished(config, digest)
    folder = checkpoint_folder or config.output / "checkpoints"
    checkpoints.claim(folder, digest)
    remove_leftovers(config.output)

    tokenizer = load_tokenizer(base.path)
    model = load_model(base.path, dtype=_weights_dtype(config))
    choose_threads(model.num_parameters())
    settings = config.overrides.resolved(config.method, model.num_parameters())
    splits = _encoded(config, base, tokenizer, settings)
    plan = _Plan(config, base, settings, splits, digests, digest)
    trainer = build_trainer(model, tokenizer, splits, config.method, settings, folder)
    _announce(plan, trainer.model)
    run(trainer, checkpoints.newest(folder))
    trainable = _trainable_parameters(trainer.model)
    save_model(trainer.model, tokenizer, config.method, config.output, base.reference)
    result = _result(plan, trainer, trainable, time.monotonic() - started)
    write_curves(config.output, result)
    write_model_card(config.output, result)
    result.write(config.output)
    logger.info(
        "tune: done in %.1f s, best validation loss %.4f at step %d",
        result.seconds,
        result.best_validation_loss,
        result.best_step,
    )
    return result


def _finished(config: TrainConfig, digest: str) -> TuningResult:
    result = read_result(config.output)
    if result.run_digest != digest:
        raise ConfigurationError(
            f"{config.output}: holds the result of a run with other data, base model or settings. "
            "Choose another output folder, or remove this one to start over."
        )
    logger.info("tune: %s is already done", config.output)
    return result


def _run_digest(config: TrainConfig, base: BaseModel, digests: dict[str, str]) -> str:
    parts = [config.method, config.overrides.model_dump_json(), base.digest, *digests.values()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _encoded(
    config: TrainConfig, base: BaseModel, tokenizer: Any, settings: TrainingSettings
) -> dict[str, EncodedSplit]:
    limit = context_length(base.path)
    if settings.max_length and settings.max_length > limit:
        raise ConfigurationError(
            f"overrides.max_length: {settings.max_length} tokens, but {base.reference} was made "
            f"for {limit}. Lower it, or choose a base model with a longer context."
        )
    longest = settings.max_length or limit
    return {
        "train": encode_split(config.train, tokenizer, settings, longest),
        "validation": encode_split(config.validation, tokenizer, settings, longest),
    }


def _weights_dtype(config: TrainConfig) -> str:
    # A frozen base needs no float32 master copy; trained weights do.
    return "bfloat16" if torch.cuda.is_available() and config.method == "pet" else "float32"


def _announce(plan: _Plan, model: Any) -> None:
    train_split, validation = plan.splits["train"], plan.splits["validation"]
    logger.info(
        "tune: %s on %s: %d of %d parameters, %d examples, %d for validation, %d of %d tokens "
        "trained, learning rate %g, at most %g epochs",
        plan.config.method,
        plan.base.reference,
        _trainable_parameters(model),
        model.num_parameters(),
        train_split.examples,
        validation.examples,
        train_split.trained_tokens,
        train_split.tokens,
        plan.settings.learning_rate,
        plan.settings.epochs,
    )


def _trainable_parameters(model: Any) -> int:
    return sum(weights.numel() for weights in model.parameters() if weights.requires_grad)


def _result(plan: _Plan, trainer: Any, trainable: int, seconds: float) -> TuningResult:
    state = trainer.state
    folder = MODEL_FOLDER[plan.config.method]
    return TuningResult(
        tuneline_version=__version__,
        run_digest=plan.digest,
        method=plan.config.method,
        model_folder=folder,
        model_digest=sha256_folder(plan.config.output / folder),
        base_model=BaseModelRecord(
            reference=plan.base.reference, digest=plan.base.digest, revision=plan.base.revision
        ),
        settings=plan.settings,
        data={
            name: _split_record(split, plan.digests[name]) for name, split in plan.splits.items()
        },
        trainable_parameters=trainable,
        total_parameters=trainer.model.num_parameters(),
        steps=state.global_step,
        best_step=state.best_global_step,
        stopped_early=state.global_step < state.max_steps,
        train_loss=losses(state.log_history, "loss"),
        validation_loss=losses(state.log_history, "eval_loss"),
        best_validation_loss=state.best_metric,
        seconds=round(seconds, 3),
        peak_memory_bytes=_peak_memory_bytes(),
        device=_device(),
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in _VERSIONED},
        },
    )


def _split_record(split: EncodedSplit, digest: str) -> SplitRecord:
    return SplitRecord(
        digest=digest,
        rows=split.examples,
        too_long=split.too_long,
        tokens=split.tokens,
        trained_tokens=split.trained_tokens,
    )


def _peak_memory_bytes() -> int:
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts kibibytes


def _device() -> str:
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"cpu, {torch.get_num_threads()} threads"
