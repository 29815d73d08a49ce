"""A tuning job between its creation and its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.vertex.stand_in.datasets import Dataset

ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")


@dataclass(slots=True)
class Job:
    """A tuning job.

    Attributes:
        resource: Its JSON.
        base_model: That it tunes, or that the model was tuned from that it goes on from.
        asked_location: Where it was sent to; ``global`` is not where it runs.
        training: Its training file.
        validation: Its validation file; without rows where there is none.
        states: That it has yet to go through.
    """

    resource: dict[str, Any]
    base_model: str
    asked_location: str
    training: Dataset
    validation: Dataset
    states: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.resource["state"] in ENDED

    @property
    def id(self) -> str:
        """The last part of its name."""
        return str(self.resource["name"]).rpartition("/")[2]

    @property
    def hyper_parameters(self) -> dict[str, Any]:
        """Of its supervised tuning."""
        found: dict[str, Any] = self.resource["supervisedTuningSpec"]["hyperParameters"]
        return found

    @property
    def epochs(self) -> int:
        """Passes over the training file."""
        return int(self.hyper_parameters["epochCount"])
