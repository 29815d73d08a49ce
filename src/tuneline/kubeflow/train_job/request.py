"""What is asked of a TrainJob, and the names that follow from it: one job for one request."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneline.files import sha256_file
from tuneline.training.settings import MACHINE_SETTINGS

if TYPE_CHECKING:
    from tuneline.kubeflow.train_job.settings import TrainJobSettings
    from tuneline.training.settings import TrainConfig

_NAME_DIGITS = 24
"""Of the digest in a job's name: pods are named after the job, in 63 characters."""

_FOLDER_DIGITS = 32


@dataclass(frozen=True, slots=True)
class TrainJobRequest:
    """A run of the trainer on several nodes.

    The folder is named after what is learned, from what, by which image: jobs on other numbers of
    nodes, or with other settings of the machine, go on from the same checkpoints. The job is named
    after all of it.

    Attributes:
        name: Of the TrainJob.
        folder: On the shared volume.
        train: The training split here, with its copy at ``config.train``.
        validation: Likewise.
        config: What the nodes read; its paths are on the shared volume.
    """

    name: str
    folder: Path
    train: Path
    validation: Path
    config: TrainConfig

    @property
    def config_file(self) -> Path:
        """The configuration that the nodes are started with."""
        return self.folder / f"{self.name}.yaml"

    @property
    def followed_file(self) -> Path:
        """The lease of the job: this task renews it, and the nodes stop where nobody does."""
        return self.folder / f"{self.name}.followed"


def request_of(
    config: TrainConfig, settings: TrainJobSettings, fingerprint: str
) -> TrainJobRequest:
    """Name a request's folder and job after what it asks for.

    Args:
        config: The run, with the paths of this task.
        settings: Where it runs.
        fingerprint: Digest of the base model; empty: its name stands for it.
    """
    overrides = config.overrides.model_dump(mode="json", exclude_unset=True)
    learned = {
        "image": settings.trainer_image,
        "train": sha256_file(config.train),
        "validation": sha256_file(config.validation),
        "base_model": [config.base_model, fingerprint],
        "method": [config.method, config.preset],
        "overrides": {k: v for k, v in overrides.items() if k not in MACHINE_SETTINGS},
    }
    cluster = settings.cluster.model_dump(mode="json")
    folder = Path(settings.work_volume.mount_path) / _digest(learned)[:_FOLDER_DIGITS]
    machine = [overrides, cluster, settings.service_account]
    name = f"tune-{_digest([learned, machine])[:_NAME_DIGITS]}"
    placed = {
        "train": folder / "train.parquet",
        "validation": folder / "validation.parquet",
        "output": folder / "output",
    }
    return TrainJobRequest(
        name, folder, config.train, config.validation, config.model_copy(update=placed)
    )


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
