"""A cluster's platform file compiled in: the pods that Kubeflow Pipelines makes of it."""

# KFP's decorators have no types.
# mypy: disable-error-code="untyped-decorator, no-any-return"

import copy
import sys

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from kfp import compiler, dsl

from tests.kubeflow.pods import pods_of, problems
from tests.kubeflow.test_cluster import FULL
from tuneline.errors import ConfigurationError
from tuneline.kubeflow.cluster import Cluster
from tuneline.pipelines import PIPELINES
from tuneline.pipelines.check import check_spec
from tuneline.pipelines.compile import compile_pipeline
from tuneline.pipelines.on_cluster import placed_on_device
from tuneline.pipelines.platform import Platform, kubeflow_platform

ONE_NODE = Cluster.model_validate({**FULL, "nodes": 1})
DEVICE = {"exec-tune-model", "exec-predict", "exec-predict-2"}


def compiled(folder, cluster=ONE_NODE, name="supervised_tuning", **choices):
    path = folder / "spec.yaml"
    compile_pipeline(name, kubeflow_platform(cluster, **choices), path)
    assert check_spec(path, portable=False) == []
    return path


@pytest.fixture(scope="module")
def pods(tmp_path_factory):
    """The pods of a pipeline with everything that the file may say; nothing may change them."""
    return pods_of(compiled(tmp_path_factory.mktemp("full")))


def main_of(pod):
    return pod["spec"]["containers"][0]


def test_device_tasks_have_nodes_memory_and_cache(pods):
    assert pods.keys() >= DEVICE
    for label in DEVICE:
        spec, main = pods[label]["spec"], main_of(pods[label])
        assert spec["nodeSelector"] == FULL["node_selector"]
        assert pods[label]["metadata"]["labels"] == {"kueue.x-k8s.io/queue-name": "gpus"}
        assert spec["tolerations"] == [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
            {
                "key": "team",
                "operator": "Equal",
                "value": "lamps",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            },
            {"operator": "Exists"},
        ]
        assert main["resources"]["limits"] == {
            "cpu": "8",
            "memory": "64Gi",
            "nvidia.com/gpu": "2",
        }
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        mounted = {mount["mountPath"]: volumes[mount["name"]] for mount in main["volumeMounts"]}
        assert mounted["/dev/shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "8Gi"}
        assert mounted["/cache"]["persistentVolumeClaim"] == {"claimName": "models"}
        assert {"name": "HF_HOME", "value": "/cache/huggingface"} in main["env"]


def test_the_registering_task_knows_its_run(pods):
    told = {
        label: {
            each["name"] for each in main_of(pod)["env"] if "fieldRef" in each.get("valueFrom", {})
        }
        for label, pod in pods.items()
    }
    run = {"KFP_RUN_ID", "KFP_RUN_NAME", "KFP_NAMESPACE"}
    assert {label for label, names in told.items() if names == run} == {"exec-register-model"}
    assert not any(names for label, names in told.items() if label != "exec-register-model")


def test_other_tasks_have_images_and_secrets_alone(pods):
    secret = {"name": "hub", "key": "token", "optional": False}
    for label, pod in pods.items():
        main = main_of(pod)
        assert main["imagePullPolicy"] == "IfNotPresent"
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry-key"}]
        assert {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": secret}} in main["env"]
        if label not in DEVICE:
            assert not pod["spec"]["volumes"]
            assert "tolerations" not in pod["spec"]
            assert "nodeSelector" not in pod["spec"]
            assert not main["resources"]["limits"]


@pytest.mark.parametrize("name", sorted(set(PIPELINES) - {"supervised_tuning"}))
def test_every_pipeline_takes_the_file(name, tmp_path):
    assert pods_of(compiled(tmp_path, name=name))


def test_same_file_gives_the_same_bytes(tmp_path):
    first = compiled(tmp_path).read_bytes()
    assert compiled(tmp_path).read_bytes() == first


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda pod: pod["spec"]["tolerations"][0].update(efect="x"), "'efect' was unexpected"),
        (lambda pod: pod["spec"]["volumes"].append({"name": "models"}), "is not unique"),
        (lambda pod: pod["spec"]["volumes"].append({"name": "a.b"}), "'a.b' is no DNS label"),
        (lambda pod: main_of(pod).update(imagePullPolicy=3), "3 is not of type"),
        (lambda pod: main_of(pod)["resources"]["limits"].update(cpu="9"), "is not the limit"),
    ],
)
def test_pods_are_held_against_the_rules(pods, spoil, said):
    pod = copy.deepcopy(pods["exec-tune-model"])
    spoil(pod)
    assert any(said in problem for problem in problems(pod))


