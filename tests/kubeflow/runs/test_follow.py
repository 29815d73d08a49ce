"""Following a run to its end."""

import logging
import signal
import threading
import time

import pytest

from tests.kubeflow.runs.conftest import quick, request_of
from tests.kubeflow.stand_in import Fault
from tuneline.errors import ConfigurationError, ServiceError, StoppedError
from tuneline.kubeflow.runs.address import RunAddress
from tuneline.kubeflow.runs.follow import cancel, follow
from tuneline.kubeflow.runs.submit import submit
from tuneline.pipelines.platform import Platform
from tuneline.submission.spec import compiled_or_loaded

GET = "GetRun"


@pytest.fixture
def address(kfp, spec, caplog):
    """A run that was started."""
    caplog.set_level(logging.INFO, logger="tuneline")
    return RunAddress.parse(submit(request_of(spec, quick(kfp)), quick(kfp)))


def going_on(kfp):
    kfp.steps[next(iter(kfp.runs))] = ["RUNNING"]


def test_success_is_told_task_by_task(kfp, address, caplog):
    follow(address, quick(kfp))
    told = [message for message in caplog.messages if "tasks done" in message]
    assert told[0] == "kubeflow: pending: 0 of 7 tasks done"
    assert told[1].startswith("kubeflow: running: 0 of 7 tasks done; running: ")
    assert "'tune'" in told[1]
    assert told[2] == "kubeflow: succeeded: 7 of 7 tasks done"


@pytest.mark.parametrize("place", ["task", "history", "executor"])
def test_failing_task_is_named_with_its_message_and_the_page(kfp, address, place):
    kfp.steps[address.run_id] = ["RUNNING", "FAILED"]
    kfp.failing_task, kfp.message_place = ("tune-model", "CUDA out of memory: 3 GiB short"), place
    with pytest.raises(ServiceError) as caught:
        follow(address, quick(kfp))
    assert caught.value.exit_code == 3
    assert str(caught.value).splitlines() == [
        "supervised-tuning: failed",
        "  task 'tune': CUDA out of memory: 3 GiB short",
        f"  {address.url}",
    ]


def test_failing_task_without_a_message_is_named_all_the_same(kfp, address):
    kfp.steps[address.run_id] = ["FAILED"]
    kfp.failing_task, kfp.message_place = ("tune-model", "killed"), "nowhere"
    with pytest.raises(ServiceError, match="task 'tune': the service says no reason"):
        follow(address, quick(kfp))


def test_task_of_a_condition_and_of_a_placed_spec_has_its_title(kfp, placed_spec):
    spec = compiled_or_loaded(str(placed_spec), Platform(target="kubeflow"))
    address = RunAddress.parse(submit(request_of(spec, quick(kfp)), quick(kfp)))
    kfp.steps[address.run_id] = ["FAILED"]
    kfp.failing_task = ("register-model", "no such registry")
    with pytest.raises(ServiceError, match="task 'register': no such registry"):
        follow(address, quick(kfp))


def test_passing_failures_are_ridden_out(kfp, address):
    kfp.faults += [
        Fault(GET, "status", status=503, message="Overloaded."),
        Fault(GET, "drop_before"),
        Fault(GET, "broken"),
        Fault(GET, "status", status=429, message="Too many."),
    ]
    follow(address, quick(kfp, failing_s=20))


def test_lasting_failure_ends_the_wait(kfp, address):
    kfp.faults += [Fault(GET, "status", status=503, message="Overloaded.")] * 200
    with pytest.raises(ServiceError, match="503 Overloaded"):
        follow(address, quick(kfp, failing_s=0.3))


def test_token_that_expires_meanwhile_leaves_the_run(kfp, address):
    going_on(kfp)
    kfp.faults.append(Fault(GET, "status", status=401, message="Token expired.", after=2))
    with pytest.raises(ServiceError, match="Set TUNELINE_KFP_TOKEN. The run goes on") as caught:
        follow(address, quick(kfp))
    assert f"tuneline follow '{address.url}'" in str(caught.value)


def test_deadline_ends_the_wait_and_not_the_run(kfp, address):
    going_on(kfp)
    with pytest.raises(ServiceError, match=r"did not end within .* The run goes on"):
        follow(address, quick(kfp, deadline_hours=0.3 / 3600))
    assert not kfp.count("TerminateRun")


def test_ctrl_c_says_that_the_run_goes_on(kfp, address):
    going_on(kfp)

    def press():
        time.sleep(0.5)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(StoppedError) as caught:
        follow(address, quick(kfp))
    assert caught.value.exit_code == 130
    assert f"tuneline follow '{address.url}'" in str(caught.value)
    assert f"tuneline cancel '{address.url}'" in str(caught.value)
    assert not kfp.count("TerminateRun")


def test_cancelled_run_is_no_success(kfp, address):
    cancel(address)
    with pytest.raises(ServiceError, match="supervised-tuning: canceled"):
        follow(address, quick(kfp))
    with pytest.raises(ConfigurationError, match="the service refuses: 400 .*Failed to terminate"):
        cancel(address)


def test_run_that_is_not_there_is_refused(kfp, address):
    other = RunAddress(address.host, "none")
    for function in (lambda: follow(other, quick(kfp)), lambda: cancel(other)):
        with pytest.raises(ConfigurationError, match="the service refuses: 404 .*run none not"):
            function()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example/pipeline/#/runs/details/1-b", "https://a.example/pipeline"),
        ("https://a.example/#/runs/details/1-b", "https://a.example"),
        ("http://localhost:8080/#/runs/details/1-b", "http://localhost:8080"),
        # From the browser, inside Kubeflow's central dashboard.
        ("https://a.example/_/pipeline/?ns=team#/runs/details/1-b", "https://a.example/pipeline"),
    ],
)
def test_address_of_a_page_is_taken_apart(url, host):
    assert RunAddress.parse(url) == RunAddress(host, "1-b")
    assert RunAddress.parse(RunAddress.parse(url).url) == RunAddress.parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "1-b",
        "projects/p/locations/l/pipelineJobs/1",
        "https://a.example/pipeline",
        "https://a.example/pipeline/#/recurringrun/details/1",
        "ftp://a.example/#/runs/details/1",
        "https://me:s3cret@a.example/#/runs/details/1",
    ],
)
def test_what_is_no_page_of_a_run_is_refused(url):
    with pytest.raises(ConfigurationError) as caught:
        RunAddress.parse(url)
    assert "s3cret" not in str(caught.value)
