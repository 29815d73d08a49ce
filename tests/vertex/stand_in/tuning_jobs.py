"""The tuning service: jobs are created, looked at and cancelled."""

from __future__ import annotations

import copy
from typing import Any

from tests.vertex.stand_in.base_models import is_open
from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.clock import now
from tests.vertex.stand_in.listing import page
from tests.vertex.stand_in.names import canonical, location_of, new_number, place
from tests.vertex.stand_in.refusals import RefusedError, invalid, not_found, precondition
from tests.vertex.stand_in.state import Vertex
from tests.vertex.stand_in.tuning_job import Job
from tests.vertex.stand_in.tuning_results import succeed, tell_statistics
from tests.vertex.stand_in.tuning_rules import judged

_EPOCHS = 3
_QUOTAS = {
    False: "Global concurrent tuning jobs",
    True: "Global concurrent managed OSS model fine-tuning jobs per project",
}


def create(vertex: Vertex, call: Call) -> dict[str, Any]:
    """CreateTuningJob."""
    asked = copy.deepcopy(call.request.get("tuningJob", {}))
    location = location_of(call.name)
    base_model = _base_model(vertex, asked)
    training, validation = judged(asked, base_model, location)
    _check_quota(vertex, base_model)
    states = list(vertex.tuning_states)
    at = now()
    _fill_in(asked, open_model=is_open(base_model))
    resource = {
        **asked,
        "name": f"{place('us-central1' if location == 'global' else location)}/tuningJobs/"
        f"{new_number()}",
        "state": states.pop(0),
        "createTime": at,
        "updateTime": at,
    }
    job = Job(resource, base_model, location, training, validation, states)
    vertex.tuning_jobs[resource["name"]] = job
    return resource


def _base_model(vertex: Vertex, asked: dict[str, Any]) -> str:
    before = asked.get("preTunedModel")
    if before is None:
        if not asked.get("baseModel"):
            raise invalid("One of base_model and pre_tuned_model is required.")
        return str(asked["baseModel"])
    model, number = vertex.models.find(before.get("tunedModelName", ""))
    version = model.versions[number]
    known = [point["checkpointId"] for point in version.get("checkpoints", ())]
    if (wanted := before.get("checkpointId")) and wanted not in known:
        raise not_found("checkpoint", f"{wanted} of {before['tunedModelName']}")
    base = version.get("baseModelSource", {}).get("genieSource", {}).get("baseModelUri", "")
    if not base:
        raise invalid(f"{before['tunedModelName']} is not a tuned model.")
    before["tunedModelName"] = f"{model.name}@{number}"
    before["baseModel"] = str(base).removeprefix("publishers/google/models/")
    return str(before["baseModel"])


def _check_quota(vertex: Vertex, base_model: str) -> None:
    kind = is_open(base_model)
    live = [
        job
        for job in vertex.tuning_jobs.values()
        if not job.ended and is_open(job.base_model) == kind
    ]
    if len(live) >= vertex.concurrent_jobs:
        raise RefusedError(
            "RESOURCE_EXHAUSTED",
            f"Quota exceeded for quota metric '{_QUOTAS[kind]}' of service "
            f"'aiplatform.googleapis.com': {len(live)} of {vertex.concurrent_jobs} in use.",
        )


def _fill_in(asked: dict[str, Any], *, open_model: bool) -> None:
    """Write the service's defaults where nothing was asked for."""
    spec = asked["supervisedTuningSpec"]
    hyper = spec.setdefault("hyperParameters", {})
    hyper.setdefault("epochCount", str(_EPOCHS))
    if not open_model:
        hyper.setdefault("adapterSize", "ADAPTER_SIZE_FOUR")
        hyper.setdefault("learningRateMultiplier", 1.0)
    elif spec["tuningMode"] == "TUNING_MODE_PEFT_ADAPTER":
        hyper.setdefault("adapterSize", "ADAPTER_SIZE_SIXTEEN")


def find(vertex: Vertex, name: str) -> Job:
    """The job of a name; one that was created at ``global`` has that name too."""
    job = vertex.tuning_jobs.get(name)
    if job is None and location_of(name) == "global":
        job = vertex.tuning_jobs.get(canonical(name).replace("/global/", "/us-central1/"))
    if job is None:
        raise not_found("TuningJob", name)
    return job


def get(vertex: Vertex, call: Call) -> dict[str, Any]:
    """GetTuningJob: a job goes one state on whenever it is looked at."""
    job = find(vertex, call.name)
    stays = vertex.hangs and job.resource["state"] == "JOB_STATE_RUNNING"
    if job.states and not job.ended and not stays:
        _go_on(vertex, job)
    return job.resource


def _go_on(vertex: Vertex, job: Job) -> None:
    state, at = job.states.pop(0), now()
    job.resource["updateTime"] = at
    if state == "JOB_STATE_RUNNING" or not job.states:
        job.resource.setdefault("startTime", at)
    if job.states:
        job.resource["state"] = state
        return
    error = vertex.job_error
    if state == "JOB_STATE_SUCCEEDED" and error is None:
        succeed(vertex, job)
    elif error is not None or state == "JOB_STATE_FAILED":
        state = "JOB_STATE_FAILED"
        if vertex.dropped_reasons:
            tell_statistics(vertex, job)
        job.resource["error"] = error or {"code": 13, "message": "Internal error occurred."}
    job.resource["state"] = state
    if job.ended:
        job.resource["endTime"] = at


def list_(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ListTuningJobs, newest first; nothing goes on by it."""
    location = location_of(call.name)
    jobs = [
        job.resource
        for job in reversed(vertex.tuning_jobs.values())
        if location in (job.asked_location, location_of(job.resource["name"]))
    ]
    if vertex.hidden_lists:
        vertex.hidden_lists -= 1
        jobs = jobs[1:]
    return page(call, jobs, "tuningJobs", named="tunedModelDisplayName")


def cancel(vertex: Vertex, call: Call) -> dict[str, Any]:
    """CancelTuningJob."""
    job = find(vertex, call.name)
    if job.ended:
        raise precondition(f"Cannot cancel {call.name} in state {job.resource['state']}.")
    job.states.clear()
    at = now()
    error = {"code": 1, "message": "The tuning job was cancelled."}
    job.resource.update(state="JOB_STATE_CANCELLED", endTime=at, updateTime=at, error=error)
    return {}
