"""The compiled pipelines: deterministic, checked in, accepted by our checker and Vertex's SDK."""

import json
import os
import subprocess
import sys

import pytest
import yaml

from tuneline.errors import ConfigurationError
from tuneline.parameters import RunParameters
from tuneline.pipelines import PIPELINES
from tuneline.pipelines.check import check_spec
from tuneline.pipelines.compile import RELEASE, SPECS, compile_pipeline
from tuneline.pipelines.platform import TARGETS, Platform

NAMES = sorted(PIPELINES)


@pytest.mark.parametrize("name", NAMES)
def test_checked_in_spec_is_what_the_pipeline_compiles_to(name, tmp_path):
    compile_pipeline(name, RELEASE, tmp_path / "spec.yaml")
    compiled = (tmp_path / "spec.yaml").read_text()
    assert compiled == (SPECS / f"{name}.yaml").read_text(), "run `make specs`"


def test_every_checked_in_spec_has_a_pipeline():
    assert sorted(path.stem for path in SPECS.glob("*")) == NAMES


@pytest.mark.parametrize("seed", ["1", "random"])
def test_bytes_do_not_depend_on_the_process(seed, tmp_path):
    code = (
        "import sys; from pathlib import Path;"
        "from tuneline.pipelines.compile import RELEASE, compile_pipeline;"
        "compile_pipeline('method_comparison', RELEASE, Path(sys.argv[1]))"
    )
    path = tmp_path / "spec.yaml"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, cwd=tmp_path, env=environment
    )
    assert path.read_bytes() == (SPECS / "method_comparison.yaml").read_bytes()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_every_target_passes_the_strict_check(name, target, suffix, tmp_path):
    path = tmp_path / f"spec{suffix}"
    compile_pipeline(name, Platform(target=target), path)
    assert check_spec(path) == []


@pytest.mark.parametrize("name", NAMES)
def test_spec_and_typed_parameters_agree(name):
    inputs = yaml.safe_load((SPECS / f"{name}.yaml").read_text())["root"]["inputDefinitions"]
    declared = inputs["parameters"]
    assert declared.keys() <= RunParameters.model_fields.keys()
    assert [found for found, spec in declared.items() if "description" not in spec] == []
    for found, spec in declared.items():
        assert spec.get("isOptional", False) == ("defaultValue" in spec)
        if "defaultValue" in spec and found not in {"method", "fractions"}:
            field = RunParameters.model_fields[found]
            default = field.get_default(call_default_factory=True)
            assert spec["defaultValue"] == default, found


def test_accelerators_go_to_the_trainer_image_alone(tmp_path):
    path = tmp_path / "spec.json"
    platform = Platform(
        target="vertex", trainer_image="trainer", accelerator="NVIDIA_L4", accelerators=2
    )
    compile_pipeline("supervised_tuning", platform, path)
    executors = json.loads(path.read_text())["deploymentSpec"]["executors"]
    for executor in executors.values():
        container = executor["container"]
        accelerator = container.get("resources", {}).get("accelerator")
        if container["image"] == "trainer":
            assert accelerator["type"] == "NVIDIA_L4"
            assert accelerator["count"] == "2"
        else:
            assert accelerator is None


@pytest.mark.parametrize(
    ("pipeline", "tuning"),
    [
        ("supervised_tuning", {"tune-model"}),
        ("method_comparison", {"tune-model", "tune-model-2"}),
        ("learning_curve", {"tune-model", "predict-learning-curve"}),
    ],
)
def test_a_service_tries_tuning_again_and_a_person_is_told_at_once(pipeline, tuning, tmp_path):
    for target in TARGETS:
        path = tmp_path / f"{target}.json"
        compile_pipeline(pipeline, Platform(target=target), path.with_suffix(".yaml"))
        spec = next(yaml.safe_load_all(path.with_suffix(".yaml").read_text()))
        tasks = spec["root"]["dag"]["tasks"]
        again = {name for name, task in tasks.items() if "retryPolicy" in task}
        assert again == (set() if target == "local" else tuning)
        if target == "local":
            continue
        policy = tasks["tune-model"]["retryPolicy"]
        assert policy["maxRetryCount"] == 3
        assert policy["backoffDuration"] == "30s"
        # On Kubeflow it bounds all attempts together: long enough for any tuning.
        longest = {"kubeflow": 30 * 24 * 3600, "vertex": 600}[target]
        assert policy["backoffMaxDuration"] == f"{longest}s"


@pytest.mark.parametrize(
    ("choices", "word"),
    [
        ({"target": "mars"}, "mars"),
        ({"target": "vertex", "accelerator": "nvidia.com/gpu"}, "NVIDIA_L4"),
        ({"target": "kubeflow", "accelerator": "NVIDIA_L4"}, "nvidia.com/gpu"),
        ({"accelerator": "NVIDIA_L4"}, "local"),
        ({"accelerators": 0}, "at least 1"),
    ],
)
def test_platform_refuses_what_the_target_cannot_do(choices, word):
    with pytest.raises(ConfigurationError, match=word):
        Platform(**choices)


def test_unknown_pipeline_gets_a_suggestion(tmp_path):
    with pytest.raises(ConfigurationError, match="Did you mean 'supervised_tuning'"):
        compile_pipeline("supervised_tunning", Platform(), tmp_path / "spec.yaml")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_vertex_sdk_loads_the_checked_in_spec(name):
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    job = aiplatform.PipelineJob(
        display_name=name,
        template_path=str(SPECS / f"{name}.yaml"),
        pipeline_root="gs://bucket/root",
        project="project",
        location="us-central1",
        credentials=AnonymousCredentials(),
        parameter_values={"data": "gs://bucket/data.jsonl", "shots": [0, 4]},
    )
    runtime = job.to_dict()["runtimeConfig"]
    assert runtime["parameterValues"]["data"] == "gs://bucket/data.jsonl"
