"""The pipeline service: jobs are created, looked at, cancelled and deleted, and run nothing."""

from __future__ import annotations

import copy
from typing import Any

from tests.prediction.gemini.stand_in import PROJECT
from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.clock import now
from tests.vertex.stand_in.listing import page
from tests.vertex.stand_in.names import PROJECT_NUMBER, new_number
from tests.vertex.stand_in.operations import done
from tests.vertex.stand_in.pipeline_rules import check_id, check_job
from tests.vertex.stand_in.refusals import RefusedError, not_found, precondition
from tests.vertex.stand_in.state import Vertex

_ENDED = ("PIPELINE_STATE_SUCCEEDED", "PIPELINE_STATE_FAILED", "PIPELINE_STATE_CANCELLED")


def create(vertex: Vertex, call: Call) -> dict[str, Any]:
    """CreatePipelineJob."""
    job_id = call.request.get("pipelineJobId", "") or f"pipeline-{new_number()}"
    check_id(job_id)
    asked = copy.deepcopy(call.request.get("pipelineJob", {}))
    check_job(asked)
    name = f"{call.name}/pipelineJobs/{job_id}"
    if name in vertex.pipeline_jobs:
        raise RefusedError("ALREADY_EXISTS", f"The PipelineJob {name} already exists.")
    states, at = list(vertex.pipeline_states), now()
    asked.setdefault("displayName", asked["pipelineSpec"]["pipelineInfo"]["name"])
    job = {**asked, "name": name, "state": states.pop(0), "createTime": at, "updateTime": at}
    vertex.pipeline_jobs[name], vertex.pipeline_steps[name] = job, states
    return job


def _find(vertex: Vertex, call: Call) -> dict[str, Any]:
    if call.name not in vertex.pipeline_jobs:
        raise not_found("PipelineJob", call.name)
    return vertex.pipeline_jobs[call.name]


def get(vertex: Vertex, call: Call) -> dict[str, Any]:
    """GetPipelineJob: a job goes one state on whenever it is looked at."""
    job = _find(vertex, call)
    states = vertex.pipeline_steps[call.name]
    if states and job["state"] not in _ENDED:
        _go_on(vertex, job, states)
    return job


def _go_on(vertex: Vertex, job: dict[str, Any], states: list[str]) -> None:
    state, at = states.pop(0), now()
    failing = None if states else vertex.failing_task
    job["updateTime"] = at
    job["state"] = "PIPELINE_STATE_FAILED" if failing else state
    if state != "PIPELINE_STATE_PENDING":
        job.setdefault("startTime", at)
        job["jobDetail"] = {"taskDetails": _tasks(job, failing)}
    if job["state"] in _ENDED:
        job["endTime"] = at
    if failing:
        job["error"] = {"code": 9, "message": _failure(job["name"], failing[0])}


def _tasks(job: dict[str, Any], failing: tuple[str, str] | None) -> list[dict[str, Any]]:
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    failed = failing[0] if failing else ""
    after = _after(failed, tasks)
    details = []
    for number, name in enumerate(sorted({*tasks, failed} - {""}), 1):
        detail = {"taskId": str(number), "taskName": name, "createTime": job["createTime"]}
        if failing and name == failed:
            detail |= {"state": "FAILED", "error": {"code": 9, "message": failing[1]}}
        elif name in after:
            detail |= {"state": "NOT_TRIGGERED"}
        else:
            succeeded = failing or job["state"] == "PIPELINE_STATE_SUCCEEDED"
            detail |= {"state": "SUCCEEDED" if succeeded else "RUNNING"}
        details.append(detail)
    return details


def _after(failed: str, tasks: dict[str, Any]) -> set[str]:
    """The tasks that wait for one, directly or not."""
    found, waiting = set[str](), [failed]
    while waiting:
        before = waiting.pop()
        new = {name for name, task in tasks.items() if before in task.get("dependentTasks", ())}
        waiting += new - found
        found |= new
    return found


def _failure(name: str, task: str) -> str:
    job_id = name.rpartition("/")[2]
    return (
        f"The DAG failed because some tasks failed. The failed tasks are: [{task}].; Job "
        f"(project_id = {PROJECT}, job_id = {job_id}) is failed due to the above error.; Failed "
        f"to handle the job: {{project_number = {PROJECT_NUMBER}, job_id = {job_id}}}"
    )


def list_(vertex: Vertex, call: Call) -> dict[str, Any]:
    """ListPipelineJobs, newest first."""
    prefix = f"{call.name}/pipelineJobs/"
    found = [job for name, job in vertex.pipeline_jobs.items() if name.startswith(prefix)]
    return page(call, found[::-1], "pipelineJobs")


def cancel(vertex: Vertex, call: Call) -> dict[str, Any]:
    """CancelPipelineJob."""
    job = _find(vertex, call)
    if job["state"] in _ENDED:
        raise precondition(f"Cannot cancel {call.name} in state {job['state']}.")
    at = now()
    error = {"code": 1, "message": "The pipeline job was cancelled."}
    job.update(state="PIPELINE_STATE_CANCELLED", endTime=at, updateTime=at, error=error)
    return {}


def delete(vertex: Vertex, call: Call) -> dict[str, Any]:
    """DeletePipelineJob."""
    job = _find(vertex, call)
    if job["state"] not in _ENDED:
        raise precondition(f"Cannot delete {call.name} in state {job['state']}.")
    del vertex.pipeline_jobs[call.name], vertex.pipeline_steps[call.name]
    return done(call, "Delete")
