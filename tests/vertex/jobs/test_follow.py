"""Following a run to its end; by JSON and by gRPC."""

import logging
import signal
import threading
import time

import pytest

from tests.vertex.jobs.conftest import quick, request_of
from tests.vertex.stand_in import PROJECT, Fault
from tuneline.errors import ConfigurationError, ServiceError, StoppedError
from tuneline.vertex.jobs.follow import cancel, console_url, follow
from tuneline.vertex.jobs.submit import submit

GET = "GetPipelineJob"


@pytest.fixture
def name(service, spec, caplog):
    """A run that was started."""
    caplog.set_level(logging.INFO, logger="tuneline")
    return submit(request_of(spec, quick()), quick())


def test_success_is_told_task_by_task(service, name, caplog):
    follow(name, quick())
    told = [message for message in caplog.messages if "tasks done" in message]
    assert "running: 0 of 7 tasks done; running: " in told[0]
    assert "'tune'" in told[0]
    assert told[-1].startswith("vertex: succeeded: ")


def test_failing_task_is_named_with_its_message_and_the_page(service, name):
    service.failing_task = ("tune-model", "CUDA out of memory: 3 GiB short")
    with pytest.raises(ServiceError) as caught:
        follow(name, quick())
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert "failed: The DAG failed" in message
    assert "task 'tune': CUDA out of memory: 3 GiB short" in message
    assert console_url(name) in message


def test_log_of_the_failing_task_is_linked(service, name):
    service.failing_task = ("tune-model", "killed")
    service.pipeline_states[:] = []
    with pytest.raises(ServiceError):
        follow(name, quick())
    [job] = service.pipeline_jobs.values()
    for task in job["jobDetail"]["taskDetails"]:
        main = f"projects/1/locations/us-central1/customJobs/77{len(task['taskName'])}"
        task["executorDetail"] = {"containerDetail": {"mainJob": main}}
    with pytest.raises(ServiceError, match=r"its log: https://console.cloud.google.com/logs/query"):
        follow(name, quick())


def test_passing_failures_are_ridden_out(service, name):
    service.faults += [
        Fault(GET, "status", status=503, message="Overloaded."),
        Fault(GET, "drop_before"),
        Fault(GET, "status", status=429, message="Quota exceeded."),
    ]
    follow(name, quick(failing_s=20))


def test_lasting_failure_ends_the_wait(service, name):
    service.faults += [Fault(GET, "status", status=503, message="Overloaded.")] * 200
    with pytest.raises(ServiceError, match="Overloaded"):
        follow(name, quick(failing_s=0.3))


def test_deadline_ends_the_wait_and_not_the_run(service, name):
    service.pipeline_steps[next(iter(service.pipeline_jobs))] = ["PIPELINE_STATE_RUNNING"] * 999
    with pytest.raises(ServiceError, match=r"did not end within .* The run goes on"):
        follow(name, quick(deadline_hours=0.3 / 3600))
    assert not service.count("CancelPipelineJob")


def test_ctrl_c_says_that_the_run_goes_on(service, name):
    service.pipeline_steps[next(iter(service.pipeline_jobs))] = ["PIPELINE_STATE_RUNNING"] * 999

    def press():
        time.sleep(0.5)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(StoppedError) as caught:
        follow(name, quick())
    assert caught.value.exit_code == 130
    assert f"tuneline follow {name}" in str(caught.value)
    assert f"tuneline cancel {name}" in str(caught.value)


def test_cancelled_run_is_no_success(service, name):
    cancel(name)
    with pytest.raises(ServiceError, match="cancelled: The pipeline job was cancelled"):
        follow(name, quick())
    with pytest.raises(ConfigurationError, match="the service refuses"):
        cancel(name)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("supervised-tuning-1", "is no name of a resource"),
        (f"projects/{PROJECT}/locations/us-central1/models/1", "is no run of a pipeline"),
        (f"projects/{PROJECT}/locations/us-central1/pipelineJobs/none", "the service refuses"),
    ],
)
def test_what_is_no_run_is_refused(service, other, said):
    for function in (lambda: follow(other, quick()), lambda: cancel(other)):
        with pytest.raises(ConfigurationError, match=said):
            function()


def test_page_of_a_run():
    name = "projects/p/locations/us-central1/pipelineJobs/a-1"
    assert console_url(name) == (
        "https://console.cloud.google.com/vertex-ai/locations/us-central1/pipelines/runs/a-1"
        "?project=p"
    )
