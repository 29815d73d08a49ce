"""What a tuning run is told: a method, a preset and, where needed, single settings.

Every setting that is left out is derived from the method, the model and the data
(`tuneline.training.defaults`), so that the few that a user names are the few that matter. Nothing
heavy is imported here: a mistake is told before anything else happens.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from tuneline.errors import ConfigurationError
from tuneline.models.source import EMBEDDED
from tuneline.settings import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Method = Literal["pet", "full"]
Preset = Literal["quick", "balanced", "quality"]

METHODS: tuple[Method, ...] = get_args(Method)

ADAPTER_SETTINGS = (
    "lora_alpha",
    "lora_dropout",
    "lora_rank",
    "merge",
    "modules_to_save",
    "quantization",
    "target_modules",
    "use_dora",
    "use_rslora",
)
"""Settings of method ``pet`` alone."""

MACHINE_SETTINGS = (
    "activation_checkpointing",
    "checkpoint_uri",
    "compile",
    "media_folder",
    "save_minutes",
    "sharding",
    "tokens_per_device",
)
"""Settings that say how the work is done and not what is learned: a run may go on with others."""

_TASK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class TrainingSettings(BaseModel):
    """How to tune; ``None`` means: derived, see `tuneline.training.defaults`.

    Attributes:
        continue_from: Output folder of an earlier run, or an adapter's folder or URI, to start from
            in place of the base model alone; empty: none.
        epochs: Passes over the training split, at most; early stopping may end sooner.
        learning_rate: Peak learning rate.
        batch_size: Examples in one optimizer step, over all devices together.
        max_length: Longest sequence in tokens. ``None``: what the model was made for.
        on_too_long: Longer examples stop the run (``error``) or are left out, counted (``drop``).
        lora_rank: Rank of the adapter's matrices (`pet` only, as all down to ``merge``).
        lora_alpha: Scale of the adapter; ``None``: twice the rank.
        lora_dropout: Dropout on the adapter's input.
        use_rslora: Scale by alpha over the rank's square root, not over the rank.
        use_dora: Learn the length of each weight's columns apart from their direction.
        target_modules: Names of the layers that get an adapter, or ``all-linear``.
        modules_to_save: Names of layers that are trained whole beside the adapter.
        quantization: ``4bit`` keeps the frozen base in 4 bits (QLoRA).
        merge: Write base and adapter combined as well.
        warmup_ratio: Share of the steps over which the learning rate rises.
        learning_rate_schedule: How it falls afterwards.
        weight_decay: AdamW's decoupled weight decay, on matrices.
        max_gradient_norm: Gradients are clipped to this norm.
        precision: Type of the computation; ``auto``: bfloat16 on GPUs that have it.
        packing: Sequences lie one behind another in place of padding; ``None``: where it is exact.
        tokens_per_device: Most tokens in one forward pass on one device.
        activation_checkpointing: Compute activations twice to hold fewer; ``None``: where memory
            needs it.
        compile: Compile the model's layers by torch.compile.
        sharding: Split weights and optimizer over the devices (``full``: FSDP2) or hold them on
            each (``none``).
        media_folder: Folder of the data file, where images have paths of this machine.
        save_steps: Validate and checkpoint every so many optimizer steps; ``None``: each epoch.
        save_minutes: Checkpoint also when the newest is older than this.
        checkpoint_uri: ``gs://`` or ``s3://`` folder that checkpoints are copied to in the
            background, and found in by a run on another machine; empty: they stay here.
        early_stopping_patience: Stop after so many validations without a better loss; 0: never.
        seed: Seeds the adapter's initial weights, the order of the examples and dropout.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    continue_from: str = ""
    epochs: float | None = Field(default=None, gt=0, le=1000)
    learning_rate: float | None = Field(default=None, gt=0, le=1)
    batch_size: int | None = Field(default=None, ge=1)
    max_length: int | None = Field(default=None, ge=8)
    on_too_long: Literal["error", "drop"] = "error"
    lora_rank: int | None = Field(default=None, ge=1, le=1024)
    lora_alpha: float | None = Field(default=None, gt=0)
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    use_rslora: bool = False
    use_dora: bool = False
    target_modules: Literal["all-linear"] | list[str] = "all-linear"
    modules_to_save: list[str] = Field(default_factory=list)
    quantization: Literal["none", "4bit"] = "none"
    merge: bool = True
    warmup_ratio: float = Field(default=0.05, ge=0, lt=1)
    learning_rate_schedule: Literal["linear", "cosine", "constant_with_warmup"] = "cosine"
    weight_decay: float = Field(default=0.01, ge=0)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    packing: bool | None = None
    tokens_per_device: int | None = Field(default=None, ge=8)
    activation_checkpointing: bool | None = None
    compile: bool = False
    sharding: Literal["auto", "none", "full"] = "auto"
    media_folder: Path | None = None
    save_steps: int | None = Field(default=None, ge=1)
    save_minutes: float = Field(default=10.0, gt=0)
    checkpoint_uri: str = ""
    early_stopping_patience: int | None = Field(default=None, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**32)

    @model_validator(mode="wrap")
    @classmethod
    def _known_elsewhere(
        cls, values: Any, validate: ModelWrapValidatorHandler[TrainingSettings]
    ) -> TrainingSettings:
        """Name the setting of ours for one that other trainers have, beside all other problems."""
        if not isinstance(values, dict):
            return validate(values)
        named = sorted(_ELSEWHERE.keys() & values.keys())
        problems = [f"{name}: {_ELSEWHERE[name]}" for name in named]
        rest = {name: value for name, value in values.items() if name not in named}
        settings: TrainingSettings = _validated(cls, rest, validate, problems)
        return settings

    @model_validator(mode="after")
    def _agree(self) -> TrainingSettings:
        problems = []
        if self.quantization != "none" and self.sharding == "full":
            problems.append(
                "sharding: a base in 4 bits is held on each device. Leave sharding out, or leave "
                "quantization out."
            )
        if not self.target_modules:
            problems.append("target_modules: is empty. Name layers, or leave it at 'all-linear'.")
        if self.max_length and self.tokens_per_device and self.tokens_per_device < self.max_length:
            problems.append(
                f"tokens_per_device: {self.tokens_per_device} tokens hold no sequence of "
                f"max_length {self.max_length}. Raise it, or lower max_length."
            )
        if problems:
            raise ConfigurationError(problems)
        return self


