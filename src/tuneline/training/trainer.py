"""TRL's trainer, set up from our settings; beside it, the order of the examples alone is ours."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import EarlyStoppingCallback, PrinterCallback, TrainerState
from transformers.utils import logging as transformers_logging
from trl import SFTConfig, SFTTrainer

from tuneline.training.checkpoints import STATE_FILE
from tuneline.training.progress import Progress
from tuneline.training.sampling import EpochSampler

if TYPE_CHECKING:
    from pathlib import Path

    from tuneline.training.encoding import EncodedSplit
    from tuneline.training.settings import Method, TrainingSettings

logger = logging.getLogger("tuneline")

_STEPS_BETWEEN_LOGS = 5


class _Trainer(SFTTrainer):  # type: ignore[misc]
    def _get_train_sampler(self, _dataset: Dataset | None = None) -> EpochSampler:
        return EpochSampler(
            [len(ids) for ids in self.train_dataset["input_ids"]],
            self.args.train_batch_size * self.args.gradient_accumulation_steps,
            self.args.seed,
        )


def build_trainer(
    model: Any,
    tokenizer: Any,
    splits: dict[str, EncodedSplit],
    method: Method,
    settings: TrainingSettings,
    checkpoints: Path,
) -> SFTTrainer:
    """Make the trainer for one run.

    Args:
        model: The base model; for ``pet`` the trainer puts the adapter on it.
        tokenizer: Its tokenizer.
        splits: ``train`` and ``validation``, encoded: labels are already set.
        method: ``pet`` or ``full``.
        settings: Resolved settings.
        checkpoints: Folder for checkpoints.
    """
    transformers_logging.set_verbosity_error()
    callbacks: list[Any] = [Progress()]
    if settings.early_stopping_patience:
        callbacks.append(EarlyStoppingCallback(settings.early_stopping_patience))
    trainer = _Trainer(
        model=model,
        args=_arguments(settings, checkpoints),
        train_dataset=_dataset(splits["train"]),
        eval_dataset=_dataset(splits["validation"]),
        processing_class=tokenizer,
        peft_config=_adapter(settings) if method == "pet" else None,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)  # Progress says it in fewer words
    return trainer


def run(trainer: SFTTrainer, checkpoint: Path | None) -> None:
    """Train to the end, and leave the weights with the best validation loss in the model.

    Args:
        trainer: What `build_trainer` made.
        checkpoint: Where to continue; ``None``: from the start.
    """
    if checkpoint is not None:
        state = TrainerState.load_from_json(str(checkpoint / STATE_FILE))
        if state.stateful_callbacks["TrainerControl"]["args"]["should_training_stop"]:
            logger.info("tune: training had ended at step %d", state.global_step)
            best = checkpoint.with_name(f"checkpoint-{state.best_global_step}")
            state.best_model_checkpoint = str(best)
            trainer.state = state
            # Resuming would train on: the trainer forgets that early stopping had stopped it.
            trainer._load_best_model()  # noqa: SLF001 - there is no public way
            return
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))


def _dataset(split: EncodedSplit) -> Dataset:
    return Dataset.from_dict(
        {
            "input_ids": [sequence.input_ids for sequence in split.sequences],
            "labels": [sequence.labels for sequence in split.sequences],
        }
    )


def _adapter(settings: TrainingSettings) -> LoraConfig:
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules="all-linear",
    )


def _arguments(settings: TrainingSettings, checkpoints: Path) -> SFTConfig:
    # Validation and checkpoints go together, so that the best validation loss has a checkpoint.
    every = "steps" if settings.save_steps else "epoch"
    return SFTConfig(
        # Absolute, since the best checkpoint's path is kept for a resume from any folder.
        output_dir=str(checkpoints.absolute()),
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        warmup_steps=settings.warmup_ratio,  # below 1 it is a share of all steps
        lr_scheduler_type=settings.learning_rate_schedule,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_gradient_norm,
        seed=settings.seed,
        bf16=torch.cuda.is_available() and torch.cuda.is_bf16_supported(),
        use_cpu=not torch.cuda.is_available(),
        activation_checkpointing=False,
        eval_strategy=every,
        eval_steps=settings.save_steps,
        save_strategy=every,
        save_steps=settings.save_steps or 500,  # read only where the strategy is steps
        save_total_limit=2,
        load_best_model_at_end=True,
        restore_callback_states_from_checkpoint=True,  # early stopping's count
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_steps=_STEPS_BETWEEN_LOGS,
        logging_first_step=True,
        # The default replaces a loss that is no number by the average, which hides a failed run.
        logging_nan_inf_filter=False,
        prediction_loss_only=True,
        disable_tqdm=True,
        report_to="none",
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},  # labels are set and lengths checked
    )
