"""The stand-in refuses what Kubeflow Pipelines would."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml

from tuneline.pipelines.compile import SPECS

DATA = {"parameters": {"data": "s3://a/b.jsonl"}}


@pytest.fixture
def call(kfp):
    def send(verb, path, body=None, token=kfp.token):
        request = Request(f"{kfp.address}/apis/v2beta1{path}", method=verb)
        request.add_header("Authorization", f"Bearer {token}")
        content = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(request, content) as response:
                return response.status, json.load(response)
        except HTTPError as error:
            return error.code, json.load(error)

    return send


@pytest.fixture(scope="module")
def content():
    return yaml.safe_load((SPECS / "supervised_tuning.yaml").read_text())


@pytest.fixture
def experiment(call):
    return call("POST", "/experiments", {"display_name": "Default"})[1]["experiment_id"]


@pytest.fixture
def run(experiment, content):
    return {
        "display_name": "lamps",
        "experiment_id": experiment,
        "pipeline_spec": content,
        "runtime_config": DATA,
    }


def test_run_moves_on_with_every_look(call, run):
    status, made = call("POST", "/runs", run)
    assert status == 200
    looks = [call("GET", f"/runs/{made['run_id']}")[1]["state"] for _ in range(4)]
    assert looks == ["PENDING", "RUNNING", "SUCCEEDED", "SUCCEEDED"]
    status, refusal = call("POST", f"/runs/{made['run_id']}:terminate")
    assert (status, refusal["code"]) == (400, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": "red"}, 'unknown field "colour"'),
        ({"runtime_config": {**DATA, "root": "x"}}, 'unknown field "runtime_config.root"'),
        ({"display_name": 3}, "display_name: 3 is no str"),
        ({"display_name": ""}, "name cannot be empty"),
        ({"state": "BUSY"}, "state: 'BUSY' is none of"),
        ({"runtime_config": {}}, "required input parameter data is not provided"),
        ({"runtime_config": {"parameters": {"data": "a", "b": 1}}}, "parameter b is not found"),
        ({"pipeline_spec": None}, "Pipeline spec is missing"),
        ({"pipeline_spec": {"pipelineInfo": {"nome": "a"}}}, "Failed to parse the PipelineSpec"),
        ({"experiment_id": "none"}, "experiment none not found"),
    ],
)
def test_run_that_is_wrong_is_refused(call, run, change, said):
    status, refusal = call("POST", "/runs", {**run, **change})
    assert status in (400, 404)
    assert said in refusal["message"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"tolerations": [{"efect": "x"}]}, "Failed to parse the KubernetesExecutorConfig"),
        (None, "no executor exec-gone"),
    ],
)
def test_platform_document_that_is_wrong_is_refused(call, run, content, config, said):
    executors = {"exec-gone": {}} if config is None else {"exec-predict": config}
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}
    documents = {"pipeline_spec": content, "platform_spec": platform}
    status, refusal = call("POST", "/runs", {**run, "pipeline_spec": documents})
    assert status == 400
    assert said in refusal["message"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_concurrency": "11"}, "at most 10"),
        ({"max_concurrency": 1}, "max_concurrency: 1 is no str"),
        ({"trigger": {}}, "a trigger is required"),
        ({"trigger": {"cron_schedule": {"cron": "0 6 * *"}}}, "Expected 5 to 6 fields"),
        ({"trigger": {"cron_schedule": {"cron": "0 0 6 * * 7"}}}, "day of week: '7' is outside"),
        ({"mode": "ON"}, "mode: 'ON' is none of"),
    ],
)
def test_schedule_that_is_wrong_is_refused(call, run, change, said):
    schedule = {
        **run,
        "max_concurrency": "1",
        "mode": "ENABLE",
        "trigger": {"cron_schedule": {"cron": "0 0 6 * * 1"}},
    }
    assert call("POST", "/recurringruns", schedule)[0] == 200
    status, refusal = call("POST", "/recurringruns", {**schedule, **change})
    assert status == 400
    assert said in refusal["message"]


def test_five_fields_start_with_the_second(call, run, kfp):
    from tests.kubeflow.stand_in import cron

    assert cron.times("10 6 * * 1")["second"] == {10}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/experiments?colour=red", 400),
        ("/experiments?namespace=team", 400),
        ("/experiments?filter=%7B", 400),
        ("/runs/none", 404),
        ("/pipelines", 404),
    ],
)
def test_question_that_is_wrong_is_refused(call, path, status):
    assert call("GET", path)[0] == status


def test_token_is_wanted_and_names_are_unique(call, experiment):
    assert call("GET", "/healthz", token="other")[0] == 401
    assert call("POST", "/experiments", {"display_name": "Default"})[0] == 409
