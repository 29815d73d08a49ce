"""How a task tunes on several nodes: by which image, on which nodes, and how long it waits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.cluster import Cluster
from tuneline.settings import validated

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tuneline.kubeflow.cluster import WorkVolume

SERVICE_ACCOUNT = "TUNELINE_SERVICE_ACCOUNT"
"""Environment variable: the account that this task runs as, and its nodes with it."""

_LONGEST_IMAGE = 500
"""Most characters that a TrainJob takes as an image."""


class Patience(BaseModel):
    """How often a job is looked at, and how long what may pass is waited for.

    Attributes:
        max_wait_hours: Longest time until every node works: in a queue, and for machines; 0:
            without end.
        first_wait_s: Seconds between the first two looks...
        longest_wait_s: ...which grow up to this while nothing changes.
        failing_s: How long failures of the API server that pass are ridden out.
        stuck_s: How long a node may fail to start for a reason that hardly passes by itself, such
            as an image that cannot be pulled.
        gone_s: How long a job that is deleted may take to go.
        result_s: How long a result that another machine wrote may take to be seen on the volume.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_wait_hours: float = Field(default=24.0, ge=0)
    first_wait_s: float = Field(default=1.0, gt=0)
    longest_wait_s: float = Field(default=20.0, gt=0)
    failing_s: float = Field(default=600.0, gt=0)
    stuck_s: float = Field(default=900.0, gt=0)
    gone_s: float = Field(default=300.0, gt=0)
    result_s: float = Field(default=90.0, gt=0)


class TrainJobSettings(Patience):
    """What a TrainJob runs on.

    Attributes:
        trainer_image: Image of the nodes.
        cluster: What the cluster asks of them; how many nodes, with which devices, and the volume
            that they share with this task.
        service_account: Account of the nodes' pods; empty: that of the runtime.
    """

    trainer_image: str
    cluster: Cluster
    service_account: str = ""

    @property
    def work_volume(self) -> WorkVolume:
        """The volume that the nodes share with this task."""
        if self.cluster.work_volume is None:
            raise ConfigurationError(_NO_VOLUME)
        return self.cluster.work_volume

    @model_validator(mode="after")
    def _gather_problems(self) -> TrainJobSettings:
        if problems := list(self._problems()):
            raise ConfigurationError(problems)
        return self

    def _problems(self) -> Iterator[str]:
        if not 0 < len(self.trainer_image) <= _LONGEST_IMAGE or " " in self.trainer_image:
            yield (
                "trainer_image: must name an image, such as registry.example/tuneline/trainer:1, "
                f"not {self.trainer_image!r}."
            )
        if self.cluster.work_volume is None:
            yield _NO_VOLUME


_NO_VOLUME = (
    "cluster.work_volume: is required for several nodes: a claim that many nodes may write to "
    "(ReadWriteMany), such as {claim: tuning}."
)


def train_job_settings(values: Mapping[str, Any]) -> TrainJobSettings:
    """Settings out of a task's inputs; the service account is the task's own where it knows it.

    Raises:
        ConfigurationError: Lists every problem.
    """
    own = {"service_account": os.environ.get(SERVICE_ACCOUNT, "")}
    return validated(TrainJobSettings, {**own, **values}, source="train job")
