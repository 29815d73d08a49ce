"""What a tuning run is told: a method, a preset and, where needed, single settings.

Every setting that is left at ``None`` is derived from the method and the size of the model, so that
the few that a user names are the few that matter.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from tuneline.models.source import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Mapping

Method = Literal["pet", "full"]
Preset = Literal["quick", "balanced", "quality"]

METHODS: tuple[Method, ...] = get_args(Method)

PRESETS: dict[Preset, dict[str, Any]] = {
    "quick": {"epochs": 3.0, "lora_rank": 8, "early_stopping_patience": 1},
    "balanced": {"epochs": 6.0, "lora_rank": 16, "early_stopping_patience": 2},
    "quality": {"epochs": 12.0, "lora_rank": 32, "early_stopping_patience": 3},
}
"""What each preset changes. Early stopping makes the epochs an upper bound."""

_LARGE = 1_000_000_000
_LEARNING_RATE_AT_LARGE: dict[Method, float] = {"full": 2e-5, "pet": 2e-4}
_LEARNING_RATE_FALL: dict[Method, float] = {"full": 0.6, "pet": 0.5}
_LEARNING_RATE_CEILING: dict[Method, float] = {"full": 2e-3, "pet": 5e-3}


class TrainingSettings(BaseModel):
    """How to tune; ``None`` means: derived, see `resolved`.

    Attributes:
        epochs: Passes over the training split, at most; early stopping may end sooner.
        learning_rate: Peak learning rate.
        batch_size: Examples in one forward pass on one device.
        gradient_accumulation_steps: Forward passes in one optimizer step.
        max_length: Longest sequence in tokens. ``None``: what the model was made for.
        on_too_long: Longer examples stop the run (``error``) or are left out, counted (``drop``).
        lora_rank: Rank of the adapter's matrices (`pet` only).
        lora_alpha: Scale of the adapter; ``None``: twice the rank.
        lora_dropout: Dropout on the adapter's input.
        warmup_ratio: Share of the steps over which the learning rate rises.
        learning_rate_schedule: How it falls afterwards.
        weight_decay: AdamW's decoupled weight decay.
        max_gradient_norm: Gradients are clipped to this norm.
        save_steps: Validate and checkpoint every so many optimizer steps; ``None``: each epoch.
        early_stopping_patience: Stop after so many validations without a better loss; 0: never.
        seed: Seeds the adapter's initial weights, the order of the examples and dropout.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: float = Field(default=PRESETS["balanced"]["epochs"], gt=0, le=1000)
    learning_rate: float | None = Field(default=None, gt=0, le=1)
    batch_size: int = Field(default=16, ge=1)
    gradient_accumulation_steps: int = Field(default=1, ge=1)
    max_length: int | None = Field(default=None, ge=8)
    on_too_long: Literal["error", "drop"] = "error"
    lora_rank: int = Field(default=PRESETS["balanced"]["lora_rank"], ge=1, le=1024)
    lora_alpha: float | None = Field(default=None, gt=0)
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    warmup_ratio: float = Field(default=0.05, ge=0, lt=1)
    learning_rate_schedule: Literal["linear", "cosine", "constant_with_warmup"] = "cosine"
    weight_decay: float = Field(default=0.01, ge=0)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    save_steps: int | None = Field(default=None, ge=1)
    early_stopping_patience: int = Field(
        default=PRESETS["balanced"]["early_stopping_patience"], ge=0
    )
    seed: int = Field(default=0, ge=0, lt=2**32)

    def resolved(self, method: Method, parameters: int) -> TrainingSettings:
        """Fill what is derived from the method and the model's number of parameters.

        The learning rate follows a power law through the values in common use at one billion
        parameters (2e-5 for full tuning, 2e-4 for LoRA: the QLoRA paper, arXiv 2305.14314, table
        9) up to a ceiling measured on the embedded model; smaller models take larger steps.
        """
        scale = (_LARGE / max(parameters, 1)) ** _LEARNING_RATE_FALL[method]
        rate = min(_LEARNING_RATE_AT_LARGE[method] * scale, _LEARNING_RATE_CEILING[method])
        return self.model_copy(
            update={
                "learning_rate": self.learning_rate or float(f"{rate:.2g}"),
                "lora_alpha": self.lora_alpha or 2.0 * self.lora_rank,
            }
        )


class TrainConfig(BaseModel):
    """The file that ``tuneline train --config`` reads.

    Attributes:
        train: Canonical Parquet of the training split.
        validation: Canonical Parquet of the validation split; it chooses the checkpoint.
        base_model: ``embedded``, a folder, a hub id or a gs:// URI.
        method: ``pet`` (an adapter, LoRA) or ``full`` (every weight).
        preset: Defaults for the settings: ``quick``, ``balanced`` or ``quality``.
        output: Folder of the result.
        overrides: Any field of `TrainingSettings`; under ``pet`` or ``full``, for one method.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: Path
    validation: Path
    base_model: str = EMBEDDED
    method: Method = "pet"
    preset: Preset = "balanced"
    output: Path
    overrides: TrainingSettings = Field(default_factory=dict, validate_default=True)

    @field_validator("overrides", mode="before")
    @classmethod
    def _layers(cls, overrides: Any, info: ValidationInfo) -> Any:
        if not isinstance(overrides, dict):
            return overrides
        # A method or preset that was refused is missing here; a problem of its own names it.
        preset = PRESETS.get(info.data.get("preset", ""), {})
        return {**preset, **settings_for(info.data.get("method", ""), overrides)}


def settings_for(method: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Take the settings that hold for one method out of ``overrides``.

    Entries under ``pet`` and ``full`` hold for that method alone and win over those beside them, so
    one mapping serves a run of either method and a comparison of both.

    Raises:
        ValueError: A setting of the adapter is given to full tuning, which has none, or what
            stands under ``pet`` or ``full`` is no mapping.
    """
    shared = {name: value for name, value in overrides.items() if name not in METHODS}
    own = overrides.get(method) or {}
    if not isinstance(own, dict):
        # pydantic reports a ValueError alone.
        raise ValueError(  # noqa: TRY004
            f"{method}: must be a mapping of settings, not {own!r}."
        )
    chosen = {**shared, **own}
    adapter_only = sorted(name for name in chosen if str(name).startswith("lora_"))
    if method == "full" and adapter_only:
        raise ValueError(
            f"{', '.join(adapter_only)}: sets an adapter, and method 'full' has none. "
            "Put adapter settings under 'pet'."
        )
    return chosen
