"""From a call to the function that carries it out, with the faults that were planted for it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.vertex.stand_in import (
    curves,
    endpoints,
    evaluations,
    models,
    pipelines,
    schedules,
    tuning_jobs,
)
from tests.vertex.stand_in.call import Call
from tests.vertex.stand_in.credentials import check_project
from tests.vertex.stand_in.faults import DroppedError, next_fault
from tests.vertex.stand_in.refusals import RefusedError
from tests.vertex.stand_in.state import Vertex

_Answer = TypeVar("_Answer")

_HANDLERS: dict[str, Callable[[Vertex, Call], dict[str, Any]]] = {
    "CreateTuningJob": tuning_jobs.create,
    "GetTuningJob": tuning_jobs.get,
    "ListTuningJobs": tuning_jobs.list_,
    "CancelTuningJob": tuning_jobs.cancel,
    "CreatePipelineJob": pipelines.create,
    "GetPipelineJob": pipelines.get,
    "ListPipelineJobs": pipelines.list_,
    "CancelPipelineJob": pipelines.cancel,
    "DeletePipelineJob": pipelines.delete,
    "CreateSchedule": schedules.create,
    "GetSchedule": schedules.get,
    "ListSchedules": schedules.list_,
    "PauseSchedule": schedules.pause,
    "ResumeSchedule": schedules.resume,
    "DeleteSchedule": schedules.delete,
    "UploadModel": models.upload,
    "CopyModel": models.copy_model,
    "GetModel": models.get,
    "ListModels": models.list_,
    "ListModelVersions": models.list_versions,
    "UpdateModel": models.update,
    "MergeVersionAliases": models.merge_aliases,
    "DeleteModel": models.delete,
    "DeleteModelVersion": models.delete_version,
    "ImportModelEvaluation": evaluations.import_,
    "ListModelEvaluations": evaluations.list_,
    "GetModelEvaluation": evaluations.get,
    "BatchImportModelEvaluationSlices": evaluations.import_slices,
    "ListModelEvaluationSlices": evaluations.list_slices,
    "GetContext": curves.get_context,
    "ListTensorboardRuns": curves.list_runs,
    "ListTensorboardTimeSeries": curves.list_time_series,
    "ReadTensorboardTimeSeriesData": curves.read_time_series,
    "GetEndpoint": endpoints.get,
    "DeleteEndpoint": endpoints.delete,
}


def perform(vertex: Vertex, call: Call) -> dict[str, Any]:
    """The JSON of the answer.

    Raises:
        RefusedError: The call is refused.
        DroppedError: The connection is to be closed without an answer.
    """
    with vertex.lock:
        vertex.calls.append((call.method, call.version, call.transport, call.resource))
        if call.body:
            vertex.bodies[call.method].append(call.body)
    check_project(call.resource)

    def work() -> dict[str, Any]:
        with vertex.lock:
            return copy.deepcopy(_HANDLERS[call.method](vertex, call))

    return with_fault(vertex, call.method, work)


def with_fault(vertex: Vertex, method: str, work: Callable[[], _Answer]) -> _Answer:
    """Do the work, unless a fault was planted that keeps it from being done or from being seen.

    Raises:
        RefusedError: As the fault says, or the work.
        DroppedError: As the fault says.
    """
    fault = next_fault(vertex.faults, method)
    if fault is None:
        return work()
    if fault.kind == "status":
        message = fault.message or f"Planted failure {fault.status}."
        raise RefusedError.with_status(fault.status, message, fault.retry_after)
    if fault.kind == "drop_before":
        raise DroppedError
    if fault.kind == "delay":
        time.sleep(fault.seconds)
        return work()
    work()
    raise DroppedError
