"""What a tuning job leaves behind when it succeeds."""

from __future__ import annotations

import math
from typing import Any

from tests.vertex.stand_in import storage
from tests.vertex.stand_in.base_models import SERVED_FROM, gemini_of, is_open
from tests.vertex.stand_in.clock import now
from tests.vertex.stand_in.curves import add_experiment
from tests.vertex.stand_in.names import location_of, new_number, place
from tests.vertex.stand_in.registry import Registered
from tests.vertex.stand_in.state import Vertex
from tests.vertex.stand_in.tuning_job import Job

_BATCH = 16
_PUBLISHED = "publishers/google/models/"
_MOST_CHECKPOINTS = 10
_FINAL = "postprocess/node-0/checkpoints/final"


def succeed(vertex: Vertex, job: Job) -> None:
    """Write the results into the job, the model registry, the endpoints and the storage."""
    steps = _steps(job)
    tell_statistics(vertex, job)
    job.resource["experiment"] = add_experiment(vertex, job, steps)
    if is_open(job.base_model):
        _upload_weights(vertex, job)
    else:
        job.resource["tunedModel"] = _tuned_model(vertex, job, steps)
        folder = f"{vertex.bucket or 'gs://service'}/tuning-metrics/{job.id}"
        job.resource["gcsMetricsUri"] = folder


def tell_statistics(vertex: Vertex, job: Job) -> None:
    """Write into the job what its training data is; one that failed at the data has it too."""
    statistics = _statistics(vertex, job, _steps(job))
    job.resource["tuningDataStats"] = {"supervisedTuningDataStats": statistics}


def _steps(job: Job) -> int:
    batch = int(job.hyper_parameters.get("batchSize", _BATCH))
    return max(1, math.ceil(job.training.rows / batch)) * job.epochs


def _statistics(vertex: Vertex, job: Job, steps: int) -> dict[str, Any]:
    training, dropped = job.training, vertex.dropped_reasons
    statistics: dict[str, Any] = {
        "tuningDatasetExampleCount": str(training.rows),
        "totalBillableTokenCount": str(training.tokens * job.epochs),
        "tuningStepCount": str(steps),
        "userInputTokenDistribution": _distribution(training.inputs),
        "userOutputTokenDistribution": _distribution(training.outputs),
    }
    if dropped:
        statistics["totalTruncatedExampleCount"] = str(len(dropped))
        statistics["truncatedExampleIndices"] = [str(place) for place in range(len(dropped))]
        statistics["droppedExampleReasons"] = list(dropped)
    return statistics


def _distribution(counts: tuple[int, ...]) -> dict[str, Any]:
    ordered = sorted(counts)
    total, number = sum(ordered), len(ordered)
    at = {f"p{share}": float(ordered[share * (number - 1) // 100]) for share in (5, 95)}
    return {
        "sum": str(total),
        "min": float(ordered[0]),
        "max": float(ordered[-1]),
        "mean": total / number,
        "median": float(ordered[(number - 1) // 2]),
        **at,
    }


def _upload_weights(vertex: Vertex, job: Job) -> None:
    if vertex.tuned_weights is None:
        return
    target = f"{job.resource['outputUri'].rstrip('/')}/{_FINAL}"
    for path in sorted(vertex.tuned_weights.rglob("*")):
        if path.is_file():
            name = path.relative_to(vertex.tuned_weights).as_posix()
            storage.write(f"{target}/{name}", path.read_bytes())


def _tuned_model(vertex: Vertex, job: Job, steps: int) -> dict[str, Any]:
    location = location_of(job.resource["name"])
    gemini = gemini_of(job.base_model)
    if gemini is not None and gemini.third:
        location = SERVED_FROM[location]
    points = _checkpoints(job, steps)
    model = _model_for(vertex, job, location)
    number = model.add(_version(job, points), [])
    name = f"{model.name}@{number}"
    endpoint = ""
    for point in points or [{}]:
        endpoint = _deploy(vertex, job, model.name, number, location)
        if point:
            point["endpoint"] = endpoint
    found: dict[str, Any] = {"model": name, "endpoint": endpoint}
    return {**found, "checkpoints": points} if points else found


def _model_for(vertex: Vertex, job: Job, location: str) -> Registered:
    """A new model, or the one whose tuning went on unless another name was asked for."""
    before = job.resource.get("preTunedModel")
    if before is not None:
        model, number = vertex.models.find(before["tunedModelName"])
        named = job.resource.get("tunedModelDisplayName")
        if not named or named == model.versions[number]["displayName"]:
            return model
    return vertex.models.new(place(location), new_number())


def _version(job: Job, points: list[dict[str, Any]]) -> dict[str, Any]:
    given = job.resource
    base = f"{_PUBLISHED}{job.base_model.removeprefix(_PUBLISHED)}"
    version: dict[str, Any] = {
        "displayName": given.get("tunedModelDisplayName") or f"tuned-{job.id}",
        "description": given.get("description", ""),
        "labels": dict(given.get("labels", {})),
        "baseModelSource": {"genieSource": {"baseModelUri": base}},
        "modelSourceInfo": {"sourceType": "GENIE"},
    }
    if points:
        shown = ("checkpointId", "epoch", "step")
        version["checkpoints"] = [{field: point[field] for field in shown} for point in points]
        version["defaultCheckpointId"] = points[-1]["checkpointId"]
    return version


def _checkpoints(job: Job, steps: int) -> list[dict[str, Any]]:
    """One for each epoch, at most ten, the last one at the end."""
    if job.resource["supervisedTuningSpec"].get("exportLastCheckpointOnly"):
        return []
    number = min(job.epochs, _MOST_CHECKPOINTS)
    epochs = [round(job.epochs * place / number) for place in range(1, number + 1)]
    return [
        {"checkpointId": str(place), "epoch": str(epoch), "step": str(steps * epoch // job.epochs)}
        for place, epoch in enumerate(epochs, 1)
    ]


def _deploy(vertex: Vertex, job: Job, model: str, number: str, location: str) -> str:
    """A new endpoint that answers for a version; gives its name."""
    identity, at = new_number(), now()
    name = f"{place(location)}/endpoints/{identity}"
    display = vertex.models.find(model)[0].versions[number]["displayName"]
    deployed = {"id": new_number(), "model": model, "modelVersionId": number}
    vertex.endpoints[name] = {
        "name": name,
        "displayName": display,
        "labels": dict(job.resource.get("labels", {})),
        "deployedModels": [{**deployed, "displayName": display, "createTime": at}],
        "trafficSplit": {deployed["id"]: 100},
        "createTime": at,
        "updateTime": at,
    }
    vertex.gemini.models.add(f"endpoints/{identity}")
    vertex.gemini.tuned.add(f"endpoints/{identity}")
    return name
