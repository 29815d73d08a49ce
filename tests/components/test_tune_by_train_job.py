"""The component that tunes on several nodes has the outputs of the one that tunes on one."""

from pathlib import Path
from typing import Any

import pytest

from tests.components.in_process import run_in_process
from tests.kubeflow.train_job.finished import leave_result
from tests.kubeflow.train_job.stand_in import (
    COMPLETE,
    NAMESPACE,
    Cluster,
    Stage,
    running,
    succeeded,
)
from tuneline.components.training.component import tune_by_train_job, tune_model
from tuneline.errors import ConfigurationError


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    found = Cluster()
    monkeypatch.setenv("KUBECONFIG", str(found.write_kubeconfig(tmp_path / "kubeconfig")))
    monkeypatch.setenv("TUNELINE_NAMESPACE", NAMESPACE)
    yield found
    found.close()


def splits(folder: Path) -> dict[str, Any]:
    from kfp.dsl import Dataset

    return {
        name: Dataset(name=name, uri=str(folder / f"{name}.parquet"))
        for name in ("train", "validation")
    }


def test_outputs_are_those_of_a_run(cluster, lamp_splits, tmp_path):
    work = tmp_path / "work"

    def nodes_write():
        (config,) = work.glob("*/tune-*.yaml")
        leave_result(config.parent / "output")

    cluster.script = [
        Stage(pods=[running()] * 2),
        Stage(COMPLETE, [succeeded()] * 2, nodes_write),
    ]
    outputs = run_in_process(
        tune_by_train_job,
        tmp_path,
        **splits(lamp_splits),
        trainer_image="registry.example/tuneline/trainer:7",
        # Numbers come out of a pipeline's parameters as floats.
        cluster={"nodes": 2.0, "work_volume": {"claim": "tuning", "mount_path": str(work)}},
        overrides={"epochs": 1.0},
        fingerprint="f",
    )
    model = outputs["model"]
    assert {path.name for path in Path(model.path).iterdir()} == {
        *("adapter", "merged", "README.md", "curves.html", "result.json"),
    }
    assert model.metadata["fingerprint"] == "f"
    assert model.metadata["framework"] == "transformers"
    assert outputs["metrics"].metadata["best_validation_loss"] == 0.4
    assert "<svg>" in Path(outputs["curves"].path).read_text()
    (job,) = cluster.created
    assert job["spec"]["trainer"]["numNodes"] == 2


def test_wrong_settings_are_refused_before_anything_is_sent(cluster, lamp_splits, tmp_path):
    inputs = {**splits(lamp_splits), "trainer_image": "trainer:1"}
    with pytest.raises(ConfigurationError, match=r"train job: cluster.work_volume: is required"):
        run_in_process(tune_by_train_job, tmp_path, **inputs, cluster={"nodes": 2.0})
    with pytest.raises(ConfigurationError, match="tuning settings: overrides.epoch"):
        run_in_process(tune_by_train_job, tmp_path, **inputs, cluster={}, overrides={"epoch": 1.0})
    assert cluster.requests == []


def test_it_takes_and_gives_what_tuning_on_one_node_does():
    one, several = tune_model.component_spec, tune_by_train_job.component_spec
    assert several.outputs.keys() == one.outputs.keys()
    own = {"trainer_image", "cluster", "max_wait_hours"}
    assert several.inputs.keys() - own == one.inputs.keys()
    assert {name: several.inputs[name] for name in one.inputs} == one.inputs
