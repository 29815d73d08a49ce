"""What a tuning run leaves behind: result.json, its last and binding word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tuneline.errors import DataError
from tuneline.files import write_text
from tuneline.training.settings import Method, TrainingSettings

if TYPE_CHECKING:
    from pathlib import Path

RESULT_FILE = "result.json"


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


class TuningResult(BaseModel):
    """Every fact of a finished run; see the attributes' names and units.

    ``model_digest`` is the SHA-256 over the files of the folder named by ``model_folder``.
    ``seconds`` counts from the start of the process's work to the last checkpoint; after a resume,
    of the last part alone. ``peak_memory_bytes`` is the process's resident peak, or the device's
    where there is one.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[1] = 1
    tuneline_version: str
    run_digest: str
    method: Method
    model_folder: Literal["merged", "model"]
    model_digest: str
    base_model: BaseModelRecord
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
    seconds: float
    peak_memory_bytes: int
    device: str
    versions: dict[str, str]

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
