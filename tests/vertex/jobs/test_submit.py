"""A run is started once, whatever happens to the request; by JSON and by gRPC."""

import signal
import threading
import time

import pytest

from tests.vertex.jobs.conftest import quick, request_of
from tests.vertex.stand_in import PROJECT, Fault
from tuneline.errors import ConfigurationError, ServiceError, StoppedError
from tuneline.vertex.jobs.submit import submit

CREATE, GET = "CreatePipelineJob", "GetPipelineJob"


def test_run_is_started_with_what_was_asked(service, spec):
    run = quick(labels={"team": "lamps"})
    request = request_of(spec, run)
    name = submit(request, run)
    assert name.endswith(f"/locations/us-central1/pipelineJobs/{request.pipeline_job_id}")
    [job] = service.pipeline_jobs.values()
    assert job["labels"] == {"team": "lamps"}
    assert job["runtimeConfig"]["parameterValues"]["registry"] == f"vertex://{PROJECT}/us-central1"
    assert job["pipelineSpec"] == spec.content


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_broken_connection_starts_one_run(service, spec, kind):
    service.faults.append(Fault(CREATE, kind))
    run = quick()
    name = submit(request_of(spec, run), run)
    assert [name.split("/")[-1]] == [job.split("/")[-1] for job in service.pipeline_jobs]
    assert service.count(CREATE) == (1 if kind == "drop_after" else 2)


def test_answer_that_is_lost_twice_starts_one_run(service, spec):
    service.faults += [Fault(CREATE, "drop_after"), Fault(GET, "drop_before")]
    run = quick()
    submit(request_of(spec, run), run)
    assert len(service.pipeline_jobs) == service.count(CREATE) == 1


def test_run_that_is_there_under_its_id_is_ours(service, spec):
    run = quick()
    request = request_of(spec, run)
    assert submit(request, run) == submit(request, run)
    assert len(service.pipeline_jobs) == 1


def test_quota_and_an_overloaded_service_are_ridden_out(service, spec, caplog):
    caplog.set_level("WARNING", logger="tuneline")
    service.faults += [
        Fault(CREATE, "status", status=429, message="Quota exceeded: 60 a minute."),
        Fault(CREATE, "status", status=503, message="Overloaded."),
        Fault(CREATE, "status", status=429, message="Quota exceeded: 60 a minute."),
    ]
    run = quick()
    submit(request_of(spec, run), run)
    assert len(service.pipeline_jobs) == 1
    assert service.count(CREATE) == 4
    assert caplog.text.count("Quota exceeded: 60 a minute; waiting in line") == 2


def test_quota_is_not_waited_for_without_end(service, spec):
    service.faults += [Fault(CREATE, "status", status=429, message="Quota exceeded.")] * 200
    run = quick(deadline_hours=0.5 / 3600)
    with pytest.raises(ServiceError, match="The quota was not free within .* nothing was started"):
        submit(request_of(spec, run), run)


def test_overloaded_service_is_given_up(service, spec):
    service.faults += [Fault(CREATE, "status", status=503, message="Overloaded.")] * 200
    run = quick(failing_s=0.3)
    with pytest.raises(ServiceError, match="Overloaded"):
        submit(request_of(spec, run), run)
    assert not service.pipeline_jobs


def test_where_nobody_knows_whether_it_started_the_name_is_told(service, spec):
    service.faults.append(Fault(CREATE, "drop_after"))
    service.faults += [Fault(GET, "status", status=503, message="Overloaded.")] * 200
    run = quick(failing_s=0.3)
    with pytest.raises(ServiceError, match=r"may have been started.*tuneline follow projects/"):
        submit(request_of(spec, run), run)


@pytest.mark.parametrize("status", [400, 403])
def test_refusal_is_told_at_once(service, spec, status):
    service.faults.append(Fault(CREATE, "status", status=status, message="Not like this."))
    run = quick()
    with pytest.raises(ConfigurationError, match="the service refuses: .*Not like this"):
        submit(request_of(spec, run), run)
    assert service.count(CREATE) == 1


def test_ctrl_c_tells_where_to_look(vertex, spec):
    vertex.faults += [Fault(CREATE, "status", status=429, message="Quota exceeded.")] * 200
    run = quick()

    def press():
        time.sleep(0.5)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(StoppedError, match="Look: tuneline follow projects/") as caught:
        submit(request_of(spec, run), run)
    assert caught.value.exit_code == 130


def test_without_credentials_nothing_is_sent(vertex, spec, monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    run = quick()
    with pytest.raises(ConfigurationError, match="there is no such file"):
        submit(request_of(spec, run), run)
    assert not vertex.calls
