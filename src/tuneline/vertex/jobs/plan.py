"""A run before it is started: what is sent, and what that costs. Nothing is sent for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
from tuneline.submission.estimate import images_nobody_can_pull
from tuneline.submission.parameters import run_parameters
from tuneline.submission.problems import gathered
from tuneline.submission.spec import compiled_or_loaded
from tuneline.submission.upload import Upload, placed
from tuneline.vertex.jobs.estimate import cost
from tuneline.vertex.jobs.request import pipeline_job, run_request, schedule_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.pipelines.platform import Platform
    from tuneline.vertex.jobs.settings import VertexRun


_REGISTRY = "-p registry=vertex://PROJECT/LOCATION, or an MLflow tracking URI"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent.

    Attributes:
        pipeline: The pipeline's name.
        uploads: Local files that go to the bucket first.
        cost: What costs money, in sentences.
        request: The request: of a run, or of a schedule.
        images: Images that the service will not find, since their names have no registry.
    """

    pipeline: str
    uploads: list[Upload]
    cost: list[str]
    request: Any
    images: list[str]


def planned(pipeline: str, platform: Platform, given: Mapping[str, Any], run: VertexRun) -> Plan:
    """Compile or load a pipeline, check everything that can be checked here, and say the cost.

    Args:
        pipeline: A pipeline's name, or a compiled spec.
        platform: Choices to compile with.
        given: Parameters of the user's.
        run: Where and how it runs.

    Raises:
        ConfigurationError: Lists what is wrong with the parameters and the data's paths.
        DataError: A managed service would refuse the data.
        MachineError: Local data cannot be read.
    """
    spec = compiled_or_loaded(pipeline, platform)
    problems: list[str] = []
    parameters = dict(given)
    places = {"project": run.project, "location": run.location, "staging": run.folder}
    with gathered(problems):
        parameters = run_parameters(spec, given, places, _REGISTRY)
    with gathered(problems):
        parameters, uploads = placed(parameters, run.folder)
    if problems:
        raise ConfigurationError(problems)
    costs = cost(spec, {**parameters, **given})
    job = pipeline_job(spec, parameters, run)
    request = schedule_request(job, run) if run.schedule else run_request(job, run)
    return Plan(spec.name, uploads, costs, request, images_nobody_can_pull(spec))
