"""What is asked of the cluster, and that the stand-in refuses what a cluster would."""

import copy

import pytest

from tests.kubeflow.train_job import rules
from tests.kubeflow.train_job.conftest import IMAGE
from tests.kubeflow.train_job.stand_in import TORCH
from tuneline.errors import ConfigurationError
from tuneline.kubeflow.train_job.request import request_of
from tuneline.kubeflow.train_job.settings import train_job_settings
from tuneline.kubeflow.train_job.spec import train_job

WHOLE = {
    "nodes": 3,
    "accelerator": "amd.com/gpu",
    "accelerators": 8,
    "tolerations": [
        {"key": "amd.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "team", "value": "tuning", "effect": "NoExecute", "toleration_seconds": 60},
    ],
    "node_selector": {"pool": "tuning"},
    "shared_memory": "16Gi",
    "trainer_cpu": "8",
    "trainer_memory": "64Gi",
    "secret_env": [{"secret": "hub", "key": "token", "env": "HF_TOKEN"}],
    "model_cache": {"claim": "models", "mount_path": "/cache"},
    "work_volume": {"claim": "tuning", "mount_path": "/work"},
    "image_pull_secrets": ["registry"],
    "queue": "gpus",
}


def job_of(config, cluster):
    settings = train_job_settings({"trainer_image": IMAGE, "cluster": cluster})
    job = train_job(request_of(config, settings, ""), settings, "ClusterTrainingRuntime")
    return job.to_dict()


def problems_of(job):
    pod = rules.pod_of(job, TORCH, 1)
    found = [*rules.structure_problems(job), *rules.rule_problems(job, TORCH)]
    return [*found, *rules.pod_problems(pod)]


def test_pods_have_all_that_the_cluster_asks_for(config):
    job = job_of(config, WHOLE)
    assert problems_of(job) == []
    pod = rules.pod_of(job, TORCH, 1)
    (container,) = pod["spec"]["containers"]
    assert container["image"] == IMAGE
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    name = job["metadata"]["name"]
    assert container["command"][:5] == ["python3", "-m", "tuneline", "train", "--config"]
    assert container["command"][5].endswith(f"/{name}.yaml")
    quantities = {"amd.com/gpu": "8", "cpu": "8", "memory": "64Gi"}
    assert container["resources"] == {"limits": quantities, "requests": quantities}
    environment = {entry["name"]: entry for entry in container["env"]}
    assert environment["HF_HOME"]["value"] == "/cache/huggingface"
    reference = {"secretKeyRef": {"name": "hub", "key": "token"}}
    assert environment["HF_TOKEN"] == {"name": "HF_TOKEN", "valueFrom": reference}
    assert environment["PET_NNODES"]["value"] == "3"
    assert environment["PET_NPROC_PER_NODE"]["value"] == "8"
    assert {(each["name"], each["mountPath"]) for each in container["volumeMounts"]} == {
        ("work", "/work"),
        ("model-cache", "/cache"),
        ("shared-memory", "/dev/shm"),
    }
    assert pod["spec"]["volumes"] == [
        {"name": "work", "persistentVolumeClaim": {"claimName": "tuning"}},
        {"name": "model-cache", "persistentVolumeClaim": {"claimName": "models"}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}},
    ]
    assert pod["spec"]["nodeSelector"] == {"pool": "tuning"}
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["spec"]["tolerations"] == [
        {"key": "amd.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {
            "key": "team",
            "operator": "Equal",
            "value": "tuning",
            "effect": "NoExecute",
            "tolerationSeconds": 60,
        },
    ]
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"


def test_a_cluster_that_asks_for_nothing_gets_the_volume_alone(config):
    job = job_of(config, {"nodes": 2, "work_volume": {"claim": "tuning"}})
    assert problems_of(job) == []
    pod = rules.pod_of(job, TORCH, 0)
    assert pod["spec"]["volumes"] == [
        {"name": "work", "persistentVolumeClaim": {"claimName": "tuning"}}
    ]
    assert set(job["metadata"]["labels"]) == {"app.kubernetes.io/managed-by"}
    assert set(job["spec"]["trainer"]) == {"image", "command", "numNodes", "env"}
    assert "serviceAccountName" not in pod["spec"]


def test_nodes_are_told_where_they_see_that_they_are_followed(config):
    job = job_of(config, {"nodes": 2, "work_volume": {"claim": "tuning"}})
    folder, name = job["metadata"]["annotations"]["tuneline/folder"], job["metadata"]["name"]
    (entry,) = job["spec"]["trainer"]["env"]
    assert entry == {"name": "TUNELINE_FOLLOWED", "value": f"{folder}/{name}.followed"}