def test_second_document_is_there_only_where_it_is_needed(tmp_path):
    path = compiled(tmp_path, Cluster(accelerator="amd.com/gpu", trainer_memory="9Gi"))
    [document] = yaml.safe_load_all(path.read_text())
    limits = main_of(pods_of(path)["exec-predict"])["resources"]["limits"]
    assert limits == {"memory": "9Gi", "amd.com/gpu": "1"}
    assert document["schemaVersion"]


def test_choices_win_over_the_file(tmp_path):
    platform = kubeflow_platform(ONE_NODE, accelerators=4, accelerator=None, nodes=None)
    assert (platform.accelerators, platform.nodes) == (4, 1)
    assert platform.accelerator == "nvidia.com/gpu"
    assert platform.cluster.accelerators == 4
    assert ONE_NODE.accelerators == 2


def test_json_file_cannot_hold_two_documents(tmp_path):
    with pytest.raises(ConfigurationError, match="Name a .yaml file"):
        compile_pipeline("supervised_tuning", kubeflow_platform(ONE_NODE), tmp_path / "spec.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: Platform(target="vertex", cluster=ONE_NODE),
            ["cluster: is for target kubeflow, not for vertex."],
        ),
        (
            lambda: Platform(target="kubeflow", cluster=Cluster(accelerators=2)),
            [
                (
                    "cluster.accelerators: is 2, and accelerators is 1. Use "
                    "kubeflow_platform(cluster), which takes it over."
                ),
            ],
        ),
        (
            lambda: kubeflow_platform(Cluster(), nodes=3, spot=True, accelerators=0),
            [
                "accelerators: must be at least 1, not 0.",
                "spot: is for target vertex, not for kubeflow.",
                (
                    "cluster.work_volume: is required for 3 nodes, which share their files on it. "
                    "Give the claim of a volume that many nodes may write to (ReadWriteMany), in "
                    "the platform file: work_volume: {claim: NAME}."
                ),
            ],
        ),
    ],
)
def test_problems_come_at_once(make, said):
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert caught.value.problems == said


def test_missing_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "kfp.kubernetes", None)
    monkeypatch.delattr("kfp.kubernetes", raising=False)
    with pytest.raises(ConfigurationError, match=r"pip install 'tuneline\[kubeflow\]'"):
        compiled(tmp_path)
    compiled(tmp_path, Cluster(accelerator="nvidia.com/gpu"))


labels = some.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
paths = some.from_regex(r"/[a-z]{1,6}(/[a-z]{1,6})?", fullmatch=True)
quantities = some.builds("{}{}".format, some.integers(1, 999), some.sampled_from(["Mi", "Gi", "G"]))
words = some.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)
tolerations = some.fixed_dictionaries(
    {"key": words, "operator": some.sampled_from(["Exists", "Equal"])},
    optional={"effect": some.sampled_from(["NoSchedule", "PreferNoSchedule", "NoExecute"])},
)
secrets = some.fixed_dictionaries(
    {
        "secret": labels,
        "key": words,
        "env": some.from_regex(r"[A-Z_][A-Z0-9_]{0,9}", fullmatch=True),
    }
)
clusters = some.fixed_dictionaries(
    {},
    optional={
        "tolerations": some.lists(tolerations, max_size=3),
        "node_selector": some.dictionaries(words, words, max_size=3),
        "shared_memory": quantities,
        "trainer_cpu": some.one_of(some.integers(1, 64), some.just("500m"), some.just(1.5)),
        "trainer_memory": quantities,
        "secret_env": some.lists(secrets, max_size=3),
        "model_cache": some.fixed_dictionaries({"claim": labels}, optional={"mount_path": paths}),
        "image_pull_policy": some.sampled_from(["Always", "IfNotPresent", "Never"]),
        "image_pull_secrets": some.lists(labels, max_size=2),
    },
)


@dsl.component(base_image="example/image:1", install_kfp_package=False)
def act() -> str:
    return ""


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(clusters)
def test_what_the_file_may_say_makes_pods_that_kubernetes_takes(tmp_path, fields):
    try:
        cluster = Cluster.model_validate(fields)
    except ValueError:
        return

    @dsl.pipeline(name="one")
    def one() -> str:
        return placed_on_device(act(), cluster).output

    path = tmp_path / "one.yaml"
    compiler.Compiler().compile(one, str(path))
    assert check_spec(path, portable=False) == []
    assert pods_of(path)