_ELSEWHERE = {
    "gradient_accumulation_steps": "no such setting: batch_size counts all examples of a step, and "
    "how many passes they take is found from the memory. Remove it.",
    "per_device_train_batch_size": "no such setting: set batch_size, which counts all examples of "
    "a step over all devices.",
    "num_train_epochs": "no such setting. Did you mean 'epochs'?",
    "lr": "no such setting. Did you mean 'learning_rate'?",
    "r": "no such setting. Did you mean 'lora_rank'?",
    "lora_r": "no such setting. Did you mean 'lora_rank'?",
    "lora_target": "no such setting. Did you mean 'target_modules'?",
    "load_in_4bit": "no such setting: set quantization to '4bit'.",
    "gradient_checkpointing": "no such setting. Did you mean 'activation_checkpointing'?",
    "cutoff_len": "no such setting. Did you mean 'max_length'?",
    "bf16": "no such setting: set precision to 'bfloat16'.",
}
"""Names that TRL, PEFT, LLaMA-Factory and Axolotl have for what is called otherwise here."""


class RunBasics(BaseModel):
    """What every run has, whatever it is tuned on.

    Attributes:
        base_model: ``embedded``, a folder, a hub id (``id@revision``) or a URI.
        method: ``pet`` (an adapter, LoRA) or ``full`` (every weight).
        preset: Defaults for the settings: ``quick``, ``balanced`` or ``quality``.
        output: Folder of the result.
        overrides: Any field of `TrainingSettings`; under ``pet`` or ``full``, for one method.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_model: str = EMBEDDED
    method: Method = "pet"
    preset: Preset = "balanced"
    output: Path
    overrides: TrainingSettings = Field(default_factory=dict, validate_default=True)

    @field_validator("overrides", mode="wrap")
    @classmethod
    def _of_the_method(
        cls, overrides: Any, validate: ValidatorFunctionWrapHandler, info: ValidationInfo
    ) -> Any:
        if not isinstance(overrides, dict):
            return validate(overrides)
        # A method that was refused is missing here; a problem of its own names it.
        method = info.data.get("method", "")
        chosen = settings_for(method, overrides)
        problems = []
        adapter_only = sorted(set(ADAPTER_SETTINGS) & chosen.keys())
        if method == "full" and adapter_only:
            problem = f"{', '.join(adapter_only)}: sets an adapter, and method 'full' has none. "
            problems = [f"{problem}Put adapter settings under 'pet'."]
            chosen = {name: value for name, value in chosen.items() if name not in adapter_only}
        return _validated(TrainingSettings, chosen, validate, problems)


class TrainConfig(RunBasics):
    """The file that ``tuneline train --config`` reads.

    Attributes:
        train: Canonical Parquet of the training split.
        validation: Canonical Parquet of the validation split; it chooses the checkpoint.
    """

    train: Path
    validation: Path


class TaskData(BaseModel):
    """The splits of one task, canonical Parquet each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: Path
    validation: Path


