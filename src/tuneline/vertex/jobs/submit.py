"""Starting a run: once, whatever happens to the request on its way."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions as api_errors
from google.cloud import aiplatform_v1 as vertex

from tuneline.errors import ServiceError, StoppedError
from tuneline.submission.waiting import Waits
from tuneline.vertex.clients import api_client, may_have_worked, once, patient, said, translated

if TYPE_CHECKING:
    from tuneline.vertex.jobs.settings import VertexRun

logger = logging.getLogger("tuneline")


def submit(request: vertex.CreatePipelineJobRequest, run: VertexRun) -> str:
    """Start a run and give back its resource name.

    The run's id is in the request. After a failure that may hide a success the run is looked for,
    and asked for again only where it is not there. Where the quota is taken, it waits in line.

    Args:
        request: What to start.
        run: How long to wait.

    Raises:
        ConfigurationError: The service refuses the request or the credentials.
        ServiceError: It does not answer, or the quota was not free before the deadline.
        StoppedError: Ctrl-C, after which the run may have been started.
    """
    name = f"{run.place.parent}/pipelineJobs/{request.pipeline_job_id}"
    client = api_client(vertex.PipelineServiceClient, run.place)
    try:
        with translated(f"Submitting {request.pipeline_job_id}"):
            return _started(client, request, name, run)
    except KeyboardInterrupt:
        raise StoppedError(
            f"Submitting was stopped; the run may have been started all the same. Look: tuneline "
            f"follow {name}",
            signal_number=2,
        ) from None


def _started(
    client: Any, request: vertex.CreatePipelineJobRequest, name: str, run: VertexRun
) -> str:
    waits, failing_since = Waits(run), 0.0
    while True:
        try:
            return str(client.create_pipeline_job(request=request, **once()).name)
        except api_errors.TooManyRequests as error:
            if waits.is_over:
                raise ServiceError(
                    f"Submitting {request.pipeline_job_id}: {said(error)}. The quota was not free "
                    f"within {run.deadline_hours:g} hours; nothing was started. Wait for other "
                    "runs to end, or ask for more quota."
                ) from error
            logger.warning("vertex: %s; waiting in line", said(error))
            failing_since = 0.0
        except Exception as error:
            is_taken = isinstance(error, api_errors.Conflict)
            if not is_taken and not may_have_worked(error):
                raise
            logger.warning("vertex: %s; looking whether the run was started", said(error))
            if found := _found(client, name, run):
                return found
            now = time.monotonic()
            failing_since = failing_since or now
            if is_taken or now - failing_since > run.failing_s:
                raise
        waits.wait()


def _found(client: Any, name: str, run: VertexRun) -> str:
    """The run's name where it is there; else nothing."""
    try:
        return str(client.get_pipeline_job(name=name, **patient(run.failing_s)).name)
    except api_errors.NotFound:
        return ""
    except api_errors.RetryError as error:
        raise ServiceError(
            f"Submitting: {said(error)}. The run may have been started all the same. Look before "
            f"you submit again: tuneline follow {name}"
        ) from error
