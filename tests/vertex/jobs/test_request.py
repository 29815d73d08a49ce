"""What is sent is what ``aiplatform.PipelineJob`` would send."""

import re

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform
from google.protobuf import json_format

from tests.vertex.jobs.conftest import PARAMETERS, SPEC, quick
from tests.vertex.stand_in import PROJECT
from tuneline.vertex.jobs.request import as_json, pipeline_job, run_request, schedule_request

KEY = "projects/p/locations/us-central1/keyRings/r/cryptoKeys/k"
VALUES = {**PARAMETERS, "shots": [0, 8], "overrides": {"epochs": 3, "pet": {"lora_rank": 8}}}


def sent_by_the_sdk(**options):
    job = aiplatform.PipelineJob(
        display_name="tickets",
        template_path=str(SPEC),
        pipeline_root="gs://sources/tuneline/pipelines/supervised-tuning",
        parameter_values=VALUES,
        project=PROJECT,
        location="us-central1",
        credentials=AnonymousCredentials(),
        **options,
    )
    return json_format.MessageToDict(job._gca_resource._pb)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"cache": False}, {"enable_caching": False}),
        ({"fail_fast": True}, {"failure_policy": "fast"}),
        ({"labels": {"team": "lamps"}}, {"labels": {"team": "lamps"}}),
        ({"encryption_key": KEY}, {"encryption_spec_key_name": KEY}),
    ],
)
def test_job_is_that_of_the_sdk(spec, ours, theirs):
    job = pipeline_job(spec, VALUES, quick(name="tickets", **ours))
    assert as_json(job) == sent_by_the_sdk(**theirs)


def test_identity_and_network_are_in_the_job(spec):
    account, network = "runs@p.iam.gserviceaccount.com", "projects/1/global/networks/n"
    job = pipeline_job(spec, VALUES, quick(service_account=account, network=network))
    assert (job.service_account, job.network) == (account, network)
    assert job.display_name == "supervised-tuning"


def test_each_request_has_an_id_of_its_own(spec):
    run = quick()
    job = pipeline_job(spec, VALUES, run)
    ids = {run_request(job, run).pipeline_job_id for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"supervised-tuning-\d{14}-[0-9a-f]{6}", each) for each in ids)


def test_schedule_starts_the_same_job(spec):
    run = quick(schedule="0 6 * * 1", max_runs=5, max_concurrent=2, name="weekly")
    job = pipeline_job(spec, VALUES, run)
    schedule = schedule_request(job, run).schedule
    assert (schedule.cron, schedule.display_name) == ("0 6 * * 1", "weekly")
    assert (schedule.max_run_count, schedule.max_concurrent_run_count) == (5, 2)
    request = schedule.create_pipeline_job_request
    assert (request.parent, request.pipeline_job_id) == (run.place.parent, "")
    assert request.pipeline_job == job
