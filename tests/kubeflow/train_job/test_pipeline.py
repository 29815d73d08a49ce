"""Pipelines whose tuning is on several nodes: what is compiled, and what is refused."""

import pytest
import yaml

from tuneline.components.images import COMPONENTS_IMAGE, TRAINER_IMAGE
from tuneline.errors import ConfigurationError
from tuneline.kubeflow.cluster import Cluster
from tuneline.pipelines.check import check_spec
from tuneline.pipelines.compile import compile_pipeline
from tuneline.pipelines.platform import kubeflow_platform

VOLUME = {"claim": "tuning", "mount_path": "/shared"}
DEVICES = {"accelerator": "nvidia.com/gpu", "accelerators": 8}


def compiled(folder, name, **cluster):
    path = folder / "spec.yaml"
    compile_pipeline(name, kubeflow_platform(Cluster(**cluster)), path)
    assert check_spec(path, portable=False) == []
    spec, platform = yaml.safe_load_all(path.read_text())
    return spec, platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def test_a_small_task_shares_the_volume_and_starts_the_job(tmp_path):
    spec, pods = compiled(tmp_path, "supervised_tuning", nodes=3, work_volume=VOLUME, **DEVICES)
    executor = spec["deploymentSpec"]["executors"]["exec-tune-by-train-job"]["container"]
    assert executor["image"] == COMPONENTS_IMAGE
    assert "resources" not in executor
    assert "exec env _KFP_RUNTIME=true python3" in " ".join(executor["command"])
    assert pods["exec-tune-by-train-job"]["pvcMount"] == [
        {"constant": "tuning", "mountPath": "/shared", "pvcNameParameter": given("tuning")}
    ]
    # The nodes run as the run does.
    assert pods["exec-tune-by-train-job"]["fieldPathAsEnv"] == [
        {"fieldPath": "spec.serviceAccountName", "name": "TUNELINE_SERVICE_ACCOUNT"}
    ]
    task = spec["root"]["dag"]["tasks"]["tune-by-train-job"]
    assert task["taskInfo"]["name"].startswith("tune")
    assert task["cachingOptions"] == {"enableCache": True}
    assert task["retryPolicy"]["maxRetryCount"] == 1
    inputs = task["inputs"]["parameters"]
    constants = {
        name: value["runtimeValue"]["constant"]
        for name, value in inputs.items()
        if "runtimeValue" in value
    }
    assert constants == {
        "cluster": {"nodes": 3, "work_volume": VOLUME, **DEVICES},
        "max_wait_hours": 24,
        "trainer_image": TRAINER_IMAGE,
    }
    # What the result depends on is what it depends on with one node.
    one, _ = compiled(tmp_path, "supervised_tuning", **DEVICES, image_pull_policy="Always")
    on_one = one["root"]["dag"]["tasks"]["tune-model"]["inputs"]
    assert inputs.keys() - constants.keys() == on_one["parameters"].keys()
    assert task["inputs"]["artifacts"] == on_one["artifacts"]


def given(claim):
    return {"runtimeValue": {"constant": claim}}


def test_both_methods_of_a_comparison_are_jobs(tmp_path):
    spec, pods = compiled(tmp_path, "method_comparison", nodes=2, work_volume=VOLUME)
    tasks = spec["root"]["dag"]["tasks"]
    jobs = [name for name in tasks if name.startswith("tune-by-train-job")]
    assert len(jobs) == 2
    assert sum("pvcMount" in pod for pod in pods.values()) == 2


def test_a_curve_over_parts_is_drawn_on_one_node(tmp_path):
    with pytest.raises(ConfigurationError, match="predict-learning-curve works on one node, not"):
        compiled(tmp_path, "learning_curve", nodes=2, work_volume=VOLUME)
