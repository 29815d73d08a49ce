"""What a managed tuning job is told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tuneline.data.targets.catalogue import Engine, Method
from tuneline.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN_LABEL = "tuneline-run"
"""The label that a job is found again by."""

_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_MOST_LABELS = 63  # the service takes 64, and one is ours
_BUCKET = r"^gs://[a-z0-9][a-z0-9._-]{1,220}(/[^\s]*)?$"
_OPEN_ONLY = ("learning_rate", "batch_size", "custom_base_model", "base_weights")
_GEMINI_ONLY = ("learning_rate_multiplier", "tuned_from", "last_checkpoint_only")


class ManagedSettings(BaseModel):
    """Which model a service tunes, on what terms, and what it may cost.

    Attributes:
        base_model: Id in the catalogue: ``gemini-3.1-flash-lite``, or an open model such as
            ``qwen/qwen3@qwen3-32b``.
        method: ``pet`` (adapter) or ``full`` (every weight; some open models).
        project: Google Cloud project that pays.
        location: Where the job runs; empty: the first that the catalogue names, ``global`` for open
            models.
        staging: Folder of a bucket, ``gs://bucket/prefix``: training files, tuned open weights.
        model_name: What the tuned model is for; its display name starts with it.
        base_weights: For open models, the same model's weights for prompt design and under an
            adapter: a hub id, a folder or a gs:// URI.
        custom_base_model: Folder of weights, gs://, that an open model is tuned from instead of the
            published ones; of the same architecture.
        tuned_from: Tuned Gemini model to go on from,
            ``projects/P/locations/L/models/ID[@VERSION]``.
        tuned_from_checkpoint: Its checkpoint; empty: its default one.
        epochs: Passes over the training split. Always set: left out, the service may choose many
            times as many, and each is paid for.
        adapter_size: Rank of the adapter; 0: the service's choice.
        learning_rate_multiplier: Times the service's learning rate (Gemini); 0: its choice.
        learning_rate: Of open models; 0: the service's choice.
        batch_size: Of open models; 0: the service's choice.
        last_checkpoint_only: Keep no checkpoint but the last, each of which answers from an
            endpoint of its own (Gemini).
        labels: Further labels of the job.
        encryption_key: Customer-managed key,
            ``projects/P/locations/L/keyRings/R/cryptoKeys/K``; empty: Google's.
        service_account: Account that the job runs as; empty: the service's own agent.
        max_cost_usd: Most that tuning may cost in US dollars by the estimate made beforehand.
        usd_per_million_tokens: Price of training, where the catalogue does not know it or is wrong;
            0: the catalogue's.
        train_tokens: Tokens of the training split, where they cannot be counted (audio, video,
            documents); 0: they are counted.
        attempt: Raise it to pay for the same job again, after it failed or was cancelled.
        catalogue: YAML file of models that extends or corrects the one that ships.
        catalogue_checks: ``strict``: what the catalogue says that the model does not take ends the
            run before anything is sent; ``warn``: it is said, and the service judges.
        tokenizer: Folder or hub id of the tokenizer that counts; empty: an estimate.
        deadline_hours: Longest time of a job, after which it is cancelled.
        queue_hours: Longest wait for the quota of concurrent jobs.
        first_wait_s: Seconds before the first look at the job; the waits double from there...
        longest_wait_s: ...up to this.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    base_model: str = Field(min_length=1)
    method: Method = "pet"
    project: str = Field(pattern=r"^[a-z0-9][A-Za-z0-9:.-]{2,61}$")
    location: str = Field(default="", pattern=r"^[a-z0-9-]*$")
    staging: str = Field(pattern=_BUCKET)
    model_name: str = Field(default="tuned-model", min_length=1, max_length=100)
    base_weights: str = ""
    custom_base_model: str = Field(default="", pattern=rf"{_BUCKET}|^$")
    tuned_from: str = Field(
        default="",
        pattern=r"^$|^projects/[^/]+/locations/[a-z0-9-]+/models/[A-Za-z0-9_-]+(@[A-Za-z0-9-]+)?$",
    )
    tuned_from_checkpoint: str = Field(default="", pattern=r"^[A-Za-z0-9_-]*$")
    epochs: int = Field(default=3, ge=1, le=200)
    adapter_size: int = Field(default=0, ge=0)
    learning_rate_multiplier: float = Field(default=0.0, ge=0)
    learning_rate: float = Field(default=0.0, ge=0, lt=1)
    batch_size: int = Field(default=0, ge=0)
    last_checkpoint_only: bool = False
    labels: dict[str, str] = Field(default_factory=dict)
    encryption_key: str = Field(
        default="",
        pattern=r"^$|^projects/[^/]+/locations/[a-z0-9-]+/keyRings/[^/]+/cryptoKeys/[^/]+$",
    )
    service_account: str = Field(default="", pattern=r"^$|^[^@\s]+@[^@\s]+\.gserviceaccount\.com$")
    max_cost_usd: float = Field(default=20.0, gt=0)
    usd_per_million_tokens: float = Field(default=0.0, ge=0)
    train_tokens: int = Field(default=0, ge=0)
    attempt: int = Field(default=1, ge=1)
    catalogue: str = ""
    catalogue_checks: Literal["strict", "warn"] = "strict"
    tokenizer: str = ""
    deadline_hours: float = Field(default=24.0, gt=0)
    queue_hours: float = Field(default=24.0, ge=0)
    first_wait_s: float = Field(default=10.0, gt=0)
    longest_wait_s: float = Field(default=300.0, gt=0)

    @property
    def engine(self) -> Engine:
        """The service's kind of tuning: names of open models have a publisher and a version."""
        return "vertex-open" if "/" in self.base_model.removeprefix("google/gemini") else "gemini"

    @model_validator(mode="after")
    def _gather_problems(self) -> ManagedSettings:
        problems = [*self._engine_problems(), *self._label_problems()]
        if self.learning_rate and self.learning_rate_multiplier:
            problems.append("learning_rate: give it or learning_rate_multiplier, not both.")
        if self.tuned_from_checkpoint and not self.tuned_from:
            problems.append("tuned_from_checkpoint: needs tuned_from beside it.")
        if self.encryption_key and f"/locations/{self.location or 'global'}/" not in (
            self.encryption_key
        ):
            problems.append(
                "encryption_key: must lie in the job's location; set location, which must not be "
                "global."
            )
        if problems:
            raise ConfigurationError(problems)
        return self

    def _engine_problems(self) -> Iterator[str]:
        is_open = self.engine == "vertex-open"
        for name in _GEMINI_ONLY if is_open else _OPEN_ONLY:
            if getattr(self, name):
                of = "Gemini" if is_open else "open models"
                yield f"{name}: is for {of} alone, and {self.base_model} is not one of them."
        if is_open and not self.base_weights:
            yield (
                "base_weights: is required: prompts of the untuned model are what tuning must "
                "beat. Name the model's weights: a hub id, a folder or a gs:// URI."
            )
        if not is_open and self.method == "full":
            yield (
                f"method: {self.base_model} is tuned by adapter alone; set pet, or choose an open "
                "model."
            )
        if not is_open and self.location == "global":
            yield "location: Gemini is not tuned at global; name a region, such as us-central1."
        if is_open and self.method == "full" and self.adapter_size:
            yield "adapter_size: full tuning trains no adapter; leave it out."

    def _label_problems(self) -> Iterator[str]:
        if len(self.labels) > _MOST_LABELS:
            yield f"labels: {len(self.labels)} are too many; the most is {_MOST_LABELS}."
        for key, value in self.labels.items():
            if key == RUN_LABEL:
                yield f"labels.{key}: is Tuneline's own; choose another name."
            elif not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
                yield (
                    f"labels.{key}: a label is a lower-case letter, then up to 62 of a-z, 0-9, _ "
                    "and -; its value up to 63 of them."
                )
