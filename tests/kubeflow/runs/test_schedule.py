"""A schedule is made once."""

import pytest

from tests.kubeflow.runs.conftest import PARAMETERS, quick
from tests.kubeflow.stand_in import Fault
from tuneline.errors import ConfigurationError, ServiceError
from tuneline.kubeflow.runs.request import schedule_request
from tuneline.kubeflow.runs.schedule import create_schedule

CREATE = "CreateRecurringRun"


def made(kfp, spec, **options):
    run = quick(kfp, **{"schedule": "0 6 * * 1", "name": "weekly", **options})
    return create_schedule(schedule_request(spec, PARAMETERS, run), run)


def test_schedule_is_made_as_asked(kfp, spec):
    url = made(kfp, spec, max_concurrent=2, service_account="tuner")
    [schedule] = kfp.schedules.values()
    assert url == f"{kfp.address}/#/recurringrun/details/{schedule['recurring_run_id']}"
    assert schedule["trigger"] == {"cron_schedule": {"cron": "0 0 6 * * 1"}}
    assert schedule["max_concurrency"] == "2"
    assert schedule["mode"] == "ENABLE"
    assert schedule["no_catchup"] is True
    assert schedule["runtime_config"] == {"parameters": PARAMETERS}
    assert not kfp.runs


def test_second_of_a_name_is_refused_while_the_first_is_active(kfp, spec):
    first = made(kfp, spec)
    with pytest.raises(ConfigurationError, match=f"active schedule 'weekly'.*{first[-12:]}"):
        made(kfp, spec)
    made(kfp, spec, name="daily")
    for schedule in kfp.schedules.values():
        schedule.update(status="DISABLED", mode="DISABLE")
    made(kfp, spec)
    assert kfp.count(CREATE) == 3


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "broken"])
def test_lost_answer_makes_one_schedule(kfp, spec, kind):
    kfp.page_size = 1
    made(kfp, spec, name="other")
    kfp.faults.append(Fault(CREATE, kind))
    url = made(kfp, spec)
    assert len(kfp.schedules) == 2
    assert url.endswith(list(kfp.schedules)[1])


def test_failure_that_lasts_is_told(kfp, spec):
    kfp.faults += [Fault(CREATE, "status", status=503, message="Overloaded.")] * 200
    with pytest.raises(ServiceError, match="Scheduling weekly: 503 Overloaded"):
        made(kfp, spec, failing_s=0.3)


def test_refusal_is_told_at_once(kfp, spec):
    kfp.faults.append(Fault(CREATE, "status", status=400, message="Not like this."))
    with pytest.raises(ConfigurationError, match="Not like this"):
        made(kfp, spec)
    assert kfp.count(CREATE) == 1
