"""What is sent to Vertex AI for a run: the same that ``aiplatform.PipelineJob`` would send.

That class looks the bucket's owner up in another service first, which takes a minute where that
service cannot be reached; the request needs none of it.
"""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from google.cloud import aiplatform_v1 as vertex
from google.protobuf import json_format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tuneline.submission.spec import Spec
    from tuneline.vertex.jobs.settings import VertexRun


_LONGEST_NAME = 100


def pipeline_job(spec: Spec, parameters: Mapping[str, Any], run: VertexRun) -> vertex.PipelineJob:
    """The job of a run.

    Args:
        spec: The pipeline.
        parameters: Those that are given; the others have the pipeline's defaults.
        run: Where and as whom.
    """
    job = vertex.PipelineJob(
        display_name=run.name or spec.name,
        labels=run.labels,
        service_account=run.service_account,
        network=run.network,
        runtime_config={"gcs_output_directory": f"{run.folder}/pipelines/{spec.name}"},
    )
    content = spec if run.cache else spec.without_cache()
    json_format.ParseDict(content.content, vertex.PipelineJob.pb(job).pipeline_spec)
    config = vertex.PipelineJob.pb(job).runtime_config
    json_format.ParseDict({"parameterValues": dict(parameters)}, config)
    if run.fail_fast:
        job.runtime_config.failure_policy = (
            vertex.PipelineFailurePolicy.PIPELINE_FAILURE_POLICY_FAIL_FAST
        )
    if run.encryption_key:
        job.encryption_spec = vertex.EncryptionSpec(kms_key_name=run.encryption_key)
    return job


def run_request(job: vertex.PipelineJob, run: VertexRun) -> vertex.CreatePipelineJobRequest:
    """The request that starts a run now, under an id of its own: it can be sent again safely."""
    return vertex.CreatePipelineJobRequest(
        parent=run.place.parent, pipeline_job=job, pipeline_job_id=_new_id(job.display_name)
    )


def schedule_request(job: vertex.PipelineJob, run: VertexRun) -> vertex.CreateScheduleRequest:
    """The request that starts runs by the clock; the service names each."""
    schedule = vertex.Schedule(
        display_name=job.display_name,
        cron=run.schedule,
        max_concurrent_run_count=run.max_concurrent,
        create_pipeline_job_request=vertex.CreatePipelineJobRequest(
            parent=run.place.parent, pipeline_job=job
        ),
    )
    if run.max_runs:
        schedule.max_run_count = run.max_runs
    return vertex.CreateScheduleRequest(parent=run.place.parent, schedule=schedule)


def as_json(request: Any) -> dict[str, Any]:
    """A request in the service's JSON."""
    content: dict[str, Any] = json_format.MessageToDict(type(request).pb(request))
    return content


def _new_id(name: str) -> str:
    plain = re.sub(r"[^-0-9a-z]+", "-", name.lower()).strip("-")
    # An id starts with a letter and has 128 characters at most.
    plain = (plain if plain[:1].isalpha() else f"run-{plain}")[:_LONGEST_NAME].strip("-")
    return f"{plain}-{datetime.now(UTC).strftime('%Y%m%d%H%M%S')}-{secrets.token_hex(3)}"
