"""What a tuning run leaves behind: result.json, its last and binding word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tuneline.errors import DataError
from tuneline.files import write_text
from tuneline.training.settings import Method, Preset, TrainingSettings

if TYPE_CHECKING:
    from pathlib import Path

RESULT_FILE = "result.json"
CURVES_FILE = "curves.html"
CARD_FILE = "README.md"


class BaseModelRecord(BaseModel):
    """The model that tuning started from; ``revision`` is its commit where a hub gave it."""

    reference: str
    digest: str
    revision: str = ""


class SplitRecord(BaseModel):
    """A split that went into the run; token counts are those of one epoch."""

    digest: str
    rows: int
    too_long: int
    tokens: int
    trained_tokens: int


class LossPoint(BaseModel):
    """One measured loss, at an optimizer step (1-based) and the epoch it belongs to."""

    step: int
    epoch: float
    loss: float


class ContinuedRecord(BaseModel):
    """The adapter that a run went on with."""

    reference: str
    digest: str


class WorkRecord(BaseModel):
    """How the work was done.

    Attributes:
        device: What computed.
        processes: How many, each with a device of its own.
        placement: ``alone``, ``replicated`` on each device or ``sharded`` over them.
        weights: Type that weights were held in.
        computation: Type of matrix products.
        packed: Whether sequences lay one behind another, with no padding.
        not_packed_because: Why not; empty where they did or were not wanted to.
        tokens_per_device: Most tokens in one forward pass.
        activation_checkpointing: Whether activations were computed twice.
        largest_loss_difference: Of a row's mean loss from that of the row alone, unpadded, as a
            share of 1 + the loss: what the preflight measured.
    """

    model_config = ConfigDict(extra="forbid")

    device: str
    processes: int
    placement: str
    weights: str
    computation: str
    packed: bool
    not_packed_because: str
    tokens_per_device: int
    activation_checkpointing: bool
    largest_loss_difference: float


class TuningResult(BaseModel):
    """Every fact of a finished run; see the attributes' names and units.

    Attributes:
        model_folder: Where the model that answers lies; ``adapter`` where it was not merged.
        model_digest: SHA-256 over the files of that folder.
        settings: Every setting, those that were derived included.
        train_loss: Mean loss of the trained tokens since the point before.
        validation_loss: Mean loss of the trained tokens of the validation split.
        merged_logit_difference: Largest difference that merging made to a logit, as a share of the
            largest; None where nothing was merged.
        tokens: Tokens read in steps, prompts included; those of repeated steps count once.
        seconds: Time of the whole run, all its parts together, loading included.
        training_seconds: Time of it that was spent in steps.
        peak_memory_bytes: Resident peak of the (last) process, or of its device where there is one.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[2] = 2
    tuneline_version: str
    run_digest: str
    method: Method
    preset: Preset
    model_folder: Literal["adapter", "merged", "model"]
    model_digest: str
    base_model: BaseModelRecord
    continued_from: ContinuedRecord | None
    settings: TrainingSettings
    data: dict[str, SplitRecord]
    trainable_parameters: int
    total_parameters: int
    steps: int
    best_step: int
    stopped_early: bool
    train_loss: list[LossPoint]
    validation_loss: list[LossPoint]
    best_validation_loss: float
    merged_logit_difference: float | None
    tokens: int
    seconds: float
    training_seconds: float
    peak_memory_bytes: int
    work: WorkRecord
    versions: dict[str, str]

    @property
    def tokens_per_second(self) -> float:
        """Tokens read in a second of steps, prompts included, all devices together."""
        return self.tokens / max(self.training_seconds, 1e-9)

    def numbers(self) -> dict[str, float]:
        """The result's figures, flat, for a metrics artifact."""
        return {
            "best_validation_loss": self.best_validation_loss,
            "best_step": self.best_step,
            "steps": self.steps,
            "trainable_parameters": self.trainable_parameters,
            "total_parameters": self.total_parameters,
            "trained_tokens_per_epoch": self.data["train"].trained_tokens,
            "seconds": self.seconds,
            "tokens_per_second": round(self.tokens_per_second, 1),
            "peak_memory_bytes": self.peak_memory_bytes,
        }

    def summary(self) -> dict[str, str]:
        """What tells this model from others, for a model artifact's metadata."""
        return {
            "framework": "transformers",
            "method": self.method,
            "base_model": self.base_model.reference,
            "base_digest": self.base_model.digest,
            "train_digest": self.data["train"].digest,
            "model_digest": self.model_digest,
            "tuneline_version": self.tuneline_version,
        }

    def write(self, folder: Path) -> None:
        """Write result.json into the run's folder."""
        write_text(folder / RESULT_FILE, self.model_dump_json(indent=2) + "\n")


def read_result(folder: Path) -> TuningResult:
    """Read result.json from a tuned model's folder.

    Raises:
        DataError: There is none, or it is not one of this release.
    """
    path = folder / RESULT_FILE
    try:
        return TuningResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{folder}: holds no {RESULT_FILE}, so no finished tuning run.") from error
    except ValidationError as error:
        raise DataError(f"{path}: not a result that this release reads: {error}") from error
