"""A run of a pipeline in the stand-in's project, by either transport, with short waits."""

from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform_v1

from tests.vertex.stand_in import PROJECT, Vertex
from tuneline.pipelines.compile import SPECS
from tuneline.pipelines.platform import Platform
from tuneline.submission.spec import Spec, compiled_or_loaded
from tuneline.vertex.jobs.request import pipeline_job, run_request
from tuneline.vertex.jobs.settings import VertexRun

SPEC = SPECS / "supervised_tuning.yaml"
PARAMETERS = {
    "data": "gs://sources/tickets.jsonl",
    "registry": f"vertex://{PROJECT}/us-central1",
    "serving_image": f"us-docker.pkg.dev/{PROJECT}/serving/vllm:1",
}


@pytest.fixture(params=["rest", "grpc"])
def service(
    request: pytest.FixtureRequest, vertex: Vertex, monkeypatch: pytest.MonkeyPatch
) -> Vertex:
    """The stand-in, spoken to by one transport."""
    if request.param == "grpc":
        monkeypatch.setenv("TUNELINE_VERTEX_GRPC", vertex.grpc_address)
    return vertex


@pytest.fixture(scope="session")
def spec() -> Spec:
    """A compiled pipeline; nothing may change it."""
    return compiled_or_loaded(str(SPEC), Platform(target="vertex"))


def quick(**options: Any) -> VertexRun:
    """Options of a run whose waits are short."""
    defaults = {
        "project": PROJECT,
        "location": "us-central1",
        "staging": "gs://sources/tuneline/",
        "first_wait_s": 0.01,
        "longest_wait_s": 0.05,
        "failing_s": 5.0,
        "deadline_hours": 60 / 3600,
    }
    return VertexRun.model_validate({**defaults, **options})


def request_of(spec: Spec, run: VertexRun) -> aiplatform_v1.CreatePipelineJobRequest:
    """What starts the pipeline with parameters of its own."""
    return run_request(pipeline_job(spec, PARAMETERS, run), run)


def write_rows(path: Path, rows: int = 3) -> Path:
    """Write a file of labeled examples."""
    line = '{"text": "The lamp is red, number %d", "category": "red"}\n'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line % number for number in range(rows)))
    return path
