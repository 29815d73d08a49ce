"""Machines of tuning on Vertex AI: what may be combined, and what is compiled."""

import sys

import pytest
import yaml

from tuneline.errors import ConfigurationError
from tuneline.pipelines.check import check_spec
from tuneline.pipelines.compile import compile_pipeline
from tuneline.pipelines.platform import Platform

L4 = {"target": "vertex", "accelerator": "NVIDIA_L4", "machine_type": "g2-standard-24"}
TRAINER = "registry.example/trainer:7"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"nodes": 0}, ["nodes: must be at least 1, not 0."]),
        (
            {"machine_type": "g2-standard-12", "nodes": 2, "spot": True},
            [
                "machine_type: is for target vertex, not for local.",
                "nodes: is for target vertex, not for local.",
                "spot: is for target vertex, not for local.",
            ],
        ),
        (
            {"target": "vertex", "nodes": 2, "spot": True, "flex_start": True},
            [
                "spot: excludes flex_start. Choose one.",
                "nodes: needs machine_type, such as g2-standard-12.",
                "spot: needs machine_type, such as g2-standard-12.",
                "flex_start: needs machine_type, such as g2-standard-12.",
            ],
        ),
        (
            {**L4, "machine_type": "Large", "accelerator": "L4", "max_wait_hours": -1},
            [
                "accelerator: 'L4' is no name that vertex knows; one such as 'NVIDIA_L4' is.",
                "max_wait_hours: must be 0 (without end) or more, not -1.",
                (
                    "machine_type: 'Large' is no machine of Vertex AI; one such as "
                    "'g2-standard-12' is."
                ),
            ],
        ),
    ],
)
def test_problems_come_at_once(options, said):
    with pytest.raises(ConfigurationError) as caught:
        Platform(**options)
    assert caught.value.problems == said


def compiled(folder, name, **options):
    path = folder / "spec.yaml"
    compile_pipeline(name, Platform(trainer_image=TRAINER, **options), path)
    assert check_spec(path) == []
    [document] = yaml.safe_load_all(path.read_text())
    return document


def defaults(spec, component):
    parameters = spec["components"][component]["inputDefinitions"]["parameters"]
    return {name: item.get("defaultValue") for name, item in parameters.items()}


def test_nodes_are_two_pools_of_the_same_machine(tmp_path):
    spec = compiled(tmp_path, "supervised_tuning", **L4, accelerators=2, nodes=3, spot=True)
    job = defaults(spec, "comp-tune-model")
    first, others = job["worker_pool_specs"]
    machine = {
        "machine_type": "g2-standard-24",
        "accelerator_type": "NVIDIA_L4",
        "accelerator_count": 2,
    }
    assert (first["replica_count"], others["replica_count"]) == (1, 2)
    assert first["machine_spec"] == others["machine_spec"] == machine
    assert first["container_spec"] == others["container_spec"]
    assert first["container_spec"]["image_uri"] == TRAINER
    assert "tune_model" in first["container_spec"]["args"]
    assert job["strategy"] == "SPOT"
    assert job["restart_job_on_worker_restart"] is True


def test_job_has_the_identity_of_the_run(tmp_path):
    job = defaults(compiled(tmp_path, "supervised_tuning", **L4), "comp-tune-model")
    assert job["service_account"] == "{{$.pipeline_service_account}}"
    assert job["network"] == "{{$.pipeline_network}}"
    assert job["encryption_spec_key_name"] == "{{$.pipeline_encryption_key_name}}"
    assert job["strategy"] == "STANDARD"
    assert len(job["worker_pool_specs"]) == 1


def test_waiting_in_line_ends(tmp_path):
    spec = compiled(tmp_path, "learning_curve", **L4, flex_start=True, max_wait_hours=6)
    for component in ("comp-tune-model", "comp-predict-learning-curve"):
        job = defaults(spec, component)
        assert (job["strategy"], job["max_wait_duration"]) == ("FLEX_START", "21600s")


def test_machine_is_for_tuning_alone(tmp_path):
    spec = compiled(tmp_path, "supervised_tuning", **L4)
    executors = spec["deploymentSpec"]["executors"]
    assert executors["exec-tune-model"]["container"]["command"][-1].endswith("custom_job.launcher")
    assert "accelerator" in executors["exec-predict"]["container"]["resources"]
    assert "worker_pool_specs" not in defaults(spec, "comp-predict")


def test_missing_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "google_cloud_pipeline_components", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'tuneline\[vertex-jobs\]'"):
        compiled(tmp_path, "supervised_tuning", **L4)


def test_inputs_and_outputs_of_tuning_stay(tmp_path):
    plain = compiled(tmp_path, "supervised_tuning", target="vertex")
    spec = compiled(tmp_path, "supervised_tuning", **L4)
    for kind in ("inputDefinitions", "outputDefinitions"):
        before, after = (
            {
                name: item["artifactType"]
                for name, item in each["components"]["comp-tune-model"][kind]["artifacts"].items()
            }
            for each in (plain, spec)
        )
        assert before == after
    given = [each["root"]["dag"]["tasks"]["tune-model"]["inputs"] for each in (plain, spec)]
    assert given[0] == given[1]
