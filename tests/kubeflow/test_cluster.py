"""The platform file of Kubeflow: what is taken, and what is refused, all at once."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.cluster import Cluster, Toleration
from tuneline.settings import validated

FULL = {
    "accelerator": "nvidia.com/gpu",
    "accelerators": 2,
    "nodes": 2,
    "tolerations": [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
        {"key": "team", "value": "lamps", "effect": "NoExecute", "toleration_seconds": 300},
        {"operator": "Exists"},
    ],
    "node_selector": {"cloud.google.com/gke-accelerator": "nvidia-l4", "pool": ""},
    "queue": "gpus",
    "shared_memory": "8Gi",
    "trainer_cpu": 8,
    "trainer_memory": "64Gi",
    "secret_env": [
        {"secret": "hub", "key": "token", "env": "HF_TOKEN"},
        {"secret": "hub", "key": "user.name", "env": "HUB_USER"},
    ],
    "model_cache": {"claim": "models"},
    "work_volume": {"claim": "work", "mount_path": "/shared/work"},
    "training_runtime": "torch-distributed",
    "image_pull_policy": "IfNotPresent",
    "image_pull_secrets": ["registry-key"],
}


def problems_of(**fields):
    try:
        validated(Cluster, fields, source="cluster.yaml")
    except ConfigurationError as error:
        return error.problems
    return []


def test_every_field_is_taken_and_survives_json():
    cluster = validated(Cluster, FULL, source="cluster.yaml")
    assert Cluster.model_validate(cluster.model_dump(mode="json")) == cluster
    assert cluster.trainer_cpu == "8"
    assert cluster.model_cache is not None
    assert cluster.model_cache.hf_home == "/cache/huggingface"


def test_everything_is_optional():
    empty = Cluster.model_validate(Cluster().model_dump(mode="json"))
    assert empty == Cluster()
    assert empty.training_runtime == "torch-distributed"


def test_all_problems_come_at_once_with_file_and_field():
    problems = problems_of(
        accelerators=0,
        tolerations=[{"key": "a b"}, {"value": "x", "operator": "Exists"}, {}],
        node_selector={"a/b/c": "v!"},
        shared_memory="8 GB",
        trainer_cpu="0",
        secret_env=[{"secret": "Hub", "key": "a/b", "env": "1A"}],
        model_cache={"claim": "models.v1", "mount_path": "cache"},
        image_pull_policy="always",
        colour="red",
    )
    named = [problem.removeprefix("cluster.yaml: ").split(":")[0] for problem in problems]
    assert sorted(named) == [
        "accelerators",
        "colour",
        "image_pull_policy",
        "model_cache.claim",
        "model_cache.mount_path",
        "node_selector.a/b/c",
        "node_selector.a/b/c.[key]",
        "secret_env.0.env",
        "secret_env.0.key",
        "secret_env.0.secret",
        "shared_memory",
        "tolerations.0.key",
        "tolerations.1",
        "tolerations.2",
        "trainer_cpu",
    ]
    assert all(problem.startswith("cluster.yaml: ") for problem in problems)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"tolerations": [{"operator": "Equal"}]}, "key: is required with operator Equal"),
        (
            {"tolerations": [{"key": "a", "toleration_seconds": 3}]},
            "toleration_seconds: is for effect NoExecute alone",
        ),
        (
            {"secret_env": [{"secret": "a", "key": "k", "env": "A"}] * 2},
            "secret_env: A is set 2 times",
        ),
        (
            {
                "secret_env": [{"secret": "a", "key": "k", "env": "HF_HOME"}],
                "model_cache": {"claim": "c"},
            },
            "secret_env: HF_HOME is set by model_cache",
        ),
        (
            {"model_cache": {"claim": "c"}, "work_volume": {"claim": "c"}},
            "work_volume.claim: c is model_cache's",
        ),
        (
            {
                "model_cache": {"claim": "c", "mount_path": "/data/cache"},
                "work_volume": {"claim": "w", "mount_path": "/data"},
            },
            "work_volume.mount_path: /data and model_cache's /data/cache overlap",
        ),
        ({"image_pull_secrets": ["a", "a"]}, "image_pull_secrets: a is named 2 times"),
        ({"accelerator": "NVIDIA_L4"}, "accelerator: must be a resource that nodes offer"),
        ({"model_cache": {"claim": "c", "mount_path": "/dev/shm"}}, "the container's own folder"),
        ({"model_cache": {"claim": "c", "mount_path": "/a/../b"}}, "must be an absolute path"),
        ({"trainer_cpu": True}, "trainer_cpu"),
        ({"model_cache": {"claim": "c", "mount_path": "/opt"}}, "container's own folder"),
        ({"work_volume": {"claim": "c", "mount_path": "/usr/local"}}, "container's own folder"),
        ({"model_cache": {"claim": "c", "mount_path": "/var/run"}}, "container's own folder"),
        ({"node_selector": {"pool": True}}, "must be text; put it in quotes"),
        (
            {"secret_env": [{"secret": "s", "key": "k", "env": "PATH"}]},
            "secret_env: PATH is set by the image or the pipeline",
        ),
        ({"node_selector": {"x" * 64: "a"}}, "must be a label's key"),
        ({"training_runtime": "a..b"}, "training_runtime: must be a name of Kubernetes"),
        ({"nodes": "two"}, "nodes: must be a whole number"),
    ],
)
def test_what_kubernetes_would_refuse_is_refused(fields, said):
    assert any(said in problem for problem in problems_of(**fields)), problems_of(**fields)


@given(some.text(alphabet="abzAZ019-._/ ", max_size=12))
def test_names_are_those_of_kubernetes(text):
    """Against the rules written out in the documentation: Object Names, Labels and Selectors."""
    parts = text.split(".")
    is_label = (
        len(text) > 0
        and set(text) <= set("abz019-")
        and not text.startswith("-")
        and not text.endswith("-")
    )
    is_subdomain = all(
        part and set(part) <= set("abz019-") and part[0] != "-" and part[-1] != "-"
        for part in parts
    )
    is_value = not text or (
        set(text) <= set("abzAZ019-._") and text[0] not in "-._" and text[-1] not in "-._"
    )
    assert (not problems_of(model_cache={"claim": text})) == is_label
    assert (not problems_of(image_pull_secrets=[text])) == is_subdomain
    assert (not problems_of(node_selector={"pool": text})) == is_value


def test_guide_shows_every_field_and_no_other():
    guide = (Path(__file__).parents[2] / "docs" / "kubeflow.md").read_text()
    block = guide.split("```yaml\n# cluster.yaml\n")[1].split("```")[0]
    fields = yaml.safe_load(block)
    assert problems_of(**fields) == []
    assert list(fields) == list(Cluster.model_fields)
    shown = {field for each in fields["tolerations"] for field in each}
    assert shown == set(Toleration.model_fields)
