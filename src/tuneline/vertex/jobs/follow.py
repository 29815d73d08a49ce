"""Following a run to its end, and cancelling it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from google.cloud import aiplatform_v1 as vertex
from google.protobuf import json_format

from tuneline.errors import ConfigurationError, ServiceError, StoppedError
from tuneline.submission.spec import working_tasks
from tuneline.submission.waiting import Waits
from tuneline.vertex.clients import api_client, patient, translated
from tuneline.vertex.place import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tuneline.submission.patience import Patience

logger = logging.getLogger("tuneline")

_State = vertex.PipelineState
_TaskState = vertex.PipelineTaskDetail.State
_ENDED = (
    _State.PIPELINE_STATE_SUCCEEDED,
    _State.PIPELINE_STATE_FAILED,
    _State.PIPELINE_STATE_CANCELLED,
)
_DONE = (_TaskState.SUCCEEDED, _TaskState.SKIPPED, _TaskState.NOT_TRIGGERED)


def run_of(name: str) -> Resource:
    """Take a run's resource name apart.

    Raises:
        ConfigurationError: It is no name of a run.
    """
    resource = Resource.parse(name)
    if resource.kind != "pipelineJobs":
        raise ConfigurationError(
            f"{name!r}: is no run of a pipeline; one is "
            "projects/PROJECT/locations/LOCATION/pipelineJobs/ID."
        )
    return resource


def console_url(name: str) -> str:
    """The page on which a person reads of a run or a schedule."""
    found = Resource.parse(name)
    kind = "schedules" if found.kind == "schedules" else "runs"
    return (
        f"https://console.cloud.google.com/vertex-ai/locations/{found.place.location}/pipelines/"
        f"{kind}/{found.id}?project={found.place.project}"
    )


def follow(name: str, patience: Patience) -> None:
    """Wait for a run's end, and tell of its tasks on the way.

    Args:
        name: The run's resource name.
        patience: How often to look, and how long.

    Raises:
        ConfigurationError: There is no such run, or it may not be read.
        ServiceError: The run failed or was cancelled, with the message of the task that failed; or
            the service does not answer, or the deadline passed, and the run goes on.
        StoppedError: Ctrl-C; the run goes on.
    """
    client = api_client(vertex.PipelineServiceClient, run_of(name).place)
    waits, told = Waits(patience), ""
    try:
        while True:
            with translated(f"Following {name}"):
                job = client.get_pipeline_job(name=name, **patient(patience.failing_s))
            if (line := _progress(job)) != told:
                told = line
                logger.info("vertex: %s", line)
            if job.state in _ENDED:
                break
            if waits.is_over:
                hours = f"{patience.deadline_hours:g} hours"
                raise ServiceError(f"{name}: did not end within {hours}. {_goes_on(name)}")
            waits.wait()
    except KeyboardInterrupt:
        raise StoppedError(f"Waiting was stopped. {_goes_on(name)}", signal_number=2) from None
    if job.state != _State.PIPELINE_STATE_SUCCEEDED:
        raise ServiceError("\n".join(_what_failed(job, name)))


def cancel(name: str) -> None:
    """Ask the service to cancel a run; its tasks end within minutes.

    Raises:
        ConfigurationError: There is no such run, or it has ended.
        ServiceError: The service does not answer, so that it may still run.
    """
    client = api_client(vertex.PipelineServiceClient, run_of(name).place)
    with translated(f"Cancelling {name}"):
        client.cancel_pipeline_job(name=name, **patient())


def _goes_on(name: str) -> str:
    return (
        f"The run goes on, and is paid for. Follow it: tuneline follow {name} - or end it: "
        f"tuneline cancel {name}"
    )


def _titles(job: vertex.PipelineJob) -> dict[str, str]:
    """What people call the tasks that run something, by the task's name."""
    content = json_format.MessageToDict(vertex.PipelineJob.pb(job).pipeline_spec)
    return {task.name: task.title for task in working_tasks(content)} if content else {}


def _progress(job: vertex.PipelineJob) -> str:
    titles = _titles(job)
    known = [task for task in job.job_detail.task_details if task.task_name in titles]
    # A task of a loop appears once for each round.
    running = dict.fromkeys(task.task_name for task in known if task.state == _TaskState.RUNNING)
    done = {task.task_name for task in known if task.state in _DONE} - running.keys()
    names = ", ".join(repr(titles[name]) for name in running)
    state = job.state.name.removeprefix("PIPELINE_STATE_").lower()
    return (
        f"{state}: {len(done)} of {len(titles)} tasks done{f'; running: {names}' if names else ''}"
    )


def _what_failed(job: vertex.PipelineJob, name: str) -> Iterator[str]:
    state = job.state.name.removeprefix("PIPELINE_STATE_").lower()
    reason = f": {job.error.message}" if job.error.message else ""
    yield f"{name}: {state}{reason}"
    titles = _titles(job)
    for task in job.job_detail.task_details:
        if task.state == _TaskState.FAILED and task.task_name in titles:
            yield f"  task {titles[task.task_name]!r}: {task.error.message or 'says no reason'}"
            if log := _log_url(task, name):
                yield f"  its log: {log}"
    yield f"  {console_url(name)}"


def _log_url(task: Any, name: str) -> str:
    """Where the log of a task's container is read; empty where it never had one."""
    detail = task.executor_detail
    job = detail.container_detail.main_job or detail.custom_job_detail.job
    if not job:
        return ""
    query = f'resource.type="ml_job" resource.labels.job_id="{job.rsplit("/", 1)[-1]}"'
    return (
        f"https://console.cloud.google.com/logs/query;query={quote(query, safe='')}"
        f"?project={run_of(name).place.project}"
    )
