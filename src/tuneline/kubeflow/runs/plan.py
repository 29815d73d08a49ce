"""A run before it is started: what is sent, and what is to be known of it. Nothing is sent here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.runs.request import run_request, schedule_request
from tuneline.submission.estimate import images_nobody_can_pull, tuning_cost
from tuneline.submission.parameters import run_parameters
from tuneline.submission.problems import gathered
from tuneline.submission.spec import compiled_or_loaded
from tuneline.submission.upload import Upload, placed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.kubeflow.runs.settings import KubeflowRun
    from tuneline.pipelines.platform import Platform
    from tuneline.submission.spec import Spec

_REGISTRY = "-p registry=kubeflow://HOST (Kubeflow Model Registry), or an MLflow tracking URI"
_FROM_THE_NODE = ("Never", "IfNotPresent")


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent.

    Attributes:
        pipeline: The pipeline's name.
        uploads: Local files that go to the bucket first.
        cost: What managed tuning costs, in sentences; the cluster's own machines have no price.
        request: The request: of a run, or of a schedule. Its experiment is known when it is sent.
        images: Images that the cluster will not find, since their names have no registry.
        preloaded: Likewise, that nodes need not pull: they must have them already.
    """

    pipeline: str
    uploads: list[Upload]
    cost: list[str]
    request: Any
    images: list[str]
    preloaded: list[str]


def planned(pipeline: str, platform: Platform, given: Mapping[str, Any], run: KubeflowRun) -> Plan:
    """Compile or load a pipeline, and check everything that can be checked here.

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
    places = {"staging": run.folder} if run.folder else {}
    with gathered(problems):
        parameters = run_parameters(spec, given, places, _REGISTRY)
    with gathered(problems):
        parameters, uploads = placed(parameters, run.folder)
        if uploads and not run.folder:
            problems.append(_unstaged(uploads))
    if problems:
        raise ConfigurationError(problems)
    costs = list(tuning_cost({**spec.defaults, **parameters, **given}))
    request = (schedule_request if run.schedule else run_request)(spec, parameters, run)
    missing = images_nobody_can_pull(spec)
    preloaded = [image for image in missing if _is_preloaded(spec, image)]
    images = [image for image in missing if image not in preloaded]
    return Plan(spec.name, uploads, costs, request, images, preloaded)


def _unstaged(uploads: list[Upload]) -> str:
    return (
        f"staging: is required: {uploads[0].path} is on this machine, where the tasks do not see "
        "it. Give --staging s3://BUCKET/PREFIX (or gs://), to which it is copied, or data in a "
        "bucket."
    )


def _is_preloaded(spec: Spec, image: str) -> bool:
    """Whether every task of an image takes the one that its node has."""
    executors = spec.content["deploymentSpec"]["executors"]
    labels = [
        label
        for label, each in executors.items()
        if each.get("container", {}).get("image") == image
    ]
    platform = spec.platform.get("platforms", {}).get("kubernetes", {})
    configured = platform.get("deploymentSpec", {}).get("executors", {})
    policies = [configured.get(label, {}).get("imagePullPolicy", "") for label in labels]
    return all(policy in _FROM_THE_NODE for policy in policies)
