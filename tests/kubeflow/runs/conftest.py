"""A run of a pipeline on the stand-in, with short waits."""

from pathlib import Path
from typing import Any

import pytest

from tests.kubeflow.stand_in import Kfp
from tuneline.kubeflow.cluster import Cluster
from tuneline.kubeflow.runs.request import run_request
from tuneline.kubeflow.runs.settings import KubeflowRun
from tuneline.pipelines.compile import SPECS, compile_pipeline
from tuneline.pipelines.platform import Platform, kubeflow_platform
from tuneline.submission.spec import Spec, compiled_or_loaded

SPEC = SPECS / "supervised_tuning.yaml"
REGISTRY = "http://mlflow.lamps.svc:5000"
PARAMETERS = {"data": "s3://sources/tickets.jsonl", "registry": REGISTRY}


@pytest.fixture(scope="session")
def spec() -> Spec:
    """A compiled pipeline; nothing may change it."""
    return compiled_or_loaded(str(SPEC), Platform(target="kubeflow"))


@pytest.fixture(scope="session")
def placed_spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled pipeline with a platform document."""
    cluster = Cluster.model_validate(
        {"accelerator": "nvidia.com/gpu", "shared_memory": "8Gi", "image_pull_policy": "Never"}
    )
    path = tmp_path_factory.mktemp("specs") / "placed.yaml"
    compile_pipeline("supervised_tuning", kubeflow_platform(cluster), path)
    return path


def quick(kfp: Kfp, **options: Any) -> KubeflowRun:
    """Options of a run whose waits are short."""
    defaults = {
        "host": kfp.address,
        "first_wait_s": 0.01,
        "longest_wait_s": 0.05,
        "failing_s": 5.0,
        "deadline_hours": 60 / 3600,
    }
    return KubeflowRun.model_validate({**defaults, **options})


def request_of(spec: Spec, run: KubeflowRun) -> Any:
    """What starts the pipeline with parameters of its own."""
    return run_request(spec, PARAMETERS, run)