def test_nodes_run_as_the_task_does(config, monkeypatch):
    asked = {"nodes": 2, "work_volume": {"claim": "tuning"}}
    before = job_of(config, asked)
    monkeypatch.setenv("TUNELINE_SERVICE_ACCOUNT", "tuners")
    job = job_of(config, asked)
    assert problems_of(job) == []
    assert rules.pod_of(job, TORCH, 0)["spec"]["serviceAccountName"] == "tuners"
    # Another account: another job, which goes on from the same checkpoints.
    assert job["metadata"]["name"] != before["metadata"]["name"]
    assert job["metadata"]["annotations"] == before["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("asked", "processes"),
    [
        ({"accelerator": "nvidia.com/mig-1g.5gb", "accelerators": 2}, 2),
        ({"trainer_cpu": "8"}, 1),
        ({"trainer_memory": "64Gi"}, 1),
        ({}, None),
    ],
)
def test_a_node_has_a_process_for_each_device(config, asked, processes):
    job = job_of(config, {"nodes": 2, "work_volume": {"claim": "tuning"}, **asked})
    assert problems_of(job) == []
    assert job["spec"]["trainer"].get("numProcPerNode") == processes


def test_names_follow_what_is_asked_for(config, lamp_splits, tmp_path):
    def request(cluster=None, image=IMAGE, fingerprint="", **changes):
        given = {"nodes": 2, "work_volume": {"claim": "tuning"}, **(cluster or {})}
        settings = train_job_settings({"trainer_image": image, "cluster": given})
        changed = config.model_copy(update=changes)
        return request_of(changed, settings, fingerprint)

    first = request()
    assert request() == first
    assert len(f"{first.name}-node-0-0-x0z9q") <= 63
    # Elsewhere in this task, the same is asked for.
    assert request(output=tmp_path / "elsewhere").name == first.name
    # Another machine: another job, which goes on from the same checkpoints.
    settings = config.overrides.model_dump(exclude_unset=True) | {"tokens_per_device": 512}
    fewer_tokens = {"overrides": type(config.overrides)(**settings)}
    for other in (request({"nodes": 4}), request(**fewer_tokens)):
        assert other.folder == first.folder
        assert other.name != first.name
    # Anything that is learned otherwise: another folder.
    others = [
        request(image="registry.example/trainer:8"),
        request(fingerprint="f"),
        request(method="full"),
        request(preset="quick"),
        request(base_model="Qwen/Qwen3-0.6B"),
        request(train=lamp_splits / "test.parquet"),
        request(overrides=type(config.overrides)(seed=7)),
    ]
    assert len({other.folder for other in [first, *others]}) == len(others) + 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda job: job["spec"].update(podTemplateOverrides=[]), "unknown field"),
        (lambda job: job["spec"]["trainer"].update(numNodes="two"), "cannot unmarshal"),
        (lambda job: job["metadata"].update(name="Tune_1"), "RFC 1035"),
        (
            lambda job: job["spec"]["trainer"]["env"].append({"name": "PET_NNODES", "value": "1"}),
            "reserved envs",
        ),
        (
            lambda job: job["spec"]["trainer"]["env"].append({"name": "HF_TOKEN", "value": "1"}),
            "Duplicate value",
        ),
        (lambda job: patched(job).update(volumes=[]), "Not found: work"),
        (
            lambda job: patched(job)["containers"][0].update(env=[{"name": "A", "value": "1"}]),
            "must not have envs",
        ),
        (lambda job: patched(job)["containers"][0].update(name="main"), "container that doesn't"),
        (
            lambda job: patched(job)["tolerations"][0].update(operator=1),
            "1 is not of type",
        ),
    ],
)
def test_the_stand_in_refuses_what_a_cluster_refuses(config, change, said):
    job = copy.deepcopy(job_of(config, WHOLE))
    change(job)
    assert said in "\n".join(problems_of(job))


def patched(job):
    (patch,) = job["spec"]["runtimePatches"]
    (replicated,) = patch["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    return replicated["template"]["spec"]["template"]["spec"]


def test_settings_tell_every_problem_at_once():
    with pytest.raises(ConfigurationError) as refused:
        train_job_settings({"trainer_image": "", "cluster": {"nodes": 2}, "max_wait_hours": 1})
    assert len(refused.value.problems) == 2
    for word in ("trainer_image: must name an image", "cluster.work_volume: is required"):
        assert word in str(refused.value)
    with pytest.raises(ConfigurationError, match="no such setting"):
        train_job_settings({"trainer_image": "i", "cluster": {"gpus": 2}})
