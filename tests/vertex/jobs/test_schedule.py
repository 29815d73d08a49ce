"""A schedule is made once; by JSON and by gRPC."""

import pytest

from tests.vertex.jobs.conftest import PARAMETERS, quick
from tests.vertex.stand_in import Fault
from tuneline.errors import ConfigurationError, ServiceError
from tuneline.vertex.jobs.request import pipeline_job, schedule_request
from tuneline.vertex.jobs.schedule import create_schedule

CREATE = "CreateSchedule"


def made(spec, **options):
    run = quick(**{"schedule": "TZ=Europe/Berlin 0 6 * * 1", "name": "weekly", **options})
    return create_schedule(schedule_request(pipeline_job(spec, PARAMETERS, run), run), run)


def test_schedule_is_made_as_asked(service, spec):
    name = made(spec, max_runs=4, max_concurrent=2)
    [schedule] = service.schedules.values()
    assert schedule["name"].split("/")[-1] == name.split("/")[-1]
    assert schedule["cron"] == "TZ=Europe/Berlin 0 6 * * 1"
    assert (int(schedule["maxRunCount"]), int(schedule["maxConcurrentRunCount"])) == (4, 2)


def test_second_of_a_name_is_refused_while_the_first_is_active(service, spec):
    first = made(spec)
    with pytest.raises(ConfigurationError, match=f"active schedule 'weekly'.*{first[-8:]}"):
        made(spec)
    made(spec, name="daily")
    for schedule in service.schedules.values():
        schedule["state"] = "COMPLETED"
    made(spec)
    assert service.count(CREATE) == 3


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
def test_broken_connection_makes_one_schedule(service, spec, kind):
    service.faults.append(Fault(CREATE, kind))
    name = made(spec)
    assert [name.split("/")[-1]] == [each.split("/")[-1] for each in service.schedules]


def test_failure_that_lasts_is_told(service, spec):
    service.faults += [Fault(CREATE, "status", status=503, message="Overloaded.")] * 200
    with pytest.raises(ServiceError, match="Scheduling weekly: .*Overloaded"):
        made(spec, failing_s=0.3)


def test_refusal_is_told_at_once(service, spec):
    service.faults.append(Fault(CREATE, "status", status=400, message="Not like this."))
    with pytest.raises(ConfigurationError, match="Not like this"):
        made(spec)
    assert service.count(CREATE) == 1
