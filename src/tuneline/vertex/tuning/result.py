"""What a managed tuning job leaves behind: result.json, the contract with the later stages."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from tuneline.data.targets.catalogue import Engine, Method
from tuneline.errors import DataError
from tuneline.files import write_text
from tuneline.vertex.place import Resource

if TYPE_CHECKING:
    from pathlib import Path


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ManagedBase(_Record):
    """The model that tuning started from; ``digest`` is of its name: a service shows no weights."""

    reference: str
    digest: str


class ManagedSplit(_Record):
    """A split as it was sent.

    Attributes:
        digest: SHA-256 of the canonical Parquet file.
        rows: Its rows.
        tokens: Tokens of one epoch, by ``token_counter`` of the result.
        uri: The file that was uploaded, named after its content.
        file_digest: SHA-256 of that file.
        file_bytes: Its size.
    """

    digest: str
    rows: int
    tokens: int
    uri: str
    file_digest: str
    file_bytes: int


class Checkpoint(_Record):
    """A checkpoint that the service kept; ``endpoint`` is empty where it answers from none."""

    checkpoint_id: str
    epoch: int
    step: int
    endpoint: str


class CurvePoint(_Record):
    """One value of a metric at a step."""

    step: int
    value: float


class ManagedResult(_Record):
    """Every fact of a finished job.

    Attributes:
        run_digest: SHA-256 of what was asked for: the same request is the same job.
        engine: ``gemini`` or ``vertex-open``.
        base_weights: Where the weights of an open base model are read for prompt design and for
            adapters; empty for Gemini.
        settings: Every setting of the job.
        data: The splits that were sent, by name.
        job: ``projects/P/locations/L/tuningJobs/ID``.
        model: ``projects/P/locations/L/models/ID@VERSION`` in the Model Registry; empty where the
            service made none.
        endpoint: Where the tuned model answers; empty for open models.
        weights_uri: Folder of the tuned weights; empty for Gemini.
        checkpoints: Checkpoints that the service kept.
        statistics: The service's statistics of the training data, in its own names.
        curves: Values of each metric of the job's experiment; empty where it shows none.
        experiment: Name of that experiment.
        token_counter: Who counted the tokens of ``data``.
        estimated_cost_usd: What the job was expected to cost.
        billed_tokens: Tokens that the service says it charges for; 0 where it does not say.
        cost_usd: Their price; None where the service does not say or the price is unknown.
        started: When the job ran; None where the service does not say.
        ended: When it ended.
        seconds: Between creation and end.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)  # what is derived is written too

    schema_version: Literal[1] = 1
    tuneline_version: str
    run_digest: str
    engine: Engine
    method: Method
    base_model: ManagedBase
    base_weights: str
    settings: dict[str, Any]
    data: dict[str, ManagedSplit]
    job: str
    model: str
    endpoint: str
    weights_uri: str
    checkpoints: list[Checkpoint]
    statistics: dict[str, Any]
    curves: dict[str, list[CurvePoint]]
    experiment: str
    token_counter: str
    estimated_cost_usd: float
    billed_tokens: int
    cost_usd: float | None
    started: dt.datetime | None
    ended: dt.datetime | None
    seconds: float

    # What registries read of every kind of result; a service neither counts parameters nor shows
    # weights, so the model's digest is of what can never be another model: its place and version.
    @computed_field  # type: ignore[prop-decorator]
    @property
    def model_digest(self) -> str:
        """SHA-256 of the names of the tuned model, its endpoint and its weights."""
        names = "\n".join((self.job, self.model, self.endpoint, self.weights_uri))
        return hashlib.sha256(names.encode()).hexdigest()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def trainable_parameters(self) -> int:
        """0: the service does not say."""
        return 0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total_parameters(self) -> int:
        """0: the service does not say."""
        return 0

    @property
    def uri(self) -> str:
        """Where the tuned model is: its weights, or its entry in the Model Registry."""
        if self.weights_uri:
            return self.weights_uri
        return Resource.parse(self.model or self.endpoint).url

    @property
    def name(self) -> Resource:
        """The model's name, taken apart; the job's where there is no model."""
        return Resource.parse(self.model or self.job)

    def numbers(self) -> dict[str, float]:
        """The result's figures, flat, for a metrics artifact."""
        counts = {
            "training_rows": self.data["train"].rows,
            "billed_tokens": self.billed_tokens,
            "estimated_cost_usd": round(self.estimated_cost_usd, 4),
            "seconds": self.seconds,
            "checkpoints": len(self.checkpoints),
        }
        if self.cost_usd is not None:
            counts["cost_usd"] = round(self.cost_usd, 4)
        for name in ("tuningStepCount", "totalTruncatedExampleCount"):
            if name in self.statistics:
                counts[name] = float(self.statistics[name])
        ends = {name: points[-1].value for name, points in self.curves.items() if points}
        return {**counts, **{name.strip("/"): value for name, value in ends.items()}}

    def summary(self) -> dict[str, str]:
        """What tells this model from others, for an artifact ``google.VertexModel``."""
        return {
            "resourceName": self.model,
            "engine": self.engine,
            "method": self.method,
            "base_model": self.base_model.reference,
            "train_digest": self.data["train"].digest,
            "endpoint": self.endpoint,
            "tuning_job": self.job,
            "model_digest": self.model_digest,
            "tuneline_version": self.tuneline_version,
        }

    def write(self, path: Path) -> None:
        """Write the result as JSON."""
        write_text(path, self.model_dump_json(indent=2) + "\n")


def read_managed_result(path: Path) -> ManagedResult:
    """Read the result of a managed tuning job.

    Raises:
        DataError: It is missing or none of this release.
    """
    try:
        return ManagedResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error}).") from error
    except ValidationError as error:
        raise DataError(f"{path}: not a managed tuning job's result: {error}") from error
