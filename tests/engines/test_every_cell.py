"""Every pipeline on every engine, by the commands that a user types."""

import json
import shlex
from typing import Any

import pytest
import yaml

from tests.cli.command_line import tuneline
from tests.engines.table import Tried
from tests.kubeflow.pods import pods_of
from tests.tickets import write_tickets
from tests.vertex.stand_in import PROJECT
from tests.vertex.test_managed_pipelines import guesses, knows, write_lamps
from tests.vertex.tuning.managed import FLASH, OPEN, QUICK
from tuneline.pipelines import PIPELINES

pytestmark = pytest.mark.engines

TRAINER = ("supervised_tuning", "method_comparison", "learning_curve")
MANAGED = ("gemini_tuning", "managed_open_tuning")
CLUSTER = {
    "accelerator": "nvidia.com/gpu",
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    "secret_env": [{"secret": "hub", "key": "token", "env": "HF_TOKEN"}],
    "work_volume": {"claim": "tuning"},
}
NODES = {
    "kubeflow-nodes": ("--nodes", "2"),
    "vertex-nodes": (
        *("--machine-type", "g2-standard-12", "--accelerator", "NVIDIA_L4", "--nodes", "2"),
    ),
}
NOT_OFFERED = "no task of our own trainer"


@pytest.fixture
def images(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """Has the images built and named, or gives the reason why not."""

    def name_them() -> str:
        try:
            built = request.getfixturevalue("built")
        except pytest.skip.Exception as reason:
            return str(reason)
        for name, image in built.items():
            monkeypatch.setenv(f"TUNELINE_{name.upper()}_IMAGE", image)
        return ""

    return name_them


def managed(vertex, pipeline, weights, **places):
    """Parameters of managed tuning on the stand-in."""
    given: dict[str, Any] = {
        "project": PROJECT,
        "staging": f"{vertex.bucket}/work",
        "overrides": QUICK,
    }
    given |= {"shots": [0], "base_model": FLASH, **places}
    if pipeline == "managed_open_tuning":
        given |= {"base_model": OPEN, "method": "full", "base_weights": weights}
    return given


def options(values):
    words = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }
    return [word for name, value in words.items() for word in ("-p", f"{name}={value}")]


@pytest.mark.parametrize("runner", ["subprocess", "docker"])
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_on_this_machine(pipeline, runner, images, vertex, qwen3, full_run, tmp_path, tried):
    if runner == "docker" and (reason := images()):
        tried.append(Tried(pipeline, runner, "not available here", "", reason))
        return
    if pipeline in TRAINER:
        write_tickets(tmp_path / "data.jsonl", rows=300)
        values: dict[str, Any] = {"data": "data.jsonl", "preset": "quick", "shots": [0]}
    else:
        vertex.gemini.answer, vertex.tuned_answer = guesses, knows
        vertex.tuned_weights = full_run / "model"
        write_lamps(tmp_path / "data.jsonl", rows=300)
        values = {"data": "data.jsonl", **managed(vertex, pipeline, str(qwen3))}
    command = ["run", pipeline, *options(values)]
    if runner == "docker":
        command += ["--runner", "docker"]
        # The stand-in answers on this machine's own network.
        command += ["--docker-network", "host"] * (pipeline in MANAGED)
    finished = tuneline(tmp_path, *command, timeout_s=900)
    assert finished.returncode in (0, 1), finished.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    passed = json.loads((folder / "verdict.json").read_text())["passed"]
    assert passed == (finished.returncode == 0), finished.stderr
    tried.append(Tried(pipeline, runner, "ran", shown(command, tmp_path, qwen3.parent)))


@pytest.mark.parametrize("engine", ["kubeflow", "kubeflow-nodes", "vertex", "vertex-nodes"])
@pytest.mark.parametrize("pipeline", PIPELINES)
def test_on_a_service(pipeline, engine, kfp, vertex, tmp_path, tried, monkeypatch):
    target, _, several = engine.partition("-")
    values = values_on(target, pipeline, vertex)
    command = ["submit", pipeline, "--target", target, *options(values)]
    if target == "kubeflow":
        (tmp_path / "cluster.yaml").write_text(yaml.safe_dump(CLUSTER))
        command += ["--platform-file", "cluster.yaml"]
    else:
        monkeypatch.setenv("TUNELINE_STAGING", f"{vertex.bucket}/tuneline")
        command += ["--project", PROJECT, "--location", "us-central1"]
    command += NODES.get(engine, ())
    finished = tuneline(tmp_path, *command)
    if several and not offered(pipeline, target):
        assert finished.returncode == 2, finished.stderr
        remark = finished.stderr.strip().splitlines()[-1].removeprefix("error: ")
        tried.append(Tried(pipeline, engine, "not offered", "", remark))
        return
    assert finished.returncode == 0, finished.stderr
    started = kfp.runs if target == "kubeflow" else vertex.pipeline_jobs
    assert len(started) == 1
    if target == "kubeflow":
        spec = tmp_path / "spec.yaml"
        compile_words = ["compile", pipeline, "--target", target, "-o", str(spec)]
        compile_words += ["--platform-file", "cluster.yaml", *NODES.get(engine, ())]
        assert tuneline(tmp_path, *compile_words).returncode == 0
        assert pods_of(spec)
    tried.append(Tried(pipeline, engine, "checked", shown(command, tmp_path)))


def offered(pipeline, target):
    """Whether a pipeline has a task that can have several nodes on a target."""
    return pipeline in TRAINER and (target, pipeline) != ("kubeflow", "learning_curve")


def values_on(target, pipeline, vertex):
    bucket = "s3://my-bucket" if target == "kubeflow" else "gs://sources"
    values = {"data": f"{bucket}/data.jsonl"}
    registry = "kubeflow+http://model-registry-service.kubeflow.svc:8080"
    if pipeline in MANAGED:
        values = {"data": "gs://sources/data.jsonl"}
        values |= managed(vertex, pipeline, "gs://sources/weights")
        if pipeline == "gemini_tuning":
            registry = f"vertex://{PROJECT}"
    if target == "vertex":
        registry = f"vertex://{PROJECT}"
        if pipeline != "gemini_tuning":
            values["serving_image"] = f"us-docker.pkg.dev/{PROJECT}/serving/vllm:1"
    return {**values, "registry": registry}


def shown(command, *folders):
    """The command as a user types it in one of the folders."""
    words = ["tuneline", *command]
    for folder in folders:
        words = [word.replace(f"{folder}/", "") for word in words]
    return shlex.join(words)
