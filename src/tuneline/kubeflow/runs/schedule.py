"""Runs by the clock: a schedule, which KFP calls a recurring run, made once."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from tuneline.errors import ConfigurationError
from tuneline.kubeflow.runs.address import schedule_url
from tuneline.kubeflow.runs.client import connected, may_have_worked, once, said, translated
from tuneline.kubeflow.runs.experiment import connection_of, experiment_id, listed, named, required
from tuneline.submission.waiting import Waits

if TYPE_CHECKING:
    from tuneline.kubeflow.runs.settings import KubeflowRun

logger = logging.getLogger("tuneline")

_LOOKS = 4


def create_schedule(request: Any, run: KubeflowRun) -> str:
    """Make a schedule and give back the address of its page.

    A schedule's id is the service's choice, so it is known by its name: none is made beside an
    active one of the same name, and after a failure that may hide a success it is looked for.

    Args:
        request: What to make.
        run: Where, and how long failures are ridden out.

    Raises:
        ConfigurationError: There is an active schedule of this name, or the service refuses.
        ServiceError: The service does not answer.
    """
    title = request.display_name
    client = connected(connection_of(run))
    with translated(f"Scheduling {title}"):
        request.experiment_id = experiment_id(client, run)
        if found := _active(client, request, run):
            raise ConfigurationError(
                f"name: there is an active schedule {title!r} already, "
                f"{schedule_url(run.address, found)}. Disable or delete it there, or give another "
                "--name."
            )
        return schedule_url(run.address, _created(client, request, run))


def _created(client: Any, request: Any, run: KubeflowRun) -> str:
    create = client.recurring_runs.recurring_run_service_create_recurring_run
    waits, end = Waits(run), time.monotonic() + run.failing_s
    while True:
        try:
            return required(once(create, request), "recurring_run_id")
        except Exception as error:
            if not may_have_worked(error):
                raise
            logger.warning("kubeflow: %s; looking whether the schedule was made", said(error))
            # The service may need time to show it, and a second one would run beside it.
            for _ in range(_LOOKS):
                waits.wait()
                if found := _active(client, request, run):
                    return found
            if time.monotonic() > end:
                raise


def _active(client: Any, request: Any, run: KubeflowRun) -> str:
    """The id of the active schedule of the request's name; else nothing."""
    method = client.recurring_runs.recurring_run_service_list_recurring_runs
    options = {"experiment_id": request.experiment_id, "filter": named(request.display_name)}
    for schedule in listed(method, "recurringRuns", run, **options):
        if schedule.get("display_name") == request.display_name and _is_active(schedule):
            return required(schedule, "recurring_run_id")
    return ""


def _is_active(schedule: dict[str, Any]) -> bool:
    return schedule.get("status") == "ENABLED" or schedule.get("mode") == "ENABLE"
