"""A cluster, a volume and a run that is asked of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kubeflow.train_job.stand_in import NAMESPACE, Cluster
from tests.lamps import run_config
from tuneline.kubeflow.train_job.settings import TrainJobSettings, train_job_settings
from tuneline.training.settings import TrainConfig

QUICK = {
    "first_wait_s": 0.01,
    "longest_wait_s": 0.05,
    "failing_s": 5.0,
    "gone_s": 5.0,
    "result_s": 0.2,
}
IMAGE = "registry.example/tuneline/trainer:7"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """The stand-in, found by KUBECONFIG; waits between attempts are short."""
    found = Cluster()
    monkeypatch.setenv("KUBECONFIG", str(found.write_kubeconfig(tmp_path / "kubeconfig")))
    monkeypatch.setenv("TUNELINE_NAMESPACE", NAMESPACE)
    yield found
    found.close()
    assert found.unknown == []


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., TrainJobSettings]:
    """Makes settings of two nodes that share a folder."""

    def make(cluster: dict[str, Any] | None = None, **values: Any) -> TrainJobSettings:
        volume = {"claim": "tuning", "mount_path": str(tmp_path / "work")}
        given = {"nodes": 2, "work_volume": volume, **(cluster or {})}
        return train_job_settings({"trainer_image": IMAGE, "cluster": given, **QUICK, **values})

    return make


@pytest.fixture
def config(lamp_splits: Path, tmp_path: Path) -> TrainConfig:
    """A run with the paths of this task."""
    return run_config(lamp_splits, tmp_path / "model", Path("embedded"), overrides={"epochs": 1})