class TasksConfig(RunBasics):
    """The same for several tasks: one adapter each over one base.

    Attributes:
        tasks: Splits by the task's name, which is the name of its folder in ``output``.
    """

    tasks: dict[str, TaskData] = Field(min_length=1)

    @model_validator(mode="after")
    def _adapters(self) -> TasksConfig:
        problems = [
            f"tasks: {name!r} is no name of a folder. Use letters, digits, '_', '-' and '.'."
            for name in self.tasks
            if not _TASK_NAME.fullmatch(name)
        ]
        if self.method != "pet":
            problems.append(
                "tasks: several tasks over one base are adapters. Set method to 'pet', or run "
                "each task by itself."
            )
        if problems:
            raise ConfigurationError(problems)
        return self

    def runs(self) -> dict[str, TrainConfig]:
        """The configuration of each task's run; a merged model is written where it is asked for."""
        merge = {"merge": self.overrides.merge if self._asks_to_merge() else False}
        shared = {
            name: getattr(self, name) for name in RunBasics.model_fields if name != "overrides"
        }
        return {
            name: TrainConfig(
                **{
                    **shared,
                    "train": data.train,
                    "validation": data.validation,
                    "output": self.output / name,
                    "overrides": self.overrides.model_copy(update=merge),
                }
            )
            for name, data in self.tasks.items()
        }

    def _asks_to_merge(self) -> bool:
        return "merge" in self.overrides.model_fields_set


def settings_for(method: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Take the settings that hold for one method out of ``overrides``.

    Entries under ``pet`` and ``full`` hold for that method alone and win over those beside them, so
    one mapping serves a run of either method and a comparison of both.

    Raises:
        ValueError: What stands under ``pet`` or ``full`` is no mapping.
    """
    shared = {name: value for name, value in overrides.items() if name not in METHODS}
    own = overrides.get(method) or {}
    if not isinstance(own, dict):
        # pydantic reports a ValueError alone.
        raise ValueError(  # noqa: TRY004
            f"{method}: must be a mapping of settings, not {own!r}."
        )
    return {**shared, **own}


def _validated(
    model: type[BaseModel], values: Any, validate: Callable[[Any], Any], problems: list[str]
) -> Any:
    """Validate what is left, and raise its problems beside those that were found before.

    Raises:
        ConfigurationError: There are problems of both kinds, or of the first.
    """
    if not problems:
        return validate(values)
    try:
        validate(values)
    except ValidationError as error:
        problems = [*problems, *sentences(model, error)]
    raise ConfigurationError(problems)
